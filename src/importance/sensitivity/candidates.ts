import type { Dim, Structure } from "../../structure/structure.ts";
import type { Cut, GatedNetwork } from "./gated.ts";

/** Something that is taken away alone, to see what it does. */
export type Candidate =
  | { readonly kind: "units"; readonly dim: number; readonly count: number; readonly cut: Cut }
  | { readonly kind: "block"; readonly block: number; readonly cut: Cut }
  | { readonly kind: "layer"; readonly layer: number; readonly cut: Cut };

/** Widths at which a dim is measured, in parts of its units; between them damage is interpolated. */
const LEVELS = 8;

const NOTHING: Cut = { kept: new Map(), droppedBlocks: [], droppedLayers: [] };

/** A layer whose own damage can be told apart: inside a block, what its layers are worth must add up to the block. */
export function isPriced(structure: Structure, layer: number): boolean {
  return structure.layers[layer]?.blocks.length === 0;
}

/** Every prunable dim at seven widths, every block, every layer outside of blocks that may be dropped. */
export function candidatesOf(
  structure: Structure,
  orders: readonly (readonly number[])[],
  gated: GatedNetwork,
): readonly Candidate[] {
  const widths = structure.dims.flatMap((dim) =>
    levelsOf(dim).map((count): Candidate => {
      const kept = new Map([[dim.index, new Set(orders[dim.index]?.slice(0, count))]]);
      return { kind: "units", dim: dim.index, count, cut: { ...NOTHING, kept } };
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
  return [...widths, ...blocks, ...layers];
}

/** How many cuts `candidatesOf` names, at most. */
export function cutCount(structure: Structure): number {
  const widths = structure.dims.reduce((sum, dim) => sum + levelsOf(dim).length, 0);
  return widths + structure.blocks.length + structure.layers.length;
}

function levelsOf(dim: Dim): readonly number[] {
  if (dim.pinned !== null) return [];
  const counts = Array.from({ length: LEVELS - 1 }, (_, level) =>
    Math.round((dim.size * (level + 1)) / LEVELS),
  );
  return [...new Set(counts)].filter((count) => count > 0 && count < dim.size);
}
