/** Networks for measuring the speed of training, with random weights. scripts/bench-train.py has the same ones in PyTorch. */
import { type Random, randomFrom } from "../src/core/random.ts";
import { type GraphBuilder, graphBuilder } from "../src/graph/build.ts";
import type { Graph } from "../src/graph/graph.ts";
import { elementCount, floatTensor, intTensor } from "../src/graph/tensor.ts";
import { MOBILENET_V2_STAGES } from "../src/networks/published/mobile.ts";

export interface BenchNetwork {
  readonly name: string;
  readonly batch: number;
  readonly image: readonly [number, number, number];
  readonly classes: number;
  readonly graph: () => Graph;
}

export const BENCH_NETWORKS: readonly BenchNetwork[] = [
  { name: "resnet20", batch: 128, image: [3, 32, 32], classes: 10, graph: () => cifarResnet(3) },
  { name: "resnet56", batch: 128, image: [3, 32, 32], classes: 10, graph: () => cifarResnet(9) },
  { name: "mobilenetv2", batch: 32, image: [3, 96, 96], classes: 1000, graph: mobilenetV2 },
  { name: "vit6", batch: 64, image: [3, 32, 32], classes: 10, graph: vit },
];

interface Layers extends GraphBuilder {
  readonly weight: (name: string, shape: readonly number[], value?: number) => string;
  readonly norm: (name: string, input: string, channels: number) => string;
  readonly conv: (name: string, input: string, spec: ConvSpec) => string;
}

interface ConvSpec {
  readonly from: number;
  readonly to: number;
  readonly kernel: number;
  readonly stride?: number;
  readonly groups?: number;
}

function layers(opset: number): Layers {
  const b = graphBuilder({ opset });
  const random: Random = randomFrom(1);
  const weight = (name: string, shape: readonly number[], value?: number): string => {
    const fanIn = elementCount(shape) / (shape[0] ?? 1);
    const draw = (): number => value ?? random.normal() * Math.sqrt(2 / fanIn);
    return b.tensor(
      name,
      floatTensor(shape, Float32Array.from({ length: elementCount(shape) }, draw)),
    );
  };
  const norm = (name: string, input: string, channels: number): string =>
    b.node("BatchNormalization", [
      input,
      weight(`${name}.weight`, [channels], 1),
      weight(`${name}.bias`, [channels], 0),
      weight(`${name}.mean`, [channels], 0),
      weight(`${name}.variance`, [channels], 1),
    ]);
  const conv = (name: string, input: string, spec: ConvSpec): string => {
    const { from, to, kernel, stride = 1, groups = 1 } = spec;
    const pad = (kernel - 1) / 2;
    const output = b.node(
      "Conv",
      [input, weight(`${name}.weight`, [to, from / groups, kernel, kernel])],
      {
        attributes: {
          kernel_shape: [kernel, kernel],
          pads: [pad, pad, pad, pad],
          strides: [stride, stride],
          group: groups,
        },
      },
    );
    return norm(`${name}.bn`, output, to);
  };
  return { ...b, weight, norm, conv };
}

function classifier(b: Layers, input: string, channels: number, classes: number): Graph {
  const pooled = b.node("Flatten", [b.node("GlobalAveragePool", [input])]);
  const inputs = [
    pooled,
    b.weight("fc.weight", [classes, channels]),
    b.weight("fc.bias", [classes], 0),
  ];
  b.output(b.node("Gemm", inputs, { attributes: { transB: 1 } }), ["batch", classes]);
  return b.graph();
}

/** He et al.'s ResNets for CIFAR: shortcuts by every second pixel and zeros for the new channels. */
function cifarResnet(blocks: number): Graph {
  const b = layers(17);
  const relu = (input: string): string => b.node("Relu", [input]);
  const ints = (name: string, values: readonly number[]): string =>
    b.tensor(name, intTensor([values.length], values));
  let x = relu(
    b.conv("conv1", b.input("images", ["batch", 3, 32, 32]), { from: 3, to: 16, kernel: 3 }),
  );
  let from = 16;
  for (const [stage, to] of [16, 32, 64].entries()) {
    for (let block = 0; block < blocks; block += 1) {
      const name = `layer${stage}.${block}`;
      const stride = to === from ? 1 : 2;
      const inner = relu(b.conv(`${name}.conv1`, x, { from, to, kernel: 3, stride }));
      const branch = b.conv(`${name}.conv2`, inner, { from: to, to, kernel: 3 });
      let shortcut = x;
      if (to !== from) {
        const bounds = [
          [0, 0],
          [32, 32],
          [2, 3],
          [2, 2],
        ].map((list, at) => ints(`${name}.slice${at}`, list));
        const thinned = b.node("Slice", [x, ...bounds]);
        const side = (to - from) / 2;
        shortcut = b.node("Pad", [thinned, ints(`${name}.pads`, [0, side, 0, 0, 0, side, 0, 0])]);
      }
      x = relu(b.node("Add", [branch, shortcut]));
      from = to;
    }
  }
  return classifier(b, x, 64, 10);
}

