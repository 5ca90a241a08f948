import type { Graph } from "../../src/graph/graph.ts";
import { floatTensor, intTensor } from "../../src/graph/tensor.ts";
import { type NetworkBuilder, networkBuilder } from "./networks.ts";

/** A small network with one pattern in it. */
export interface Pattern {
  readonly graph: () => Graph;
  /** Units and channels of a unit of the dims that can be pruned. */
  readonly free: readonly (readonly [number, number])[];
}

interface Open {
  readonly opset?: number;
  readonly shape?: readonly (number | string)[];
}

/** What comes out, and how many channels it has. */
type Part = (b: NetworkBuilder, x: string) => readonly [string, number];

const PADS = { pads: [1, 1, 1, 1] };

function layer(b: NetworkBuilder, name: string, input: string, from: number, to: number): string {
  return b.relu(b.conv(name, input, { from, to, bn: false }));
}

function list(b: NetworkBuilder, values: readonly number[]): string {
  return b.node("Constant", [], { attributes: { value: intTensor([values.length], values) } });
}

function number(b: NetworkBuilder, name: string, value: number): string {
  return b.tensor(name, floatTensor([], [value]));
}

/** The part on an image of 3 channels and 8 x 8 pixels, then a classifier. */
function whole(part: Part, { opset = 17, shape = ["batch", 3, 8, 8] }: Open = {}): () => Graph {
  return () => {
    const b = networkBuilder(21, opset);
    const [y, channels] = part(b, b.input("x", shape));
    b.output(b.gemm("fc", b.node("Flatten", [b.node("GlobalAveragePool", [y])]), channels, 5));
    return b.graph();
  };
}

/** The part between a convolution to 12 channels and one to 8. */
function between(part: Part, open: Open = {}): () => Graph {
  return whole((b, x) => {
    const [y, channels] = part(b, layer(b, "a", x, 3, 12));
    return [layer(b, "z", y, channels, 8), 8];
  }, open);
}

function sizes(b: NetworkBuilder, value: string, from: number, to: number): string {
  return b.node("Slice", [b.node("Shape", [value]), list(b, [from]), list(b, [to])]);
}

function joined(b: NetworkBuilder, parts: readonly string[], axis: number): string {
  return b.node("Concat", parts, { attributes: { axis } });
}

function cast(b: NetworkBuilder, value: string, to: number): string {
  return b.node("Cast", [value], { attributes: { to } });
}

const FLOAT = 1;
const INT64 = 7;
const USUAL = [
  [12, 1],
  [8, 1],
] as const;

