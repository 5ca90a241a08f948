import type { Graph, Node } from "../graph/graph.ts";
import { nodeLabel } from "../graph/graph.ts";
import { weightOf } from "./weight-of.ts";

/**
 * What to call a layer: its weight's name without `.weight` (PyTorch's module path, `layer1.0.conv1`), or the node's label
 * where the weight has no such name.
 */
export function layerLabel(graph: Graph, node: Node): string {
  const weight = weightOf(graph, node)?.name ?? "";
  return weight.endsWith(".weight") ? weight.slice(0, -".weight".length) : nodeLabel(node);
}

/**
 * What to call blocks: the last part of the Add's module path (`/layer1/layer1.0/Add` is `layer1.0`), with the Add's own name
 * where a module has several.
 */
export function blockNames(adds: readonly Node[]): readonly string[] {
  const parts = adds.map((add) =>
    nodeLabel(add)
      .split("/")
      .filter((part) => part !== ""),
  );
  const short = parts.map((path) => path.at(-2) ?? path.at(-1) ?? "");
  return parts.map((path, index) => {
    const name = short[index] ?? "";
    return short.indexOf(name) === short.lastIndexOf(name) ? name : path.slice(-2).join("/");
  });
}

/** The names, made different where they repeat: `conv`, `conv@2`, `conv@3`. */
export function uniqueNames(names: readonly string[]): readonly string[] {
  const taken = new Set<string>();
  return names.map((name) => {
    let unique = name;
    for (let next = 2; taken.has(unique); next += 1) unique = `${name}@${next}`;
    taken.add(unique);
    return unique;
  });
}
