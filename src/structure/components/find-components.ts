import { UsageError } from "../../core/errors.ts";
import type { Component } from "./component.ts";
import { neckOf, type PartSource, partsFromGraph } from "./from-graph.ts";
import { type Parts, partsFromNames } from "./from-names.ts";

/** How components are looked for: by names and, where they say nothing, by the graph; or by one of the two. */
export const COMPONENT_RULES = ["auto", "names", "graph"] as const;
export type ComponentRule = (typeof COMPONENT_RULES)[number];

/** The components of a network; none where nothing splits it. */
export function findComponents(
  source: PartSource,
  rule: ComponentRule = "auto",
): readonly Component[] {
  const named = rule === "graph" ? null : partsFromNames(source.layers);
  if (named !== null) return listed(rule === "auto" ? withNeck(source, named) : named, "names");
  const found = rule === "names" ? null : partsFromGraph(source);
  return found === null ? [] : listed(found, "graph");
}

/**
 * Components by hand before found ones: a layer belongs to the first regular expression that its name matches, and to the component
 * it was found in where none does.
 * @throws UsageError `structure/empty-component`
 */
export function componentsByHand(
  { layers }: Pick<PartSource, "layers">,
  found: readonly Component[],
  patterns: ReadonlyMap<string, RegExp>,
): readonly Component[] {
  const taken = new Set<number>();
  const byHand = [...patterns].map(([name, pattern]): Component => {
    const own = layers.flatMap((layer) =>
      pattern.test(layer.name) && !taken.has(layer.index) ? [layer.index] : [],
    );
    if (own.length === 0)
      throw emptyComponent(
        name,
        pattern,
        layers.map((layer) => layer.name),
      );
    for (const index of own) taken.add(index);
    return { name, layers: own, origin: "hand" };
  });
  const names = new Set(patterns.keys());
  const rest = found
    .map((component) => ({
      ...component,
      name: names.has(component.name) ? `${component.name}-rest` : component.name,
      layers: component.layers.filter((index) => !taken.has(index)),
    }))
    .filter((component) => component.layers.length > 0);
  return inOrder([...byHand, ...rest]);
}

function listed(parts: Parts, origin: Component["origin"]): readonly Component[] {
  return inOrder([...parts].map(([name, layers]) => ({ name, layers, origin })));
}

function inOrder(components: readonly Component[]): readonly Component[] {
  return [...components].sort((a, b) => (a.layers[0] ?? 0) - (b.layers[0] ?? 0));
}

/** Detectors are often written with the neck inside the backbone's module; the graph tells them apart. */
function withNeck(source: PartSource, parts: Parts): Parts {
  if (parts.has("neck")) return parts;
  const [first] = parts;
  if (first === undefined) return parts;
  const [name, members] = first;
  const neck = neckOf(source, members);
  if (neck.length === 0 || neck.length === members.length) return parts;
  const isNeck = new Set(neck);
  return new Map([
    [name, members.filter((index) => !isNeck.has(index))],
    ["neck", neck],
    ...[...parts].slice(1),
  ]);
}

function emptyComponent(name: string, pattern: RegExp, names: readonly string[]): UsageError {
  const shown = names.slice(0, 3).join(", ");
  return new UsageError({
    code: "structure/empty-component",
    message: `Component '${name}' has no layers: no name matches ${pattern}, or another component took them.`,
    where: `--component ${name}`,
    hint: `The ${names.length} layers are named like ${shown}; mdp inspect --layers lists them.`,
  });
}
