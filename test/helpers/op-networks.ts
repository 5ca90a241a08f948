import type { GraphBuilder } from "../../src/graph/build.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { floatTensor, intTensor } from "../../src/graph/tensor.ts";
import { networkBuilder } from "./networks.ts";

/** Feeds one image through an op and makes what comes out an output. */
type Use = (b: ReturnType<typeof networkBuilder>, image: string) => string;

function list(b: GraphBuilder, name: string, values: readonly number[]): string {
  return b.tensor(name, intTensor([values.length], values));
}

function scalar(b: GraphBuilder, name: string, value: number): string {
  return b.tensor(name, floatTensor([], [value]));
}

const UNARY = (opType: string, attributes = {}): Use => {
  return (b, x) => b.node(opType, [x], { attributes });
};

/** Ops one at a time, each on an image of 4 channels and 6 x 6 pixels. */
export const OP_USES: Readonly<Record<string, Use>> = {
  leakyRelu: UNARY("LeakyRelu", { alpha: 0.2 }),
  hardSigmoid: UNARY("HardSigmoid"),
  hardSwish: UNARY("HardSwish"),
  elu: UNARY("Elu", { alpha: 0.7 }),
  selu: UNARY("Selu"),
  softplus: UNARY("Softplus"),
  tanh: UNARY("Tanh"),
  clip: (b, x) => b.node("Clip", [x, scalar(b, "low", -0.5), scalar(b, "high", 0.25)]),
  power: (b, x) => b.node("Pow", [b.node("Abs", [x]), scalar(b, "exponent", 1.5)]),
  extremes: (b, x) => b.node("Max", [x, b.node("Neg", [x]), scalar(b, "floor", 0.1)]),
  lessOne: (b, x) =>
    b.node("Sub", [scalar(b, "one", 1), b.node("Sub", [x, b.node("Mul", [x, x])])]),
  quotient: (b, x) =>
    b.node("Div", [x, b.node("Add", [b.node("Mul", [x, x]), scalar(b, "one", 1)])]),
  prelu: (b, x) => b.node("PRelu", [x, b.weight("slope", [4, 1, 1])]),
  scaled: (b, x) => b.node("Mul", [x, b.weight("gamma", [4, 1, 1])]),
  upperPadding: (b, x) =>
    b.node("Conv", [x, b.weight("same.weight", [5, 4, 4, 4])], {
      attributes: { auto_pad: "SAME_UPPER", strides: [2, 2] },
    }),
  lowerPadding: (b, x) =>
    b.node("MaxPool", [x], { attributes: { auto_pad: "SAME_LOWER", kernel_shape: [2, 2] } }),
  averageWithoutPadding: (b, x) =>
    b.node("AveragePool", [x], {
      attributes: { kernel_shape: [3, 3], pads: [1, 1, 1, 1], strides: [2, 2] },
    }),
  ceilPool: (b, x) =>
    b.node("MaxPool", [x], { attributes: { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 } }),
  transposedConv: (b, x) =>
    b.node("ConvTranspose", [x, b.weight("up.weight", [4, 3, 3, 3]), b.weight("up.bias", [3])], {
      attributes: { strides: [2, 2], pads: [1, 1, 1, 1], output_padding: [1, 1] },
    }),
  bilinear: (b, x) =>
    b.node("Resize", [x, "", b.tensor("scales", floatTensor([4], [1, 1, 2, 2]))], {
      attributes: { mode: "linear", coordinate_transformation_mode: "half_pixel" },
    }),
  nearest: (b, x) =>
    b.node("Resize", [x, "", b.tensor("scales", floatTensor([4], [1, 1, 2, 3]))], {
      attributes: {
        mode: "nearest",
        coordinate_transformation_mode: "asymmetric",
        nearest_mode: "floor",
      },
    }),
  reflected: (b, x) =>
    b.node("Pad", [x, list(b, "pads", [0, 0, 1, 2, 0, 0, 2, 1])], {
      attributes: { mode: "reflect" },
    }),
  reversed: (b, x) =>
    b.node("Slice", [
      x,
      list(b, "s", [-1]),
      list(b, "e", [-7]),
      list(b, "a", [3]),
      list(b, "t", [-2]),
    ]),
  picked: (b, x) => b.node("Gather", [x, list(b, "picks", [3, 0, 2])], { attributes: { axis: 1 } }),
  split: (b, x) => {
    b.node("Split", [x, list(b, "sizes", [1, 3])], {
      attributes: { axis: 1 },
      outputs: ["one", "three"],
    });
    return b.node("Concat", ["three", "one"], { attributes: { axis: 1 } });
  },
  blocksToSpace: (b, x) => b.node("DepthToSpace", [x], { attributes: { blocksize: 2 } }),
  shuffleToSpace: (b, x) =>
    b.node("DepthToSpace", [x], { attributes: { blocksize: 2, mode: "CRD" } }),
  spaceToBlocks: (b, x) => b.node("SpaceToDepth", [x], { attributes: { blocksize: 2 } }),
  norms: (b, x) => b.node("ReduceL2", [x], { attributes: { axes: [1], keepdims: 1 } }),
  meanAndMax: (b, x) =>
    b.node("Add", [
      b.node("ReduceMean", [x], { attributes: { axes: [2, 3], keepdims: 1 } }),
      b.node("ReduceMax", [x], { attributes: { axes: [-1, -2], keepdims: 1 } }),
    ]),
  probabilities: (b, x) => b.node("Softmax", [x], { attributes: { axis: 1 } }),
  instanceNorm: (b, x) =>
    b.node("InstanceNormalization", [x, b.weight("in.weight", [4]), b.weight("in.bias", [4])]),
  layerNorm: (b, x) =>
    b.node("LayerNormalization", [x, b.weight("ln.weight", [6]), b.weight("ln.bias", [6])]),
  products: (b, x) =>
    b.node("MatMul", [x, b.node("Transpose", [x], { attributes: { perm: [0, 1, 3, 2] } })]),
  linear: (b, x) =>
    b.node("Add", [b.node("MatMul", [x, b.weight("w", [6, 5])]), b.weight("fc.bias", [5])]),
  windows: (b, x) => {
    const cut = b.node("Reshape", [x, list(b, "cut", [-1, 4, 2, 3, 2, 3])]);
    const turned = b.node("Transpose", [cut], { attributes: { perm: [0, 2, 4, 3, 5, 1] } });
    return b.node("Reshape", [turned, list(b, "joined", [-1, 4, 9, 4])]);
  },
};

/** A network of one op. */
export function opNetwork(name: string): Graph {
  const b = networkBuilder(11);
  const image = b.input("image", ["batch", 4, 6, 6]);
  const found = OP_USES[name];
  if (found !== undefined) b.output(found(b, image));
  return b.graph();
}
