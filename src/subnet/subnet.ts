import type { Structure } from "../structure/structure.ts";

/** What stays of a network. */
export interface Subnet {
  /** Per dim of the structure: kept unit indices, ascending; all units of a pinned dim. Ignored where the dim's block is dropped. */
  readonly kept: readonly (readonly number[])[];
  /** Indices of dropped blocks, ascending; a nested block of a dropped one need not be listed. */
  readonly droppedBlocks: readonly number[];
  /** Indices of dropped layers, ascending. */
  readonly droppedLayers: readonly number[];
}

/** The subnet that is the whole network. */
export function keepAll(structure: Structure): Subnet {
  return {
    kept: structure.dims.map((dim) => Array.from({ length: dim.size }, (_, unit) => unit)),
    droppedBlocks: [],
    droppedLayers: [],
  };
}
