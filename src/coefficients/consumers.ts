import { dimsAlong } from "../structure/counts.ts";
import type { Structure } from "../structure/structure.ts";

/** Per dim, how many components read its units; 1 at least. */
export function consumersPerDim(structure: Structure): readonly number[] {
  const readers = structure.dims.map(() => new Set<number>());
  for (const [index, { layers }] of structure.components.entries()) {
    for (const at of layers) {
      const layer = structure.layers[at];
      if (layer === undefined) continue;
      const { weight } = layer;
      for (const dim of dimsAlong(structure.axis(weight.name, weight.inputAxis))) {
        readers[dim]?.add(index);
      }
    }
  }
  return readers.map(({ size }) => Math.max(size, 1));
}