/** Patterns that exporters write, each of a kind that went wrong once or is close to one. */
export const PATTERNS: Readonly<Record<string, Pattern>> = {
  "channels counted and used as a number": {
    free: USUAL,
    graph: between((b, a) => {
      const count = b.node("Gather", [b.node("Shape", [a]), b.tensor("one", intTensor([], [1]))]);
      return [b.node("Div", [a, b.node("Sqrt", [cast(b, count, FLOAT)])]), 12];
    }),
  },
  "a Resize to twice the size that Shape reads": {
    free: USUAL,
    graph: between((b, a) => {
      const twice = b.node("Mul", [sizes(b, a, 2, 4), list(b, [2, 2])]);
      const to = joined(b, [sizes(b, a, 0, 2), twice], 0);
      return [b.node("Resize", [a, "", "", to], { attributes: { mode: "nearest" } }), 12];
    }),
  },
  "a Resize to sizes that were floats on the way": {
    free: USUAL,
    graph: between((b, a) => {
      const larger = b.node("Mul", [cast(b, sizes(b, a, 2, 4), FLOAT), number(b, "by", 1.5)]);
      const to = joined(b, [sizes(b, a, 0, 2), cast(b, b.node("Floor", [larger]), INT64)], 0);
      return [b.node("Resize", [a, "", "", to], { attributes: { mode: "linear" } }), 12];
    }),
  },
  "half of the channels as the gates of the others, halved by Shape": {
    free: [
      [6, 2],
      [8, 1],
    ],
    graph: between((b, a) => {
      const count = b.node("Gather", [b.node("Shape", [a]), list(b, [1])]);
      const half = b.node("Div", [count, list(b, [2])]);
      const left = b.node("Slice", [a, list(b, [0]), half, list(b, [1])]);
      const right = b.node("Slice", [a, half, count, list(b, [1])]);
      return [b.node("Mul", [left, b.node("Sigmoid", [right])]), 6];
    }),
  },
  "pooled features that are expanded to the shape of an image": {
    free: USUAL,
    graph: between((b, a) => {
      const wide = b.node("Expand", [b.node("GlobalAveragePool", [a]), b.node("Shape", [a])]);
      return [joined(b, [a, wide], 1), 24];
    }),
  },
  "pooled features that are tiled": {
    free: USUAL,
    graph: between((b, a) => {
      const wide = b.node("Tile", [b.node("GlobalAveragePool", [a]), list(b, [1, 1, 8, 8])]);
      return [joined(b, [a, wide], 1), 24];
    }),
  },
  "a position map of height and width alone": {
    free: USUAL,
    graph: between((b, a) => [b.node("Add", [a, b.weight("map", [8, 8])]), 12]),
  },
  "coordinates that are expanded to the batch": {
    free: USUAL,
    graph: whole((b, x) => {
      const shape = joined(b, [sizes(b, x, 0, 1), list(b, [2, 8, 8])], 0);
      const grid = b.node("Expand", [b.weight("grid", [1, 2, 8, 8]), shape]);
      const a = layer(b, "a", joined(b, [x, grid], 1), 5, 12);
      return [layer(b, "z", joined(b, [grid, a], 1), 14, 8), 8];
    }),
  },
  "one bias for three convolutions": {
    free: [
      [12, 1],
      [12, 1],
      [12, 1],
    ],
    graph: whole((b, x) => {
      const bias = b.weight("shared", [12]);
      const conv = (name: string, input: string, from: number): string =>
        b.relu(
          b.node("Conv", [input, b.weight(name, [12, from, 3, 3]), bias], { attributes: PADS }),
        );
      return [conv("c", conv("b", conv("a", x, 3), 12), 12), 12];
    }),
  },
  "one kernel for two convolutions": {
    free: [[12, 1]],
    graph: whole((b, x) => {
      const tied = b.weight("tied", [12, 12, 3, 3]);
      const conv = (input: string): string =>
        b.relu(b.node("Conv", [input, tied], { attributes: PADS }));
      return [conv(conv(layer(b, "a", x, 3, 12))), 12];
    }),
  },
  "a MatMul whose weight has a leading axis of one": {
    free: [
      [12, 1],
      [16, 1],
      [8, 1],
    ],
    graph: whole((b, x) => {
      const turn = { attributes: { perm: [0, 2, 1] } };
      const flat = b.node("Reshape", [layer(b, "a", x, 3, 12), list(b, [0, 12, 64])]);
      const first = b.node("MatMul", [
        b.node("Transpose", [flat], turn),
        b.weight("w3", [1, 12, 16]),
      ]);
      const second = b.node("MatMul", [b.relu(first), b.weight("w2", [16, 8])]);
      return [b.node("Reshape", [b.node("Transpose", [second], turn), list(b, [0, 8, 8, 8])]), 8];
    }),
  },
  "a vector without a batch through three matrices": {
    free: [
      [32, 1],
      [24, 1],
    ],
    graph: () => {
      const b = networkBuilder(5);
      const dense = (name: string, from: number, to: number, input: string): string =>
        b.node("Add", [
          b.node("MatMul", [input, b.weight(`${name}.w`, [from, to])]),
          b.weight(`${name}.b`, [to]),
        ]);
      const x = b.input("x", [20]);
      b.output(dense("c", 24, 5, b.relu(dense("b", 32, 24, b.relu(dense("a", 20, 32, x))))));
      return b.graph();
    },
  },
  "pieces of a Split of which one is read by nothing": {
    free: [
      [5, 1],
      [4, 1],
      [3, 1],
      [8, 1],
    ],
    graph: between((b, a) => {
      b.node("Split", [a, list(b, [5, 4, 3])], {
        attributes: { axis: 1 },
        outputs: ["p", "q", "r"],
      });
      return [joined(b, ["r", "p"], 1), 8];
    }),
  },
  "a shuffle of three groups before a grouped convolution": {
    free: [
      [3, 4],
      [8, 1],
    ],
    graph: between((b, a) => {
      const apart = b.node("Reshape", [a, list(b, [-1, 3, 4, 8, 8])]);
      const turned = b.node("Transpose", [apart], { attributes: { perm: [0, 2, 1, 3, 4] } });
      const mixed = b.node("Reshape", [turned, list(b, [-1, 12, 8, 8])]);
      return [b.relu(b.conv("g", mixed, { from: 12, to: 12, groups: 3, bn: false })), 12];
    }),
  },
  "group normalisation as an InstanceNormalization between two Reshapes": {
    free: [
      [3, 4],
      [8, 1],
    ],
    graph: between((b, a) => {
      const grouped = b.node("Reshape", [a, list(b, [0, 3, -1])]);
      const [one, zero] = [1, 0].map((value) =>
        b.tensor(`all${value}`, floatTensor([3], [value, value, value])),
      ) as [string, string];
      const same = b.node("InstanceNormalization", [grouped, one, zero]);
      const back = b.node("Reshape", [same, b.node("Shape", [a])]);
      return [b.node("Mul", [back, b.weight("scale", [12, 1, 1])]), 12];
    }),
  },
  "GroupNormalization of three groups": {
    free: [
      [3, 4],
      [8, 1],
    ],
    graph: between(
      (b, a) => {
        const parts = ["scale", "shift"].map((name) => b.weight(name, [12]));
        return [b.node("GroupNormalization", [a, ...parts], { attributes: { num_groups: 3 } }), 12];
      },
      { opset: 21 },
    ),
  },
  "channels that become pixels by Reshape and Transpose": {
    free: [
      [3, 4],
      [8, 1],
    ],
    graph: between((b, a) => {
      const apart = b.node("Reshape", [a, list(b, [-1, 3, 2, 2, 8, 8])]);
      const turned = b.node("Transpose", [apart], { attributes: { perm: [0, 1, 4, 2, 5, 3] } });
      return [b.node("Reshape", [turned, list(b, [-1, 3, 16, 16])]), 3];
    }),
  },
  "the largest of every two channels": {
    free: [
      [6, 2],
      [8, 1],
    ],
    graph: between((b, a) => {
      const pairs = b.node("Reshape", [a, list(b, [-1, 6, 2, 8, 8])]);
      return [b.node("ReduceMax", [pairs], { attributes: { axes: [2], keepdims: 0 } }), 6];
    }),
  },
  "rows shifted by zeros whose shape is read when the network runs": {
    free: USUAL,
    graph: between((b, a) => {
      const rest = b.node("Slice", [a, list(b, [1]), list(b, [8]), list(b, [2])]);
      const shape = joined(b, [sizes(b, a, 0, 2), list(b, [1, 8])], 0);
      return [joined(b, [rest, b.node("ConstantOfShape", [shape])], 2), 12];
    }),
  },
  "rows shifted by zeros of a number of channels that is written down": {
    free: USUAL,
    graph: between((b, a) => {
      const rest = b.node("Slice", [a, list(b, [1]), list(b, [8]), list(b, [2])]);
      const shape = joined(b, [sizes(b, a, 0, 1), list(b, [12, 1, 8])], 0);
      return [joined(b, [rest, b.node("ConstantOfShape", [shape])], 2), 12];
    }),
  },
  "a transposed convolution of two groups": {
    free: [
      [2, 6],
      [8, 1],
    ],
    graph: between((b, a) => {
      const up = b.node("ConvTranspose", [a, b.weight("up", [12, 4, 2, 2])], {
        attributes: { group: 2, strides: [2, 2] },
      });
      return [b.relu(up), 8];
    }),
  },
  "weights that are normalised in the graph": {
    free: USUAL,
    graph: whole((b, x) => {
      const v = b.weight("v", [12, 3, 3, 3]);
      const squares = b.node("ReduceSum", [b.node("Mul", [v, v]), list(b, [1, 2, 3])]);
      const unit = b.node("Div", [v, b.node("Sqrt", [squares])]);
      const w = b.node("Mul", [unit, b.weight("g", [12, 1, 1, 1])]);
      return [layer(b, "z", b.relu(b.node("Conv", [x, w], { attributes: PADS })), 12, 8), 8];
    }),
  },
  "squeeze and excite through two matrices and Unsqueeze": {
    free: [
      [12, 1],
      [4, 1],
      [8, 1],
    ],
    graph: between((b, a) => {
      const pooled = b.node("ReduceMean", [a], { attributes: { axes: [2, 3], keepdims: 0 } });
      const gates = b.node("Sigmoid", [b.gemm("s2", b.relu(b.gemm("s1", pooled, 12, 4)), 4, 12)]);
      const wide = b.node("Unsqueeze", [b.node("Unsqueeze", [gates, list(b, [2])]), list(b, [3])]);
      return [b.node("Mul", [a, wide]), 12];
    }),
  },
  "an image without a batch": {
    free: [
      [16, 1],
      [16, 1],
    ],
    graph: () => {
      const b = networkBuilder(5);
      const image = b.node("Unsqueeze", [b.input("x", [3, 8, 8]), list(b, [0])]);
      const z = layer(b, "z", layer(b, "a", image, 3, 16), 16, 16);
      const pooled = b.node("Flatten", [b.node("GlobalAveragePool", [z])]);
      b.output(b.node("Squeeze", [b.gemm("fc", pooled, 16, 5), list(b, [0])]));
      return b.graph();
    },
  },
};
