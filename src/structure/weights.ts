import { readWeights } from "../graph/constants.ts";
import type { Graph, Node } from "../graph/graph.ts";
import { nodeId } from "../graph/graph.ts";
import { elementCount } from "../graph/tensor.ts";
import type { FoundDims } from "./dims.ts";
import type { Contraction, ResolvedShapes, Weight } from "./structure.ts";
import { weightOf } from "./weight-of.ts";

/**
 * Floating-point constants of at least one axis, without BatchNormalization's running statistics: what deep-learning
 * frameworks count as parameters.
 */
export function findWeights(graph: Graph, count: FoundDims["count"]): readonly Weight[] {
  return readWeights(graph).flatMap(({ name, tensor, readers }) => {
    if (readers.every((reader) => isStatistic(reader, name))) return [];
    const forms = tensor.shape.map((_, axis) => count(name, axis));
    const axes = forms.filter((form) => form.parts.length > 0);
    const factor = forms
      .filter((form) => form.parts.length === 0)
      .reduce((product, form) => product * form.fixed, 1);
    return [{ name, factor, axes, consumers: readers.map(nodeId) }];
  });
}

function isStatistic(reader: Node, name: string): boolean {
  const at = reader.inputs.indexOf(name);
  return reader.opType === "BatchNormalization" && (at === 3 || at === 4);
}

/** MatMuls of two activations, with their MACs at batch 1. */
export function findContractions(
  graph: Graph,
  shapes: ResolvedShapes,
  batch: number,
): readonly Contraction[] {
  return graph.nodes.flatMap((node) => {
    if (node.opType !== "MatMul" || node.domain !== "" || weightOf(graph, node) !== null) return [];
    const left = shapes.of(node.inputs[0] ?? "");
    const output = shapes.of(node.outputs[0] ?? "");
    if (left === null || output === null) return [];
    return [{ id: nodeId(node), macs: (elementCount(output) * (left.at(-1) ?? 0)) / batch }];
  });
}
