import { type Random, shuffled } from "../../core/random.ts";
import { narrowerCounts } from "../../structure/dim-step.ts";
import type { Dim, Layer, Structure } from "../../structure/structure.ts";
import type { Subnet } from "../../subnet/subnet.ts";

/**
 * The numbers of units that a table covers per dim: multiples of `step` channels, and all. A dim that can't be pruned
 * has one. The same choices that the solver makes at this step.
 */
export function gridOf(structure: Structure, step: number): number[][] {
  return structure.dims.map((dim) =>
    dim.pinned === null ? [...narrowerCounts(dim, step), dim.size] : [dim.size],
  );
}

/** The thinnest subnet of a grid with all blocks and layers. */
export function leastOf(structure: Structure, grid: readonly (readonly number[])[]): Subnet {
  const kept = structure.dims.map((dim, index) =>
    Array.from({ length: grid[index]?.[0] ?? dim.size }, (_, unit) => unit),
  );
  return { kept, droppedBlocks: [], droppedLayers: [] };
}

/** Gives one random subnet after the other; each dim's counts come up evenly over the whole grid. */
export interface Plan {
  readonly next: () => Subnet;
}

/** Parts of a dim's grid that are visited in turns. */
const STRATA = 12;
/** Chance that a dim keeps everything, or the least: corners that solvers like. */
const FULL_SHARE = 0.08;
const LEAST_SHARE = 0.04;
/** In one network of so many a large part of the dims keeps everything, as in the subnets that solvers choose. */
const WHOLE_EVERY = 3;
/** Shares of blocks and of layers that are dropped, taken in turns. */
const DROP_SHARES = [0, 0.1, 0, 0.3];

/**
 * Random subnets over the grid. Every dim visits the parts of its grid in random turns (as in a Latin hypercube), dims
 * independently of each other, so that pairs of counts are covered as well; some networks lean to the narrow, some to
 * the wide side, some keep many dims whole, and some lose blocks and layers. (Without the whole ones MobileNetV2's dense
 * network was predicted 3 % too fast: its weights fill the caches, those of thin networks don't.)
 */
export function randomPlan(
  structure: Structure,
  grid: readonly (readonly number[])[],
  random: Random,
): Plan {
  const decks = grid.map((): number[] => []);
  let turn = 0;
  const draw = (dim: number, lean: number, fullShare: number): number => {
    const counts = grid[dim] ?? [];
    const deck = decks[dim] ?? [];
    if (deck.length === 0) deck.push(...shuffled([...Array(STRATA).keys()], random));
    const place = ((deck.pop() ?? 0) + random.next()) / STRATA;
    const luck = random.next();
    if (luck < fullShare) return counts.at(-1) ?? 0;
    if (luck < fullShare + LEAST_SHARE) return counts[0] ?? 0;
    return counts[Math.floor(place ** lean * counts.length)] ?? 0;
  };
  return {
    next: () => {
      const lean = 2 ** (2 * random.next() - 1);
      const share = DROP_SHARES[turn % DROP_SHARES.length] ?? 0;
      const fullShare = turn % WHOLE_EVERY === WHOLE_EVERY - 1 ? random.next() : FULL_SHARE;
      turn += 1;
      const counts = structure.dims.map((_, dim) => draw(dim, lean, fullShare));
      return subnetOf(structure, counts, share, random);
    },
  };
}

function subnetOf(
  structure: Structure,
  counts: number[],
  dropShare: number,
  random: Random,
): Subnet {
  const chosen = structure.blocks.filter(() => random.next() < dropShare);
  const gone = new Set(chosen.map((block) => block.index));
  const droppedBlocks = structure.blocks
    .filter((block) => gone.has(block.index) && !insideOf(structure, block.parent, gone))
    .map((block) => block.index);
  const droppedLayers: Layer[] = [];
  for (const layer of shuffled(structure.layers, random)) {
    if (layer.drop === null || layer.blocks.some((block) => gone.has(block))) continue;
    if (random.next() >= dropShare / 2 || !canTie(layer, droppedLayers, structure, gone)) continue;
    droppedLayers.push(layer);
    if (layer.drop.kind === "tie") counts[layer.drop.tied] = counts[layer.drop.outlives] ?? 0;
  }
  return {
    kept: counts.map((count) => Array.from({ length: count }, (_, unit) => unit)),
    droppedBlocks,
    droppedLayers: droppedLayers.map((layer) => layer.index).sort((a, b) => a - b),
  };
}

function insideOf(structure: Structure, parent: number | null, gone: ReadonlySet<number>): boolean {
  if (parent === null) return false;
  return gone.has(parent) || insideOf(structure, structure.blocks[parent]?.parent ?? null, gone);
}

/** A dim's units can follow only one other's, which follow none; and both dims must be there, of one size. */
function canTie(
  layer: Layer,
  dropped: readonly Layer[],
  structure: Structure,
  gone: ReadonlySet<number>,
): boolean {
  const { drop } = layer;
  if (drop === null || drop.kind === "same-dim") return true;
  const ends: (Dim | undefined)[] = [structure.dims[drop.outlives], structure.dims[drop.tied]];
  if (ends[0]?.size !== ends[1]?.size || ends[1]?.pinned !== null) return false;
  if (ends.some((dim) => insideOf(structure, dim?.block ?? null, gone))) return false;
  return dropped.every(({ drop: other }) => {
    if (other?.kind !== "tie") return true;
    const { outlives, tied } = other;
    return drop.tied !== tied && drop.tied !== outlives && drop.outlives !== tied;
  });
}
