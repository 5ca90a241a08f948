import { constantNodeValue, constantOf } from "./constants.ts";
import { typeOfCode } from "./data-type.ts";
import type { Extent, Graph, Node } from "./graph.ts";
import { floatAttribute, intAttribute, intsAttribute, stringAttribute } from "./graph.ts";
import type { AutoPad, Op, Window } from "./op.ts";
import { type KnownValues, knownConstants } from "./values.ts";

interface Context {
  readonly node: Node;
  readonly graph: Graph;
  readonly known: KnownValues;
  /** Version of the standard operator set. */
  readonly opset: number;
}

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

/** Values of an input that holds sizes; null where it is omitted or not constant. */
function valuesAt(context: Context, index: number): readonly Extent[] | null {
  const name = context.node.inputs[index] ?? "";
  return name === "" ? null : context.known(name);
}

/** As `valuesAt`, where every value must be a number. */
function numbersAt(context: Context, index: number): readonly number[] | null {
  const values = valuesAt(context, index);
  return values?.every((value) => typeof value === "number") ? values : null;
}

function has(context: Context, index: number): boolean {
  return (context.node.inputs[index] ?? "") !== "";
}

function listOf(node: Node, name: string): readonly number[] | null {
  const attribute = node.attributes.get(name);
  return attribute?.kind === "ints" ? attribute.value : null;
}

/** Axes from the attribute before opset `since`, from input `index` after; absent: an empty list. */
function axesOf(context: Context, index: number, since: number): readonly number[] | null {
  if (context.opset < since) return listOf(context.node, "axes") ?? [];
  return has(context, index) ? numbersAt(context, index) : [];
}

function windowOf(node: Node, kernelShape: readonly number[] | null): Window {
  const axes = kernelShape?.length ?? 0;
  const ones = new Array<number>(axes).fill(1);
  return {
    kernelShape,
    strides: intsAttribute(node, "strides", ones),
    dilations: intsAttribute(node, "dilations", ones),
    pads: intsAttribute(node, "pads", new Array<number>(axes * 2).fill(0)),
    autoPad: autoPadOf(stringAttribute(node, "auto_pad", "NOTSET")),
  };
}

function autoPadOf(text: string): AutoPad {
  return text === "SAME_UPPER" || text === "SAME_LOWER" || text === "VALID" ? text : "NOTSET";
}

function kernelOf({ node, graph }: Context): readonly number[] | null {
  const weight = constantOf(graph, node.inputs[1] ?? "");
  return listOf(node, "kernel_shape") ?? (weight === null ? null : weight.shape.slice(2));
}

function conv(context: Context): Op {
  const { node } = context;
  const group = intAttribute(node, "group", 1);
  return { kind: "conv", group, ...windowOf(node, kernelOf(context)) };
}

function convTranspose(context: Context): Op {
  const { node } = context;
  const kernel = kernelOf(context);
  return {
    kind: "convTranspose",
    group: intAttribute(node, "group", 1),
    outputPadding: intsAttribute(
      node,
      "output_padding",
      (kernel ?? []).map(() => 0),
    ),
    outputShape: listOf(node, "output_shape"),
    ...windowOf(node, kernel),
  };
}

function gemm({ node }: Context): Op {
  return {
    kind: "gemm",
    alpha: floatAttribute(node, "alpha", 1),
    beta: floatAttribute(node, "beta", 1),
    transA: intAttribute(node, "transA", 0) !== 0,
    transB: intAttribute(node, "transB", 0) !== 0,
  };
}

function epsilonOf({ node }: Context): number {
  return floatAttribute(node, "epsilon", 1e-5);
}

// Before opset 14 there was no training_mode: more than one output meant training.
function batchNorm(context: Context): Op {
  const { node, opset } = context;
  const outputs = node.outputs.filter((name) => name !== "").length;
  const training = opset < 14 ? outputs > 1 : intAttribute(node, "training_mode", 0) !== 0;
  return { kind: "batchNorm", epsilon: epsilonOf(context), training };
}

function layerNorm(context: Context): Op {
  const axis = intAttribute(context.node, "axis", -1);
  return { kind: "layerNorm", axis, epsilon: epsilonOf(context) };
}

function groupNorm(context: Context): Op {
  const groups = intAttribute(context.node, "num_groups", 1);
  return { kind: "groupNorm", groups, epsilon: epsilonOf(context) };
}

function pool({ node }: Context, mode: "max" | "average" | "lp"): Op {
  return {
    kind: "pool",
    mode,
    ceilMode: intAttribute(node, "ceil_mode", 0) !== 0,
    countIncludePad: intAttribute(node, "count_include_pad", 0) !== 0,
    ...windowOf(node, listOf(node, "kernel_shape")),
  };
}

