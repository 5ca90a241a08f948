import { constantNodeValue } from "../graph/constants.ts";
import { foldableValues, foldedOf } from "../graph/fold/folded.ts";
import type { Graph, Node, Tensor } from "../graph/graph.ts";
import { intAttribute, intsAttribute, nodeId } from "../graph/graph.ts";
import { hasTrait } from "../graph/op-traits.ts";
import { producerOf } from "../graph/traversal.ts";

/**
 * A layer's weight: the initializer or Constant it comes from, or the value that is computed from such (by DequantizeLinear, Cast,
 * Reshape, ...), and where each axis of the layer's operand is in it. */
export interface WeightSource {
  readonly name: string;
  readonly tensor: Tensor;
  /** `axes[i]` is the axis of the tensor that the layer sees as axis i. */
  readonly axes: readonly number[];
}

/**
 * The constant second operand of a Conv, ConvTranspose, Gemm or MatMul, looked up through Identity and Transpose; null where
 * it is none, and where the node itself only computes a constant.
 */
export function weightOf(graph: Graph, node: Node): WeightSource | null {
  if (!hasTrait(node, "layer") || foldableValues(graph).has(nodeId(node))) return null;
  return sourceOf(graph, node.inputs[1] ?? "");
}

function sourceOf(graph: Graph, name: string): WeightSource | null {
  const node = producerOf(graph).get(name);
  if (node === undefined) return named(name, graph.initializers.get(name) ?? null);
  if (node.domain !== "") return null;
  const through = (): WeightSource | null => sourceOf(graph, node.inputs[0] ?? "");
  switch (node.opType) {
    case "Constant":
      return named(name, constantNodeValue(node));
    case "Identity":
      return through();
    case "Transpose": {
      const source = through();
      if (source === null) return null;
      const reversed = source.axes.map((_, index) => source.axes.length - 1 - index);
      const perm = intsAttribute(node, "perm", reversed);
      return { ...source, axes: perm.map((axis) => source.axes[axis] ?? axis) };
    }
    default:
      return named(name, foldedOf(graph, name));
  }
}

function named(name: string, tensor: Tensor | null): WeightSource | null {
  return tensor === null ? null : { name, tensor, axes: tensor.shape.map((_, index) => index) };
}

/** Which axes of the operand a layer contracts and produces. */
export function contractedAndProduced(
  node: Node,
  weight: Pick<WeightSource, "axes">,
): readonly [number, number] {
  switch (node.opType) {
    case "Conv":
      return [1, 0];
    case "Gemm":
      return intAttribute(node, "transB", 0) === 1 ? [1, 0] : [0, 1];
    case "ConvTranspose":
      return [0, 1];
    default:
      // MatMul [..., in, out].
      return [weight.axes.length - 2, weight.axes.length - 1];
  }
}
