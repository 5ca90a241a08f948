import { constantNodeValue } from "./constants.ts";
import { typeOfCode } from "./data-type.ts";
import { type Graph, intAttribute, type Node } from "./graph.ts";
import type { Op } from "./op.ts";
import {
  argReduce,
  batchNorm,
  epsilonOf,
  gemm,
  groupNorm,
  layerNorm,
  reduce,
  softmax,
} from "./ops/compute.ts";
import { axesOf, type Context, listOf, numbersAt, valuesAt } from "./ops/context.ts";
import {
  blockSizeOf,
  constantOfShape,
  depthToSpace,
  gather,
  pad,
  reshape,
  shape,
  slice,
  split,
} from "./ops/layout.ts";
import { conv, convTranspose, pool, resize } from "./ops/window.ts";
import { type KnownValues, knownConstants } from "./values.ts";

/**
 * What a node does: see `Op`. `known` resolves the inputs that hold sizes; by default the graph's own constants.
 *
 * @example
 * const op = opOf(node, graph);
 * if (op.kind === "conv" && op.group === 1) strides = op.strides;
 */
export function opOf(node: Node, graph: Graph, known: KnownValues = knownConstants(graph)): Op {
  if (node.domain !== "") return { kind: "opaque", opType: node.opType, domain: node.domain };
  const read = READERS.get(node.opType);
  if (read !== undefined) return read({ node, graph, known, opset: graph.opsets.get("") ?? 0 });
  if (UNARY.has(node.opType)) return { kind: "unary", function: node.opType };
  if (ELEMENTWISE.has(node.opType)) return { kind: "elementwise", function: node.opType };
  return { kind: "opaque", opType: node.opType, domain: "" };
}

/** Ops that keep the shape of their first input and work element by element. */
const UNARY: ReadonlySet<string> = new Set(
  `Abs Acos Acosh Asin Asinh Atan Atanh BitwiseNot Ceil Celu Clip Cos Cosh Dropout Elu Erf Exp Floor Gelu HardSigmoid
  HardSwish Identity IsInf IsNaN LeakyRelu Log Mish Neg Not Reciprocal Relu Round Selu Shrink Sigmoid Sign Sin Sinh
  Softplus Softsign Sqrt Tan Tanh ThresholdedRelu`.split(/\s+/),
);

/** Ops whose inputs all broadcast to the output's shape. */
const ELEMENTWISE: ReadonlySet<string> = new Set(
  `Add And BitwiseAnd BitwiseOr BitwiseXor Div Equal Greater GreaterOrEqual Less LessOrEqual Max Mean Min Mod Mul Or Pow
  PRelu Sub Sum Where Xor`.split(/\s+/),
);

const REDUCTIONS = "L1 L2 LogSum LogSumExp Max Mean Min Prod Sum SumSquare".split(" ");

const READERS: ReadonlyMap<string, (context: Context) => Op> = new Map([
  ["Conv", conv],
  ["ConvTranspose", convTranspose],
  ["Gemm", gemm],
  ["MatMul", () => ({ kind: "matMul" })],
  ["BatchNormalization", batchNorm],
  ["LayerNormalization", layerNorm],
  ["InstanceNormalization", (c) => ({ kind: "instanceNorm", epsilon: epsilonOf(c) })],
  ["GroupNormalization", groupNorm],
  ["LRN", ({ node }) => ({ kind: "lrn", size: intAttribute(node, "size", 1) })],
  ["MaxPool", (c) => pool(c, "max")],
  ["AveragePool", (c) => pool(c, "average")],
  ["LpPool", (c) => pool(c, "lp")],
  ["GlobalMaxPool", () => ({ kind: "globalPool", mode: "max" })],
  ["GlobalAveragePool", () => ({ kind: "globalPool", mode: "average" })],
  ["GlobalLpPool", () => ({ kind: "globalPool", mode: "lp" })],
  ...REDUCTIONS.map((name) => [`Reduce${name}`, (c: Context) => reduce(c, name)] as const),
  ["ArgMax", (c) => argReduce(c, "ArgMax")],
  ["ArgMin", (c) => argReduce(c, "ArgMin")],
  ["Softmax", (c) => softmax(c, false)],
  ["LogSoftmax", (c) => softmax(c, true)],
  ["Concat", ({ node }) => ({ kind: "concat", axis: intAttribute(node, "axis", 0) })],
  ["Split", split],
  ["Slice", slice],
  ["Pad", pad],
  ["Transpose", ({ node }) => ({ kind: "transpose", perm: listOf(node, "perm") })],
  ["Reshape", reshape],
  ["Flatten", ({ node }) => ({ kind: "flatten", axis: intAttribute(node, "axis", 1) })],
  ["Squeeze", (c) => ({ kind: "squeeze", axes: axesOf(c, 1, 13) })],
  ["Unsqueeze", (c) => ({ kind: "unsqueeze", axes: axesOf(c, 1, 13) })],
  ["Expand", (c) => ({ kind: "expand", target: valuesAt(c, 1) })],
  ["Tile", (c) => ({ kind: "tile", repeats: numbersAt(c, 1) })],
  ["Gather", gather],
  ["Resize", resize],
  ["Upsample", resize],
  ["DepthToSpace", depthToSpace],
  ["SpaceToDepth", ({ node }) => ({ kind: "spaceToDepth", blockSize: blockSizeOf(node) })],
  ["Cast", ({ node }) => ({ kind: "cast", to: typeOfCode(intAttribute(node, "to", 0)) })],
  ["Shape", shape],
  ["Size", () => ({ kind: "size" })],
  ["Constant", ({ node }) => ({ kind: "constant", tensor: constantNodeValue(node) })],
  ["ConstantOfShape", constantOfShape],
  ["Range", () => ({ kind: "range" })],
  ["ScatterND", () => ({ kind: "scatter" })],
  ["ScatterElements", () => ({ kind: "scatter" })],
]);
