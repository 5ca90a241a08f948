/** Attributes of matrix products, normalisations and reductions. */
import { floatAttribute, intAttribute, type Node } from "../graph.ts";
import { axesOf, type Context, type Kind } from "./context.ts";

export function gemm({ node }: Context): Kind<"gemm"> {
  return {
    kind: "gemm",
    alpha: floatAttribute(node, "alpha", 1),
    beta: floatAttribute(node, "beta", 1),
    transA: intAttribute(node, "transA", 0) !== 0,
    transB: intAttribute(node, "transB", 0) !== 0,
  };
}

export function epsilonOf({ node }: Context): number {
  return floatAttribute(node, "epsilon", 1e-5);
}

// Before opset 14 there was no training_mode: more than one output meant training.
export function batchNorm(context: Context): Kind<"batchNorm"> {
  const { node, opset } = context;
  const outputs = node.outputs.filter((name) => name !== "").length;
  const training = opset < 14 ? outputs > 1 : intAttribute(node, "training_mode", 0) !== 0;
  return { kind: "batchNorm", epsilon: epsilonOf(context), training };
}

export function layerNorm(context: Context): Kind<"layerNorm"> {
  const axis = intAttribute(context.node, "axis", -1);
  return { kind: "layerNorm", axis, epsilon: epsilonOf(context) };
}

export function groupNorm(context: Context): Kind<"groupNorm"> {
  const groups = intAttribute(context.node, "num_groups", 1);
  return { kind: "groupNorm", groups, epsilon: epsilonOf(context) };
}

// ReduceSum took its axes as an input from opset 13 on, the others from 18 on.
export function reduce(context: Context): Kind<"reduce"> {
  const { node } = context;
  const reduction = node.opType.replace("Reduce", "");
  if (reduction.startsWith("Arg")) return argReduce(node, reduction);
  return {
    kind: "reduce",
    reduction,
    axes: axesOf(context, 1, reduction === "Sum" ? 13 : 18),
    keepDims: intAttribute(node, "keepdims", 1) !== 0,
    noopWithEmptyAxes: intAttribute(node, "noop_with_empty_axes", 0) !== 0,
  };
}

function argReduce(node: Node, reduction: string): Kind<"reduce"> {
  return {
    kind: "reduce",
    reduction,
    axes: [intAttribute(node, "axis", 0)],
    keepDims: intAttribute(node, "keepdims", 1) !== 0,
    noopWithEmptyAxes: false,
  };
}

export function softmax({ node, opset }: Context): Kind<"softmax"> {
  const flattened = opset < 13;
  const log = node.opType === "LogSoftmax";
  return { kind: "softmax", axis: intAttribute(node, "axis", flattened ? 1 : -1), log, flattened };
}
