import { readWeights } from "../graph/constants.ts";
import { foldableValues } from "../graph/fold/folded.ts";
import type { Graph, Node } from "../graph/graph.ts";
import { nodeId } from "../graph/graph.ts";
import { traitsOf } from "../graph/op-traits.ts";
import { consumersOf } from "../graph/traversal.ts";
import type { FoundDims } from "./dims.ts";
import type { AxisCount, Contraction, ResolvedShapes, Weight } from "./structure.ts";
import { weightOf } from "./weight-of.ts";

/**
 * Floating-point constants of at least one axis that are trained, so without BatchNormalization's running statistics, bounds of a Clip,
 * values of a Pad and scales of a Resize: what deep-learning frameworks count as parameters.
 */
export function findWeights(graph: Graph, count: FoundDims["count"]): readonly Weight[] {
  return readWeights(graph).flatMap(({ name, tensor }) => {
    const uses = usesOf(graph, name);
    if (uses.every(isUntrained)) return [];
    const product = productOf(tensor.shape.map((_, axis) => count(name, axis)));
    return [{ name, ...product, consumers: uses.map(({ node }) => nodeId(node)) }];
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

/** Whether it is no trained number there: a running statistic, an exponent, a bound, a scale of sizes. */
function isUntrained({ node, input }: Use): boolean {
  const traits = traitsOf(node);
  return input >= (traits?.settingsFrom ?? Infinity) || traits?.untrained?.includes(input) === true;
}

/** MatMuls of two activations: [..., rows, inner] times [..., inner, columns]. */
export function findContractions(
  graph: Graph,
  shapes: ResolvedShapes,
  batch: number,
  count: FoundDims["count"],
): readonly Contraction[] {
  return graph.nodes.flatMap((node) => {
    if (node.opType !== "MatMul" || node.domain !== "" || weightOf(graph, node) !== null) return [];
    const [left = "", output = ""] = [node.inputs[0], node.outputs[0]];
    const [from, to] = [shapes.of(left), shapes.of(output)];
    if (from === null || to === null) return [];
    const forms = [
      ...to.map((_, axis) => count(output, axis)),
      ...(from.length === 0 ? [] : [count(left, from.length - 1)]),
    ];
    const { factor, axes } = productOf(forms);
    return [{ id: nodeId(node), factor: factor / batch, axes }];
  });
}

/** A product of lengths: what no dim shapes as one number, and the others. */
export function productOf(forms: readonly AxisCount[]): {
  readonly factor: number;
  readonly axes: readonly AxisCount[];
} {
  return {
    factor: forms.reduce(
      (product, { parts, fixed }) => product * (parts.length > 0 ? 1 : fixed),
      1,
    ),
    axes: forms.filter(({ parts }) => parts.length > 0),
  };
}
