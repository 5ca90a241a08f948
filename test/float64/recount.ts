import type { Graph, Node } from "../../src/graph/graph.ts";
import type { Evaluated } from "./evaluate.ts";

/** Elements of weights, biases and factors, without the statistics of normalisations: counted on the network's own constants. */
export function parametersOf(graph: Graph): number {
  const counted = new Set<string>();
  for (const { opType, inputs } of graph.nodes) {
    const last = opType === "BatchNormalization" ? 3 : inputs.length;
    for (const name of inputs.slice(0, last)) counted.add(name);
  }
  let sum = 0;
  for (const [name, tensor] of graph.initializers) {
    if (counted.has(name) && tensor.type === "float32")
      sum += tensor.shape.reduce((a, b) => a * b, 1);
  }
  return sum;
}

/** Products that were made, one by one. */
export function macsOf({ products }: Evaluated): number {
  return [...products.values()].reduce((sum, count) => sum + count, 0);
}

const OVERWRITES = new Set(["Relu", "Sigmoid", "Add", "Mul", "BatchNormalization"]);

/**
 * Most bytes of values that are there at once, as docs/limits.md says it: step by step, with the values that somebody still reads, and
 * those that the step reads and writes; an element-by-element step writes over an operand of its size that nobody reads again.
 */
export function peakBytesOf(graph: Graph, { values }: Evaluated, bytesPerNumber: number): number {
  const owner = (name: string): string => {
    const view = graph.nodes.find((node) => node.opType === "Flatten" && node.outputs[0] === name);
    return view === undefined ? name : owner(view.inputs[0] ?? "");
  };
  const bytes = (name: string): number => (values.get(name)?.data.length ?? 0) * bytesPerNumber;
  const steps = graph.nodes.filter(({ opType }) => opType !== "Flatten");
  const readsOf = (node: Node): readonly string[] => [
    ...new Set(node.inputs.filter((name) => !graph.initializers.has(name)).map(owner)),
  ];
  const kept = new Set(graph.outputs.map(({ name }) => owner(name)));
  const written = new Set(graph.inputs.map(({ name }) => name));
  let peak = [...written].reduce((sum, name) => sum + bytes(name), 0);
  for (const [at, step] of steps.entries()) {
    const later = new Set([...kept, ...steps.slice(at + 1).flatMap(readsOf)]);
    const result = step.outputs[0] ?? "";
    const reads = readsOf(step);
    const there = new Set([...[...written].filter((name) => later.has(name)), ...reads, result]);
    const over = OVERWRITES.has(step.opType)
      ? reads.find((name) => !later.has(name) && bytes(name) === bytes(result))
      : undefined;
    if (over !== undefined) there.delete(over);
    peak = Math.max(
      peak,
      [...there].reduce((sum, name) => sum + bytes(name), 0),
    );
    written.add(result);
  }
  return peak;
}
