import type { Graph, Node } from "../graph/graph.ts";
import { nodeLabel } from "../graph/graph.ts";
import { weightOf } from "./weight-of.ts";

/**
 * What to call a layer: its weight's name without `.weight` (PyTorch's module path, `layer1.0.conv1`), or the module path in
 * the node's name.
 */
export function layerLabel(graph: Graph, node: Node): string {
  const weight = weightOf(graph, node)?.name ?? "";
  return weight.endsWith(".weight") ? weight.slice(0, -".weight".length) : modulePath(node);
}

/**
 * The module path in the name that PyTorch's exporter gives a node: `/layer1/layer1.0/conv1/Conv` is `layer1.0.conv1`. A name
 * of another form stays as it is, but for TensorFlow Lite's, which joins the names of all ops it fused by `;`: the scope of
 * the first says it all.
 */
export function modulePath(node: Node): string {
  const label = nodeLabel(node);
  const [fused = ""] = label.split(";");
  if (fused !== label) return fused.split("/").slice(0, -1).join("/") || fused;
  const parts = label.split("/");
  const last = parts.at(-1) ?? "";
  if (!label.startsWith("/") || parts.length < 3 || !last.startsWith(node.opType)) return label;
  return parts.slice(1, -1).reduce((path, part) => {
    const parent = path.split(".").at(-1) ?? "";
    if (path === "" || part.startsWith(`${path}.`)) return part;
    if (parent !== "" && part.startsWith(`${parent}.`)) {
      return `${path}${part.slice(parent.length)}`;
    }
    return `${path}.${part}`;
  }, "");
}

/** What to call blocks: the module path of their Add, with the Add's own name where a module has several. */
export function blockNames(adds: readonly Node[]): readonly string[] {
  const paths = adds.map(modulePath);
  return paths.map((path, index) => {
    const [add] = adds.slice(index, index + 1);
    const own = add === undefined ? "" : (nodeLabel(add).split("/").at(-1) ?? "");
    return paths.indexOf(path) === paths.lastIndexOf(path) ? path : `${path}.${own}`;
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
