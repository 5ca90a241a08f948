import type { Block, Dim, Layer, Structure } from "../../structure/structure.ts";
import type { DimImportance, LayerImportance } from "../importance.ts";
import type { JointImportance } from "../joint.ts";
import type { Candidate } from "./candidates.ts";
import { type PairDamage, pairJoints } from "./joint-damages.ts";

/** Damage by what was cut. */
interface Measured {
  readonly widths: ReadonlyMap<number, readonly (readonly [count: number, damage: number])[]>;
  readonly pairs: readonly PairDamage[];
  readonly blocks: ReadonlyMap<number, number>;
  readonly layers: ReadonlyMap<number, number>;
}

/** Damages as importance: scores of units, and what dims are worth together. */
export interface MeasuredImportance {
  readonly dims: readonly DimImportance[];
  /** Absent where no two dims multiply each other. */
  readonly joint?: readonly JointImportance[] | undefined;
}

/**
 * Damages as importance. The program adds what stays, so that a dim's share is written as differences between counts, along its
 * order: keeping k units is worth the damage that going on to fewer would do. A block is worth the damage of dropping it, and a
 * droppable layer outside of blocks likewise; what their dims don't make up is put on the unit that goes last. Dims that multiply
 * each other have a table of what they do together (joint-damages.ts), and a block with such dims is worth its damage and no more,
 * where its dims' shares add up to more.
 */
export function importanceFromDamages(
  structure: Structure,
  orders: readonly (readonly number[])[],
  candidates: readonly Candidate[],
  damages: readonly number[],
): MeasuredImportance {
  const measured = sorted(candidates, damages);
  const entries = new Map<string, { dim: number; layer: Layer; scores: Float64Array }>();
  const worth = new Float64Array(structure.layers.length);
  const addTo = (dim: Dim, layer: Layer, rank: number, amount: number): void => {
    const key = `${dim.index} ${layer.index}`;
    const entry = entries.get(key) ?? {
      ...{ dim: dim.index, layer, scores: new Float64Array(dim.size) },
    };
    entries.set(key, entry);
    const unit = orders[dim.index]?.[rank] ?? rank;
    entry.scores[unit] = (entry.scores[unit] ?? 0) + amount;
    worth[layer.index] = (worth[layer.index] ?? 0) + amount;
  };
  for (const dim of structure.dims) {
    const points = measured.widths.get(dim.index);
    const layer = homeLayer(structure, dim);
    if (points === undefined || layer === null) continue;
    const steps = stepsOf(points, dim.size);
    for (const [rank, step] of steps.entries()) addTo(dim, layer, rank, step);
  }
  const raise = (layer: Layer | undefined, wanted: number, present: number): void => {
    const dim = layer === undefined ? null : producedDim(structure, layer);
    if (layer === undefined || dim === null || wanted <= present) return;
    addTo(dim, layer, 0, wanted - present);
  };
  for (const [index, damage] of measured.layers) {
    raise(structure.layers[index], damage, worth[index] ?? 0);
  }
  for (const block of innerFirst(structure.blocks)) {
    const own = block.layers.map((index) => structure.layers[index]);
    const first = own.find((layer) => layer?.blocks.at(-1) === block.index) ?? own[0];
    const present = block.layers.reduce((sum, index) => sum + (worth[index] ?? 0), 0);
    raise(first, measured.blocks.get(block.index) ?? 0, present);
  }
  const dims = structure.dims.map((dim): DimImportance => {
    const layers = [...entries.values()]
      .filter((entry) => entry.dim === dim.index)
      .sort((a, b) => a.layer.index - b.layer.index)
      .map(({ layer, scores }): LayerImportance => {
        const block = structure.blocks[layer.blocks.at(-1) ?? -1]?.name ?? null;
        return { layer: layer.name, block, scores: Array.from(scores, rounded) };
      });
    return { dim: dim.name, units: dim.size, order: orders[dim.index], layers };
  });
  if (measured.pairs.length === 0) return { dims };
  const tableOf = (
    layer: Layer,
    table: Pick<JointImportance, "dims" | "counts" | "gains">,
  ): JointImportance => ({
    ...{ layer: layer.name, block: structure.blocks[layer.blocks.at(-1) ?? -1]?.name ?? null },
    ...{ ...table, gains: table.gains.map((gain) => Number(gain.toPrecision(7))) },
  });
  const damagesAlong = (dim: Dim): readonly number[] => {
    const steps = stepsOf(measured.widths.get(dim.index) ?? [], dim.size);
    const lost = new Array<number>(dim.size + 1).fill(0);
    for (let kept = dim.size - 1; kept >= 0; kept -= 1) {
      lost[kept] = (lost[kept + 1] ?? 0) + (steps[kept] ?? 0);
    }
    return lost;
  };
  const joint = pairJoints(structure, measured.pairs, damagesAlong).flatMap(({ dim, ...table }) => {
    const layer = homeLayer(structure, dim);
    return layer === null ? [] : [tableOf(layer, table)];
  });
  const paired = new Set(measured.pairs.flatMap(({ dims: pair }) => pair));
  for (const block of structure.blocks) {
    const own = structure.dims.filter((dim) => dim.block === block.index && paired.has(dim.index));
    const layer = own[0] === undefined ? null : homeLayer(structure, own[0]);
    const present = block.layers.reduce((sum, index) => sum + (worth[index] ?? 0), 0);
    const excess = present - (measured.blocks.get(block.index) ?? 0);
    if (layer === null || layer.blocks.at(-1) !== block.index || excess <= 0) continue;
    joint.push(tableOf(layer, { dims: [], counts: [], gains: [-excess] }));
  }
  return { dims, joint };
}

