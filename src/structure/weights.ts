import { readWeights } from "../graph/constants.ts";
import { foldableValues } from "../graph/fold/folded.ts";
import type { Graph, Node } from "../graph/graph.ts";
import { nodeId } from "../graph/graph.ts";
import { elementCount } from "../graph/tensor.ts";
import { consumersOf } from "../graph/traversal.ts";
import type { FoundDims } from "./dims.ts";
import type { Contraction, ResolvedShapes, Weight } from "./structure.ts";
import { weightOf } from "./weight-of.ts";

/**
 * Floating-point constants of at least one axis, without BatchNormalization's running statistics: what deep-learning
 * frameworks count as parameters.
 */
export function findWeights(graph: Graph, count: FoundDims["count"]): readonly Weight[] {
  return readWeights(graph).flatMap(({ name, tensor }) => {
    const uses = usesOf(graph, name);
    if (uses.every(isStatistic)) return [];
    const forms = tensor.shape.map((_, axis) => count(name, axis));
    const axes = forms.filter((form) => form.parts.length > 0);
    const factor = forms
      .filter((form) => form.parts.length === 0)
      .reduce((product, form) => product * form.fixed, 1);
    return [{ name, factor, axes, consumers: uses.map(({ node }) => nodeId(node)) }];
  });
}

/** Where a constant is used, directly or behind a Cast, a DequantizeLinear and the like. */
interface Use {
  readonly node: Node;
  readonly input: number;
}

function usesOf(graph: Graph, name: string): readonly Use[] {
  const constants = foldableValues(graph);
  return (consumersOf(graph).get(name) ?? []).flatMap((node) =>
    constants.has(nodeId(node))
      ? usesOf(graph, nodeId(node))
      : [{ node, input: node.inputs.indexOf(name) }],
  );
}

function isStatistic({ node, input }: Use): boolean {
  return node.opType === "BatchNormalization" && (input === 3 || input === 4);
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
