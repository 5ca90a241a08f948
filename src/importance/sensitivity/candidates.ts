import { dimsOf } from "../../structure/counts.ts";
import type { Dim, Structure } from "../../structure/structure.ts";
import type { Cut, GatedNetwork } from "./gated.ts";

/** Something that is taken away alone, to see what it does. */
export type Candidate =
  | { readonly kind: "units"; readonly dim: number; readonly count: number; readonly cut: Cut }
  | {
      readonly kind: "pair";
      readonly dims: readonly [number, number];
      readonly counts: readonly [number, number];
      readonly cut: Cut;
    }
  | { readonly kind: "block"; readonly block: number; readonly cut: Cut }
  | { readonly kind: "layer"; readonly layer: number; readonly cut: Cut };

/** Widths at which a dim is measured, in parts of its units; between them damage is interpolated. */
const LEVELS = 8;
/** Widths of each of two dims that are measured together, in the same way. */
const PAIR_LEVELS = 4;

const NOTHING: Cut = { kept: new Map(), droppedBlocks: [], droppedLayers: [] };

/** A layer whose own damage can be told apart: inside a block, what its layers are worth must add up to the block. */
export function isPriced(structure: Structure, layer: number): boolean {
  return structure.layers[layer]?.blocks.length === 0;
}

/**
 * Every prunable dim at seven widths, dims that multiply each other on an axis at three widths each, every block, every layer
 * outside of blocks that may be dropped.
 */
export function candidatesOf(
  structure: Structure,
  orders: readonly (readonly number[])[],
  gated: GatedNetwork,
): readonly Candidate[] {
  const keptOf = (dim: number, count: number): [number, Set<number>] => [
    dim,
    new Set(orders[dim]?.slice(0, count)),
  ];
  const widths = widthsAlong(structure, orders, LEVELS);
  const pairs = pairCounts(structure).map(
    ({ dims, counts }): Candidate => ({
      ...{ kind: "pair", dims, counts },
      cut: {
        ...NOTHING,
        kept: new Map([keptOf(dims[0], counts[0]), keptOf(dims[1], counts[1])]),
      },
    }),
  );
  const blocks = structure.blocks.map(
    ({ index }): Candidate => ({
      kind: "block",
      block: index,
      cut: { ...NOTHING, droppedBlocks: [index] },
    }),
  );
  const priced = gated.layers.filter((layer) => isPriced(structure, layer));
  const layers = priced.map(
    (layer): Candidate => ({
      kind: "layer",
      layer,
      cut: { ...NOTHING, droppedLayers: [layer] },
    }),
  );
  return [...widths, ...pairs, ...blocks, ...layers];
}

/** Every prunable dim alone at widths in so many parts of its units: its best units by an order. */
export function widthsAlong(
  structure: Structure,
  orders: readonly (readonly number[])[],
  levels: number,
): readonly Candidate[] {
  return structure.dims.flatMap((dim) =>
    levelsOf(dim, levels).map((count): Candidate => {
      const kept = new Map([[dim.index, new Set(orders[dim.index]?.slice(0, count))]]);
      return { kind: "units", dim: dim.index, count, cut: { ...NOTHING, kept } };
    }),
  );
}

/** How many cuts `candidatesOf` names, at most. */
export function cutCount(structure: Structure): number {
  const widths = structure.dims.reduce((sum, dim) => sum + levelsOf(dim, LEVELS).length, 0);
  const pairs = pairCounts(structure).length;
  return widths + pairs + structure.blocks.length + structure.layers.length;
}

/**
 * Pairs of prunable dims of one block that multiply each other along an axis (heads and a head's columns), the first of a pair being
 * the one that comes first in the structure.
 */
export function pairsOf(structure: Structure): readonly (readonly [Dim, Dim])[] {
  const found = new Map<string, readonly [Dim, Dim]>();
  for (const { input, output } of structure.layers) {
    for (const part of [...input.parts, ...output.parts]) {
      const dims = dimsOf(part).flatMap((index) => structure.dims[index] ?? []);
      for (const first of dims) {
        for (const second of dims) {
          const isPair =
            first.index < second.index &&
            first.block === second.block &&
            [first, second].every(({ pinned }) => pinned === null);
          if (isPair) found.set(`${first.index} ${second.index}`, [first, second]);
        }
      }
    }
  }
  return [...found.values()];
}

function pairCounts(structure: Structure): {
  readonly dims: readonly [number, number];
  readonly counts: readonly [number, number];
}[] {
  return pairsOf(structure).flatMap(([first, second]) =>
    levelsOf(first, PAIR_LEVELS).flatMap((left) =>
      levelsOf(second, PAIR_LEVELS).map((right) => ({
        ...{ dims: [first.index, second.index] as const, counts: [left, right] as const },
      })),
    ),
  );
}

function levelsOf(dim: Dim, levels: number): readonly number[] {
  if (dim.pinned !== null) return [];
  const counts = Array.from({ length: levels - 1 }, (_, level) =>
    Math.round((dim.size * (level + 1)) / levels),
  );
  return [...new Set(counts)].filter((count) => count > 0 && count < dim.size);
}