function sorted(candidates: readonly Candidate[], damages: readonly number[]): Measured {
  const widths = new Map<number, (readonly [number, number])[]>();
  const blocks = new Map<number, number>();
  const layers = new Map<number, number>();
  const pairs: PairDamage[] = [];
  for (const [index, candidate] of candidates.entries()) {
    const damage = damages[index] ?? 0;
    switch (candidate.kind) {
      case "units":
        widths.set(candidate.dim, [
          ...(widths.get(candidate.dim) ?? []),
          [candidate.count, damage],
        ]);
        break;
      case "pair":
        pairs.push({ dims: candidate.dims, counts: candidate.counts, damage });
        break;
      case "block":
        blocks.set(candidate.block, damage);
        break;
      case "layer":
        layers.set(candidate.layer, damage);
        break;
      default:
        candidate satisfies never;
    }
  }
  return { widths, pairs, blocks, layers };
}

/** What each unit adds, from the best to the last, by straight lines between the widths that were measured. */
function stepsOf(points: readonly (readonly [number, number])[], size: number): number[] {
  const falling = [...points, [size, 0] as const].sort((a, b) => b[0] - a[0]);
  let most = 0;
  // A narrower dim that happens to do less damage is no reason to prefer it to a wider one.
  const rising = falling.map(([count, damage]) => {
    most = Math.max(most, damage);
    return [count, most] as const;
  });
  const steps = new Array<number>(size).fill(0);
  for (const [index, [count, damage]] of rising.entries()) {
    const narrower = rising[index + 1];
    if (narrower === undefined) break;
    const [from, more] = narrower;
    for (let rank = from; rank < count; rank += 1) steps[rank] = (more - damage) / (count - from);
  }
  return steps;
}

/** The layer that a dim's share is lost with: one of its block's where it lives in a block, one that always stays otherwise. */
function homeLayer(structure: Structure, dim: Dim): Layer | null {
  const touching = structure.layers.filter(({ weight }) =>
    [weight.inputAxis, weight.outputAxis].some(
      (axis) =>
        structure.axis(weight.name, axis)?.levels.some(({ dims }) => dims.includes(dim.index)) ===
        true,
    ),
  );
  const producers = touching.filter((layer) => dim.producers.includes(layer.id));
  const ordered = [...producers, ...touching];
  const atHome = ordered.filter((layer) => (layer.blocks.at(-1) ?? null) === dim.block);
  const staying = atHome.find((layer) => layer.drop === null);
  return staying ?? atHome[0] ?? ordered[0] ?? null;
}

function producedDim(structure: Structure, layer: Layer): Dim | null {
  const units = structure.axis(layer.weight.name, layer.weight.outputAxis);
  const index = units?.levels[0]?.dims.find((dim) => dim >= 0);
  return index === undefined ? null : (structure.dims[index] ?? null);
}

function innerFirst(blocks: readonly Block[]): Block[] {
  const depth = (block: Block): number => {
    const parent = block.parent === null ? undefined : blocks[block.parent];
    return parent === undefined ? 0 : 1 + depth(parent);
  };
  return [...blocks].sort((a, b) => depth(b) - depth(a) || a.index - b.index);
}

function rounded(score: number): number {
  return Number(Math.max(0, score).toPrecision(7));
}
