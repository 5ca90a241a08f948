import type { Node } from "./graph.ts";
import type { OpKind } from "./op.ts";

/**
 * What is known of an op besides what it computes. This table is the one place for such facts: an op that is missing here is
 * opaque everywhere, and an op that is added here must have a reader (`read-op.ts`), a shape rule (`shapes/rules.ts`), a
 * structure rule (`structure/flow.ts`), a gradient entry (`gradients/rules.ts`) and a PyTorch lowering
 * (`pytorch/module/lower/lower.ts`), since the tables there are exhaustive over its kind.
 */
export interface OpTraits {
  /** Which member of `Op` it is read as. */
  readonly kind: Exclude<OpKind, "opaque">;
  /** Sums products over an axis; its second operand is the weight of a layer where that is constant. */
  readonly layer?: true;
  /** Does most of the work of a kernel that several ops were fused into. */
  readonly heavy?: true;
  /** Divides by statistics of its input; scale and bias are trained. */
  readonly normalises?: true;
  /** Inputs that are trained numbers where they are constant. */
  readonly weights?: readonly number[];
  /** Inputs from this one on hold sizes, axes, bounds or scales: only their values matter, and no training moves them. */
  readonly settingsFrom?: number;
  /** Further inputs that no training moves: running statistics, exponents. */
  readonly untrained?: readonly number[];
  /** Only moves the elements of a weight on their way to where they are used. */
  readonly moves?: true;
  /** The result is the first operand's memory in another shape. */
  readonly view?: true;
  /** Renames memory, or writes where its operands lie: takes no time of its own in a predicted table. */
  readonly free?: true;
  /** Can write over an operand of the same size. */
  readonly inPlace?: true;
  /** Cheap and element by element, so that runtimes fuse it into what it follows. */
  readonly follows?: true;
  /** Follows a layer as its activation function. */
  readonly activation?: true;
  /** The result is true or false. */
  readonly bool?: true;
  /** Constant between steps: the gradient is zero wherever there is one. */
  readonly step?: true;
}

const LAYER = { layer: true, heavy: true } as const;
const VIEW = { view: true, free: true, settingsFrom: 1 } as const;
const SIZED = { settingsFrom: 1 } as const;
/** An activation function that runtimes fuse and that can overwrite its input. */
const ACTIVATION = { kind: "unary", inPlace: true, follows: true, activation: true } as const;
const UNARY = { kind: "unary" } as const;
const BINARY = { kind: "elementwise" } as const;
const COMPARISON = { kind: "elementwise", bool: true, step: true } as const;
const BITWISE = { kind: "elementwise", step: true } as const;
const ARITHMETIC = { kind: "elementwise", inPlace: true, follows: true } as const;
const FIXED = { kind: "fixed" } as const;
const ALONG = { kind: "along", ...SIZED } as const;
const REDUCTION = { kind: "reduce", ...SIZED } as const;