// ReduceSum took its axes as an input from opset 13 on, the others from 18 on.
function reduce(context: Context, reduction: string): Op {
  const { node } = context;
  return {
    kind: "reduce",
    reduction,
    axes: axesOf(context, 1, reduction === "Sum" ? 13 : 18),
    keepDims: intAttribute(node, "keepdims", 1) !== 0,
    noopWithEmptyAxes: intAttribute(node, "noop_with_empty_axes", 0) !== 0,
  };
}

function argReduce({ node }: Context, reduction: string): Op {
  return {
    kind: "reduce",
    reduction,
    axes: [intAttribute(node, "axis", 0)],
    keepDims: intAttribute(node, "keepdims", 1) !== 0,
    noopWithEmptyAxes: false,
  };
}

function softmax({ node, opset }: Context, log: boolean): Op {
  const flattened = opset < 13;
  return { kind: "softmax", axis: intAttribute(node, "axis", flattened ? 1 : -1), log, flattened };
}

function split(context: Context): Op {
  const { node, opset } = context;
  const axis = intAttribute(node, "axis", 0);
  if (opset < 13) return { kind: "split", axis, sizes: listOf(node, "split"), sizesKnown: true };
  const sizes = valuesAt(context, 1);
  return { kind: "split", axis, sizes, sizesKnown: sizes !== null || !has(context, 1) };
}

function slice(context: Context): Op {
  const { node, opset } = context;
  if (opset < 10) {
    const starts = intsAttribute(node, "starts", []);
    const axes = listOf(node, "axes") ?? starts.map((_, axis) => axis);
    const ends = intsAttribute(node, "ends", []);
    return { kind: "slice", starts, ends, axes, steps: starts.map(() => 1) };
  }
  const starts = valuesAt(context, 1);
  const ends = valuesAt(context, 2);
  const axes = has(context, 3) ? numbersAt(context, 3) : (starts?.map((_, axis) => axis) ?? null);
  const steps = has(context, 4) ? numbersAt(context, 4) : (starts?.map(() => 1) ?? null);
  if (starts === null || ends === null || axes === null || steps === null) {
    // The axes alone still say which extents stay as they are.
    return { kind: "slice", starts: null, ends: null, axes, steps: null };
  }
  return { kind: "slice", starts, ends, axes, steps };
}

function pad(context: Context): Op {
  const { node, opset } = context;
  const mode = stringAttribute(node, "mode", "constant");
  if (opset < 11) return { kind: "pad", mode, pads: listOf(node, "pads") ?? [], axes: null };
  const axes = has(context, 3) ? numbersAt(context, 3) : null;
  const known = !has(context, 3) || axes !== null;
  return { kind: "pad", mode, pads: known ? valuesAt(context, 1) : null, axes };
}

function reshape(context: Context): Op {
  const allowZero = intAttribute(context.node, "allowzero", 0) !== 0;
  return { kind: "reshape", target: valuesAt(context, 1), allowZero };
}

function gather(context: Context): Op {
  const axis = intAttribute(context.node, "axis", 0);
  return { kind: "gather", axis, indices: valuesAt(context, 1) };
}

// Upsample (to opset 9) and Resize of opset 10 have the scales as input 1; from 11 on as input 2, and sizes as input 3.
function resize(context: Context): Op {
  const { node, opset } = context;
  const late = opset >= 11;
  const given = numbersAt(context, late ? 2 : 1);
  return {
    kind: "resize",
    mode: stringAttribute(node, "mode", "nearest"),
    scales: given === null || given.length === 0 ? null : given,
    sizes: late ? valuesAt(context, 3) : null,
    axes: listOf(node, "axes"),
  };
}

function blockSizeOf(node: Node): number {
  return intAttribute(node, "blocksize", 1);
}

function depthToSpace({ node }: Context): Op {
  const mode = stringAttribute(node, "mode", "DCR");
  return { kind: "depthToSpace", blockSize: blockSizeOf(node), mode };
}

function shape({ node }: Context): Op {
  const end = node.attributes.get("end");
  return {
    kind: "shape",
    start: intAttribute(node, "start", 0),
    end: end?.kind === "int" ? end.value : null,
  };
}

function constantOfShape(context: Context): Op {
  const value = context.node.attributes.get("value");
  return {
    kind: "constantOfShape",
    target: valuesAt(context, 0),
    value: value?.kind === "tensor" ? value.value : null,
  };
}
