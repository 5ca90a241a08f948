import { dimsAlong } from "../counts.ts";
import type { Layer, Structure } from "../structure.ts";

/** A part of a network that people or the graph name: encoder, head, image tower. Every layer is in exactly one. */
export interface Component {
  readonly name: string;
  /** Indices of its layers, ascending; at least one. */
  readonly layers: readonly number[];
  /** What it was found by. */
  readonly origin: "names" | "graph" | "hand";
}

/** The components that a dim's units are written or read in, in the order of the components. */
export interface DimScope {
  readonly dim: number;
  /** Names of components; one for a dim inside a component, several for a dim that joins components. */
  readonly components: readonly string[];
}

/** `encoder` for a dim inside a component, `encoder+policy+value` for one that joins several; null without components. */
export function scopeName({ components }: DimScope): string | null {
  return components.length === 0 ? null : components.join("+");
}

/** Dims on the two channel axes of a layer's weight. */
export function dimsOfLayer(
  structure: Pick<Structure, "axis">,
  { weight }: Layer,
): ReadonlySet<number> {
  const found = new Set<number>();
  for (const axis of [weight.inputAxis, weight.outputAxis]) {
    for (const dim of dimsAlong(structure.axis(weight.name, axis))) found.add(dim);
  }
  return found;
}

/** Per dim, the components of the layers that produce or read it. */
export function scopesOf(
  structure: Pick<Structure, "axis" | "layers"> & { readonly dims: readonly unknown[] },
  components: readonly Component[],
): readonly DimScope[] {
  const touching = structure.dims.map(() => new Set<number>());
  for (const [index, component] of components.entries()) {
    for (const at of component.layers) {
      const layer = structure.layers[at];
      if (layer === undefined) continue;
      for (const dim of dimsOfLayer(structure, layer)) touching[dim]?.add(index);
    }
  }
  return touching.map((found, dim) => ({
    dim,
    components: [...found].sort((a, b) => a - b).flatMap((at) => components[at]?.name ?? []),
  }));
}