/** By op type of the standard domain. */
const TRAITS = {
  // Contractions.
  Conv: { kind: "conv", ...LAYER, weights: [1, 2] },
  ConvTranspose: { kind: "convTranspose", ...LAYER, weights: [1, 2] },
  Gemm: { kind: "gemm", ...LAYER, weights: [0, 1, 2] },
  MatMul: { kind: "matMul", ...LAYER, weights: [0, 1] },
  // Normalisations.
  BatchNormalization: {
    kind: "batchNorm",
    normalises: true,
    weights: [1, 2],
    untrained: [3, 4],
    inPlace: true,
    follows: true,
  },
  LayerNormalization: { kind: "layerNorm", normalises: true, weights: [1, 2] },
  InstanceNormalization: { kind: "instanceNorm", normalises: true, weights: [1, 2] },
  GroupNormalization: { kind: "groupNorm", normalises: true, weights: [1, 2] },
  LRN: { kind: "lrn" },
  Softmax: { kind: "softmax" },
  LogSoftmax: { kind: "softmax" },
  // Windows.
  MaxPool: { kind: "pool" },
  AveragePool: { kind: "pool" },
  LpPool: { kind: "pool" },
  GlobalMaxPool: { kind: "globalPool" },
  GlobalAveragePool: { kind: "globalPool" },
  GlobalLpPool: { kind: "globalPool" },
  Resize: { kind: "resize", ...SIZED },
  Upsample: { kind: "resize", ...SIZED },
  // Reductions.
  ReduceL1: REDUCTION,
  ReduceL2: REDUCTION,
  ReduceLogSum: REDUCTION,
  ReduceLogSumExp: REDUCTION,
  ReduceMax: REDUCTION,
  ReduceMean: REDUCTION,
  ReduceMin: REDUCTION,
  ReduceProd: REDUCTION,
  ReduceSum: REDUCTION,
  ReduceSumSquare: REDUCTION,
  ArgMax: { kind: "reduce" },
  ArgMin: { kind: "reduce" },
  // One operand, element by element.
  Abs: { kind: "unary", inPlace: true },
  Acos: UNARY,
  Acosh: UNARY,
  Asin: UNARY,
  Asinh: UNARY,
  Atan: UNARY,
  Atanh: UNARY,
  BitwiseNot: { kind: "unary", step: true },
  Ceil: { kind: "unary", step: true },
  Celu: UNARY,
  Clip: { ...ACTIVATION, settingsFrom: 1 },
  Cos: UNARY,
  Cosh: UNARY,
  Dropout: { kind: "unary", ...VIEW, follows: true },
  Elu: ACTIVATION,
  Erf: { kind: "unary", inPlace: true },
  Exp: { kind: "unary", inPlace: true },
  Floor: { kind: "unary", step: true },
  Gelu: ACTIVATION,
  HardSigmoid: ACTIVATION,
  HardSwish: ACTIVATION,
  Identity: { kind: "unary", view: true, free: true, moves: true, follows: true },
  IsInf: { kind: "unary", bool: true, step: true },
  IsNaN: { kind: "unary", bool: true, step: true },
  LeakyRelu: ACTIVATION,
  Log: UNARY,
  Mish: ACTIVATION,
  Neg: { kind: "unary", inPlace: true },
  Not: { kind: "unary", bool: true, step: true },
  Reciprocal: UNARY,
  Relu: ACTIVATION,
  Round: { kind: "unary", step: true },
  Selu: { kind: "unary", inPlace: true, activation: true },
  Shrink: UNARY,
  Sigmoid: ACTIVATION,
  Sign: { kind: "unary", step: true },
  Sin: UNARY,
  Sinh: UNARY,
  Softplus: { kind: "unary", inPlace: true, activation: true },
  Softsign: UNARY,
  Sqrt: { kind: "unary", inPlace: true },
  Swish: ACTIVATION,
  Tan: UNARY,
  Tanh: ACTIVATION,
  ThresholdedRelu: { kind: "unary", activation: true },
  Cast: { kind: "cast", free: true, ...SIZED },
  CastLike: { kind: "unary", ...SIZED },
  // Several operands that broadcast to one shape.
  Add: { ...ARITHMETIC, weights: [0, 1] },
  And: COMPARISON,
  BitShift: BITWISE,
  BitwiseAnd: BITWISE,
  BitwiseOr: BITWISE,
  BitwiseXor: BITWISE,
  Div: ARITHMETIC,
  Equal: COMPARISON,
  Greater: COMPARISON,
  GreaterOrEqual: COMPARISON,
  Less: COMPARISON,
  LessOrEqual: COMPARISON,
  Max: BINARY,
  Mean: BINARY,
  Min: BINARY,
  Mod: BINARY,
  Mul: { ...ARITHMETIC, weights: [0, 1] },
  Or: COMPARISON,
  Pow: { kind: "elementwise", inPlace: true, untrained: [1] },
  PRelu: { ...ARITHMETIC, activation: true, weights: [1] },
  Sub: ARITHMETIC,
  Sum: BINARY,
  Where: BINARY,
  Xor: COMPARISON,
  // Moving elements.
  Concat: { kind: "concat", free: true, weights: [0, 1, 2, 3] },
  DepthToSpace: { kind: "depthToSpace" },
  Expand: { kind: "expand", ...SIZED, moves: true },
  Flatten: { kind: "flatten", ...VIEW },
  Gather: { kind: "gather", weights: [0] },
  Pad: { kind: "pad", ...SIZED },
  Reshape: { kind: "reshape", ...VIEW, moves: true },
  Scatter: { kind: "scatter" },
  ScatterElements: { kind: "scatter" },
  ScatterND: { kind: "scatter" },
  Slice: { kind: "slice", ...SIZED },
  SpaceToDepth: { kind: "spaceToDepth" },
  Split: { kind: "split", ...SIZED },
  Squeeze: { kind: "squeeze", ...VIEW, moves: true },
  Tile: { kind: "tile", ...SIZED },
  Transpose: { kind: "transpose", moves: true },
  Unsqueeze: { kind: "unsqueeze", ...VIEW, moves: true },
  // Numbers of few bits.
  DequantizeLinear: { kind: "dequantize", free: true, follows: true },
  QuantizeLinear: { kind: "quantize", free: true, follows: true },
  // One letter per axis.
  Einsum: { kind: "einsum", heavy: true },
  // Along some axes only.
  CumSum: ALONG,
  GridSample: { kind: "along" },
  Hardmax: { kind: "along" },
  LpNormalization: { kind: "along" },
  MaxRoiPool: { kind: "along" },
  MaxUnpool: { kind: "along" },
  MeanVarianceNormalization: { kind: "along" },
  ReverseSequence: ALONG,
  RoiAlign: { kind: "along" },
  TopK: ALONG,
  Trilu: ALONG,
  // Subgraphs.
  If: { kind: "control" },
  Loop: { kind: "control" },
  Scan: { kind: "control" },
  // Nothing is pruned through these.
  AffineGrid: { kind: "fixed", ...SIZED },
  Attention: { kind: "fixed", heavy: true },
  Bernoulli: FIXED,
  BlackmanWindow: FIXED,
  CenterCropPad: { kind: "fixed", ...SIZED },
  Col2Im: { kind: "fixed", ...SIZED },
  Compress: FIXED,
  ConvInteger: { kind: "fixed", heavy: true },
  DFT: FIXED,
  Det: FIXED,
  DynamicQuantizeLinear: FIXED,
  EyeLike: FIXED,
  GRU: { kind: "fixed", heavy: true },
  GatherElements: FIXED,
  GatherND: FIXED,
  HammingWindow: FIXED,
  HannWindow: FIXED,
  ImageDecoder: FIXED,
  LSTM: { kind: "fixed", heavy: true },
  MatMulInteger: { kind: "fixed", heavy: true },
  MelWeightMatrix: FIXED,
  Multinomial: FIXED,
  NegativeLogLikelihoodLoss: FIXED,
  NonMaxSuppression: FIXED,
  NonZero: FIXED,
  OneHot: FIXED,
  QLinearConv: { kind: "fixed", heavy: true },
  QLinearMatMul: { kind: "fixed", heavy: true },
  RMSNormalization: { kind: "fixed", normalises: true, weights: [1] },
  RNN: { kind: "fixed", heavy: true },
  RandomNormal: FIXED,
  RandomNormalLike: FIXED,
  RandomUniform: FIXED,
  RandomUniformLike: FIXED,
  RotaryEmbedding: FIXED,
  STFT: FIXED,
  SoftmaxCrossEntropyLoss: FIXED,
  TensorScatter: FIXED,
  Unique: FIXED,
  // Sizes and constants.
  Constant: { kind: "constant" },
  ConstantOfShape: { kind: "constantOfShape", settingsFrom: 0 },
  Range: { kind: "range", settingsFrom: 0 },
  Shape: { kind: "shape", free: true },
  Size: { kind: "size" },
} as const satisfies Readonly<Record<string, OpTraits>>;

/** The ops known here, by the kind of `Op` that they are read as. */
export const KNOWN_OPS: readonly (readonly [string, OpTraits])[] = Object.entries(TRAITS);

const BY_NAME: ReadonlyMap<string, OpTraits> = new Map(KNOWN_OPS);

/** What is known of the op of a node; null where it is opaque: not of the standard domain, or not in the table. */
export function traitsOf(node: Pick<Node, "opType" | "domain">): OpTraits | null {
  return node.domain === "" ? (BY_NAME.get(node.opType) ?? null) : null;
}

type Fact = {
  [Key in keyof OpTraits]-?: OpTraits[Key] extends true | undefined ? Key : never;
}[keyof OpTraits];

/**
 * Whether an op has a trait.
 * @example
 * hasTrait(node, "layer"); // Conv, ConvTranspose, Gemm, MatMul
 */
export function hasTrait(node: Pick<Node, "opType" | "domain">, trait: Fact): boolean {
  return traitsOf(node)?.[trait] === true;
}

/** Inputs of a node that hold data: those before its settings. */
export function dataInputs(node: Node): readonly string[] {
  return node.inputs.slice(0, traitsOf(node)?.settingsFrom);
}
