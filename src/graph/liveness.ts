/**
 * How much memory the values of a network take while it runs, by liveness over the order of its nodes:
 *
 * - one node runs after the other, in the file's order; a value is there from the node that writes it to the last that
 *   reads it, the network's outputs to the end;
 * - views (Reshape, Flatten, Squeeze, Unsqueeze, Identity, Dropout) share the memory of what they show;
 * - an element-by-element node writes over an operand of its own size that nothing reads afterwards;
 * - every other node needs its operands and its results at once, and no work space;
 * - constants and what is computed from them alone are not counted.
 *
 * Runtimes differ: some fuse more and need less, some add work space. What holds for all of them is the order of subnets.
 */
import type { DataType, Graph, Node } from "./graph.ts";
import { hasTrait } from "./op-traits.ts";
import type { Shapes } from "./shapes/infer.ts";
import { bytesPerElement, elementCount } from "./tensor.ts";
import { namesRead } from "./traversal.ts";

/** The values that take memory: what follows from the inputs and is not known before the network runs. */
export function storedValues(
  graph: Graph,
  isKnown: (name: string) => boolean,
): ReadonlySet<string> {
  const stored = new Set(graph.inputs.map((value) => value.name));
  for (const node of graph.nodes) {
    if (!namesRead(node).some((name) => stored.has(name))) continue;
    for (const name of node.outputs) if (name !== "" && !isKnown(name)) stored.add(name);
  }
  return stored;
}

/** The value whose memory each stored value uses: itself, or what it is a view of. */
export function memoryOf(graph: Graph, stored: ReadonlySet<string>): ReadonlyMap<string, string> {
  const roots = new Map([...stored].map((name) => [name, name]));
  for (const node of graph.nodes) {
    const [source = ""] = node.inputs;
    const root = roots.get(source);
    const [own = ""] = node.outputs;
    if (isView(node) && root !== undefined && stored.has(own)) roots.set(own, root);
  }
  return roots;
}

export function isView(node: Node): boolean {
  return hasTrait(node, "view");
}

/** Bytes of an element while the network runs with floating-point numbers of so many bytes. */
export function runBytes(type: DataType, floatBytes: number): number {
  const isFloat = /^b?float/.test(type) || type === "other";
  return isFloat ? floatBytes : bytesPerElement(type);
}

/**
 * The most bytes of values that are there at once.
 *
 * @param shapes of the graph at the batch that it runs with
 * @param floatBytes per floating-point element: 4 in float32, 2 in float16
 * @returns null where the shape of a value isn't known
 */
export function peakMemory(graph: Graph, shapes: Shapes, floatBytes: number): number | null {
  const isKnown = (name: string): boolean =>
    shapes.constant(name)?.every((item) => typeof item === "number") ?? false;
  const stored = storedValues(graph, isKnown);
  const roots = memoryOf(graph, stored);
  const sizes = new Map<string, number>();
  for (const name of new Set(roots.values())) {
    const shape = shapes.resolved(name);
    if (shape === null) return null;
    const { type } = shapes.of(name) ?? { type: "other" };
    sizes.set(name, elementCount(shape) * runBytes(type, floatBytes));
  }
  return peakOf(graph, roots, sizes);
}

function peakOf(
  graph: Graph,
  roots: ReadonlyMap<string, string>,
  sizes: ReadonlyMap<string, number>,
): number {
  const sizeOf = (root: string): number => sizes.get(root) ?? 0;
  const total = (names: readonly string[]): number =>
    names.reduce((sum, name) => sum + sizeOf(name), 0);
  const lastUse = lastUses(graph, roots);
  const inputs = graph.inputs.map(({ name }) => name).filter((name) => lastUse.has(name));
  let now = total(inputs);
  let peak = now;
  graph.nodes.forEach((node, at) => {
    const results = isView(node) ? [] : node.outputs.flatMap((name) => roots.get(name) ?? []);
    if (results.length === 0) return;
    const ending = endingAt(node, at, roots, lastUse);
    const reused = overwritten(node, results, ending, sizeOf);
    now += total(results) - total(reused);
    peak = Math.max(peak, now);
    now -= total(ending) - total(reused);
    now -= total(results.filter((root) => !lastUse.has(root)));
  });
  return peak;
}

/** The operand that the node writes over, as a list of one or none. */
function overwritten(
  node: Node,
  results: readonly string[],
  ending: readonly string[],
  sizeOf: (root: string) => number,
): readonly string[] {
  const [result] = results;
  if (results.length !== 1 || result === undefined) return [];
  if (!hasTrait(node, "inPlace")) return [];
  return ending.filter((root) => sizeOf(root) === sizeOf(result)).slice(0, 1);
}

/** Index of the last node that reads each memory; Infinity for the network's outputs. */
function lastUses(graph: Graph, roots: ReadonlyMap<string, string>): ReadonlyMap<string, number> {
  const lastUse = new Map<string, number>();
  graph.nodes.forEach((node, at) => {
    if (isView(node)) return;
    for (const name of namesRead(node)) {
      const root = roots.get(name);
      if (root !== undefined) lastUse.set(root, at);
    }
  });
  for (const { name } of graph.outputs) {
    const root = roots.get(name);
    if (root !== undefined) lastUse.set(root, Number.POSITIVE_INFINITY);
  }
  return lastUse;
}

function endingAt(
  node: Node,
  at: number,
  roots: ReadonlyMap<string, string>,
  lastUse: ReadonlyMap<string, number>,
): string[] {
  const read = namesRead(node).flatMap((name) => roots.get(name) ?? []);
  return [...new Set(read)].filter((root) => lastUse.get(root) === at);
}
