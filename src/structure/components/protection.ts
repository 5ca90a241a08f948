import { closest } from "../../core/closest.ts";
import { UsageError } from "../../core/errors.ts";
import type { Dim, Layer, Structure } from "../structure.ts";
import { dimsOfLayer } from "./component.ts";

/** What the user keeps whole: dims whose names match, and components. */
export interface Protection {
  /** As it was written: `@policy|^encoder`. */
  readonly text: string;
  /** Dims whose name it matches stay whole. */
  readonly pattern: RegExp | null;
  /** Components that stay as they are, or `encoder+policy` for the dims that join exactly these. */
  readonly components: readonly string[];
}

/** What of a network is protected, and by what. */
export interface Protected {
  /** The text that protects a dim; null where it may be pruned. */
  readonly dim: (dim: Dim) => string | null;
  /** Whether a layer must not be dropped. */
  readonly layer: (layer: Layer) => boolean;
}

/**
 * A protected component keeps every unit that its layers write or read, and all its layers.
 * @throws UsageError `structure/protection` where there is no such component
 */
export function protectedIn(structure: Structure, protection: Protection | null): Protected {
  if (protection === null) return { dim: () => null, layer: () => false };
  const layers = new Set<number>();
  const dims = new Map<number, string>();
  for (const name of protection.components) {
    const component = structure.components.find((candidate) => candidate.name === name);
    if (component === undefined) {
      const joined = structure.dims.filter((dim) => dim.component === name);
      if (joined.length === 0) throw unknownComponent(structure, protection, name);
      for (const { index } of joined) dims.set(index, `@${name}`);
      continue;
    }
    for (const index of component.layers) {
      const layer = structure.layers[index];
      if (layer === undefined) continue;
      layers.add(index);
      for (const dim of dimsOfLayer(structure, layer)) dims.set(dim, `@${name}`);
    }
  }
  const { pattern } = protection;
  return {
    dim: ({ index, name }) => dims.get(index) ?? (pattern?.test(name) ? String(pattern) : null),
    layer: ({ index }) => layers.has(index),
  };
}

function unknownComponent(structure: Structure, { text }: Protection, name: string): UsageError {
  const known = [
    ...new Set([
      ...structure.components.map((component) => component.name),
      ...structure.dims.flatMap(({ component }) => component ?? []),
    ]),
  ];
  const meant = closest(name, known);
  return new UsageError({
    code: "structure/protection",
    message: `There is no component '${name}'.${known.length === 0 ? " Nothing splits this network into components." : ` Components: ${known.join(", ")}.`}`,
    where: `--protect ${text}`,
    hint:
      meant === null
        ? `Name it with a regular expression of its layers: --component ${name}=layer4.`
        : `Did you mean '@${meant}'?`,
  });
}