/** Sandler et al.'s MobileNetV2 1.0 at 96 pixels. */
function mobilenetV2(): Graph {
  const b = layers(17);
  const low = b.weight("relu6.low", [], 0);
  const high = b.weight("relu6.high", [], 6);
  const relu6 = (input: string): string => b.node("Clip", [input, low, high]);
  const stem = { from: 3, to: 32, kernel: 3, stride: 2 };
  let x = relu6(b.conv("stem", b.input("images", ["batch", 3, 96, 96]), stem));
  let from = 32;
  for (const [stage, [expansion, to, count, first]] of MOBILENET_V2_STAGES.entries()) {
    for (let block = 0; block < count; block += 1) {
      const name = `stage${stage}.${block}`;
      const stride = block === 0 ? first : 1;
      const wide = from * expansion;
      let y = x;
      if (expansion > 1) y = relu6(b.conv(`${name}.expand`, y, { from, to: wide, kernel: 1 }));
      const depthwise = { from: wide, to: wide, kernel: 3, stride, groups: wide };
      y = relu6(b.conv(`${name}.depthwise`, y, depthwise));
      y = b.conv(`${name}.project`, y, { from: wide, to, kernel: 1 });
      x = stride === 1 && from === to ? b.node("Add", [y, x]) : y;
      from = to;
    }
  }
  const last = relu6(b.conv("last", x, { from, to: 1280, kernel: 1 }));
  return classifier(b, last, 1280, 1000);
}

const VIT = { width: 192, heads: 3, blocks: 6, patch: 4, tokens: 64 } as const;

/** A vision transformer: 8 x 8 patches of 4 pixels, width 192, 6 blocks, 3 heads, mean of the tokens before the classes. */
function vit(): Graph {
  const b = layers(20);
  const { width, patch, tokens } = VIT;
  const patches = b.node(
    "Conv",
    [
      b.input("images", ["batch", 3, 32, 32]),
      b.weight("patch.weight", [width, 3, patch, patch]),
      b.weight("patch.bias", [width], 0),
    ],
    {
      attributes: { kernel_shape: [patch, patch], strides: [patch, patch] },
    },
  );
  const flat = b.node("Reshape", [
    patches,
    b.tensor("patch.shape", intTensor([3], [0, width, tokens])),
  ]);
  const sequence = b.node("Transpose", [flat], { attributes: { perm: [0, 2, 1] } });
  let x = b.node("Add", [sequence, b.weight("position", [1, tokens, width])]);
  for (let block = 0; block < VIT.blocks; block += 1) x = vitBlock(b, `block${block}`, x);
  const axes = b.tensor("mean.axes", intTensor([1], [1]));
  const mean = b.node("ReduceMean", [layerNorm(b, "norm", x), axes], {
    attributes: { keepdims: 0 },
  });
  b.output(linear(b, "fc", mean, width, 10), ["batch", 10]);
  return b.graph();
}

function vitBlock(b: Layers, name: string, x: string): string {
  const { width, heads, tokens } = VIT;
  const normed = layerNorm(b, `${name}.norm1`, x);
  const shape = b.tensor(`${name}.split`, intTensor([4], [0, tokens, heads, width / heads]));
  const headsOf = (part: string, perm: readonly number[]): string => {
    const projected = linear(b, `${name}.${part}`, normed, width, width);
    return b.node("Transpose", [b.node("Reshape", [projected, shape])], { attributes: { perm } });
  };
  const query = headsOf("query", [0, 2, 1, 3]);
  const scale = b.weight(`${name}.scale`, [], (width / heads) ** -0.5);
  const scores = b.node("Mul", [b.node("MatMul", [query, headsOf("key", [0, 2, 3, 1])]), scale]);
  const weights = b.node("Softmax", [scores], { attributes: { axis: -1 } });
  const mixed = b.node("MatMul", [weights, headsOf("value", [0, 2, 1, 3])]);
  const together = b.node("Reshape", [
    b.node("Transpose", [mixed], { attributes: { perm: [0, 2, 1, 3] } }),
    b.tensor(`${name}.join`, intTensor([3], [0, tokens, width])),
  ]);
  const attended = b.node("Add", [x, linear(b, `${name}.out`, together, width, width)]);
  const inner = linear(b, `${name}.up`, layerNorm(b, `${name}.norm2`, attended), width, 4 * width);
  return b.node("Add", [
    attended,
    linear(b, `${name}.down`, b.node("Gelu", [inner]), 4 * width, width),
  ]);
}

function linear(b: Layers, name: string, input: string, from: number, to: number): string {
  const product = b.node("MatMul", [input, b.weight(`${name}.weight`, [from, to])]);
  return b.node("Add", [product, b.weight(`${name}.bias`, [to], 0)]);
}

function layerNorm(b: Layers, name: string, input: string): string {
  const { width } = VIT;
  return b.node("LayerNormalization", [
    input,
    b.weight(`${name}.weight`, [width], 1),
    b.weight(`${name}.bias`, [width], 0),
  ]);
}
