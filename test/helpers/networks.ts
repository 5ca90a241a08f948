import { type Random, randomFrom } from "../../src/core/random.ts";
import { type GraphBuilder, graphBuilder } from "../../src/graph/build.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { floatTensor, intTensor } from "../../src/graph/tensor.ts";

/** Builds layers with seeded random weights; names are as PyTorch's exporter gives them. */
export interface NetworkBuilder extends GraphBuilder {
  readonly weight: (name: string, shape: readonly number[]) => string;
  /** An int64 constant. */
  readonly ints: (name: string, values: readonly number[]) => string;
  /** Convolution, padded so that stride 1 keeps the size; `bn` adds BatchNormalization. */
  readonly conv: (name: string, input: string, spec: ConvSpec) => string;
  readonly norm: (name: string, input: string, channels: number) => string;
  readonly relu: (input: string) => string;
  readonly gemm: (name: string, input: string, from: number, to: number) => string;
  readonly add: (name: string, left: string, right: string) => string;
}

export interface ConvSpec {
  readonly from: number;
  readonly to: number;
  readonly kernel?: number;
  readonly stride?: number;
  readonly groups?: number;
  readonly bn?: boolean;
}

export function networkBuilder(seed: number, opset = 17): NetworkBuilder {
  const b = graphBuilder({ opset, name: "network" });
  const random = randomFrom(seed);
  const weight = (name: string, shape: readonly number[]): string =>
    b.tensor(name, floatTensor(shape, normals(random, shape)));
  const norm = (name: string, input: string, channels: number): string => {
    const positive = Float32Array.from({ length: channels }, () => 0.5 + random.next());
    b.tensor(`${name}.running_var`, floatTensor([channels], positive));
    const parts = ["weight", "bias", "running_mean"].map((part) =>
      weight(`${name}.${part}`, [channels]),
    );
    return b.node("BatchNormalization", [input, ...parts, `${name}.running_var`]);
  };
  const conv = (name: string, input: string, spec: ConvSpec): string => {
    const { from, to, kernel = 3, stride = 1, groups = 1, bn = true } = spec;
    const pad = (kernel - 1) / 2;
    const inputs = [input, weight(`${name}.weight`, [to, from / groups, kernel, kernel])];
    if (!bn) inputs.push(weight(`${name}.bias`, [to]));
    const attributes = {
      group: groups,
      strides: [stride, stride],
      pads: [pad, pad, pad, pad],
      kernel_shape: [kernel, kernel],
    };
    const output = b.node("Conv", inputs, { attributes });
    return bn ? norm(`${name}.bn`, output, to) : output;
  };
  return {
    ...b,
    weight,
    norm,
    conv,
    ints: (name, values) => b.tensor(name, intTensor([values.length], values)),
    relu: (input) => b.node("Relu", [input]),
    gemm: (name, input, from, to) => {
      const inputs = [input, weight(`${name}.weight`, [to, from]), weight(`${name}.bias`, [to])];
      return b.node("Gemm", inputs, { attributes: { transB: 1 } });
    },
    add: (name, left, right) => b.node("Add", [left, right], { name: `/${name}/Add` }),
  };
}

// Scaled so that activations keep their size from layer to layer.
function normals(random: Random, shape: readonly number[]): Float32Array {
  const count = shape.reduce((product, extent) => product * extent, 1);
  const fanIn = shape.length > 1 ? count / (shape[0] ?? 1) : 4;
  return Float32Array.from({ length: count }, () => random.normal() * Math.sqrt(1.5 / fanIn));
}

/** Pools, flattens and classifies into 5 classes. */
function head(b: NetworkBuilder, input: string, channels: number): Graph {
  const pooled = b.node("Flatten", [b.node("GlobalAveragePool", [input])]);
  b.output(b.gemm("fc", pooled, channels, 5));
  return b.graph();
}

/** Two bottlenecks per stage, two stages, a convolution on the shortcut where the width changes. */
export function bottleneckResnet(seed = 1): Graph {
  const b = networkBuilder(seed);
  let x = b.relu(b.conv("stem", b.input("input", ["batch", 3, 12, 12]), { from: 3, to: 8 }));
  let from = 8;
  for (const [stage, inner] of [6, 10].entries()) {
    for (const block of [0, 1]) {
      const name = `layer${stage}.${block}`;
      const to = inner * 4;
      const stride = block === 0 && stage > 0 ? 2 : 1;
      const first = b.relu(b.conv(`${name}.conv1`, x, { from, to: inner, kernel: 1 }));
      const second = b.relu(b.conv(`${name}.conv2`, first, { from: inner, to: inner, stride }));
      const third = b.conv(`${name}.conv3`, second, { from: inner, to, kernel: 1 });
      const shortcut =
        block === 0 ? b.conv(`${name}.downsample`, x, { from, to, kernel: 1, stride }) : x;
      x = b.relu(b.add(name, third, shortcut));
      from = to;
    }
  }
  return head(b, x, from);
}

/** CIFAR's ResNet: where the width doubles, the shortcut takes every second pixel and pads channels with zeros. */
export function slicePadResnet(seed = 2): Graph {
  const b = networkBuilder(seed);
  const width = 8;
  let x = b.relu(b.conv("stem", b.input("input", ["batch", 3, 12, 12]), { from: 3, to: width }));
  for (const stage of [0, 1, 2]) {
    for (const block of [0, 1]) {
      const name = `layer${stage}.${block}`;
      const to = width * 2 ** stage;
      const wider = block === 0 && stage > 0;
      const from = wider ? to / 2 : to;
      const first = b.relu(b.conv(`${name}.conv1`, x, { from, to, stride: wider ? 2 : 1 }));
      const second = b.conv(`${name}.conv2`, first, { from: to, to });
      x = b.relu(b.add(name, second, wider ? widened(b, name, x, to) : x));
    }
  }
  return head(b, x, width * 4);
}

function widened(b: NetworkBuilder, name: string, input: string, to: number): string {
  const list = (role: string, values: readonly number[]): string =>
    b.ints(`${name}.${role}`, values);
  const sliced = b.node("Slice", [
    input,
    list("starts", [0, 0]),
    list("ends", [1000, 1000]),
    list("axes", [2, 3]),
    list("steps", [2, 2]),
  ]);
  return b.node("Pad", [sliced, list("pads", [0, to / 4, 0, 0, 0, to / 4, 0, 0])]);
}

/** MobileNetV3's block: expand, depthwise, squeeze and excite, project; twice with a shortcut. */
export function invertedResidual(seed = 3): Graph {
  const b = networkBuilder(seed);
  let x = b.relu(b.conv("stem", b.input("input", ["batch", 3, 12, 12]), { from: 3, to: 8 }));
  for (const block of [0, 1]) {
    const name = `features.${block}`;
    const wide = b.relu(b.conv(`${name}.expand`, x, { from: 8, to: 24, kernel: 1 }));
    const deep = b.relu(b.conv(`${name}.depthwise`, wide, { from: 24, to: 24, groups: 24 }));
    const pooled = b.node("GlobalAveragePool", [deep]);
    const squeezed = b.conv(`${name}.fc1`, pooled, { from: 24, to: 6, kernel: 1, bn: false });
    const excited = b.conv(`${name}.fc2`, b.relu(squeezed), {
      from: 6,
      to: 24,
      kernel: 1,
      bn: false,
    });
    const scaled = b.node("Mul", [deep, b.node("HardSigmoid", [excited])]);
    const narrow = b.conv(`${name}.project`, scaled, { from: 24, to: 8, kernel: 1 });
    x = b.add(name, narrow, x);
  }
  return head(b, x, 8);
}

/** DenseNet's block: every layer reads all before it, BatchNormalization after the Concat. */
export function denseConcat(seed = 4): Graph {
  const b = networkBuilder(seed);
  const parts = [b.conv("stem", b.input("input", ["batch", 3, 10, 10]), { from: 3, to: 6 })];
  let channels = 6;
  for (const layer of [0, 1, 2]) {
    const joined = b.node("Concat", [...parts], { attributes: { axis: 1 } });
    const normed = b.relu(b.norm(`dense.${layer}.norm`, joined, channels));
    parts.push(b.conv(`dense.${layer}.conv`, normed, { from: channels, to: 5, bn: false }));
    channels += 5;
  }
  return head(b, b.relu(b.node("Concat", [...parts], { attributes: { axis: 1 } })), channels);
}

/** ShuffleNetV2's unit: half the channels pass, half are convolved, both are shuffled together. */
export function channelShuffle(seed = 5): Graph {
  const b = networkBuilder(seed);
  const width = 12;
  let x = b.relu(b.conv("stem", b.input("input", ["batch", 3, 8, 8]), { from: 3, to: width }));
  for (const unit of [0, 1, 2]) {
    const name = `unit.${unit}`;
    const half = width / 2;
    const [left, right] = [`${name}.left`, `${name}.right`];
    b.node("Split", [x, b.ints(`${name}.sizes`, [half, half])], {
      attributes: { axis: 1 },
      outputs: [left, right],
    });
    const convolved = b.relu(b.conv(`${name}.conv`, right, { from: half, to: half }));
    const joined = b.node("Concat", [left, convolved], { attributes: { axis: 1 } });
    const split = b.node("Reshape", [joined, b.ints(`${name}.in`, [-1, 2, half, 8, 8])]);
    const turned = b.node("Transpose", [split], { attributes: { perm: [0, 2, 1, 3, 4] } });
    x = b.node("Reshape", [turned, b.ints(`${name}.out`, [-1, width, 8, 8])]);
  }
  return head(b, x, width);
}

/** VGG: convolutions, then Flatten into two Gemms of one width. */
export function flattenVgg(seed = 6): Graph {
  const b = networkBuilder(seed);
  const first = b.relu(b.conv("conv1", b.input("input", ["batch", 3, 8, 8]), { from: 3, to: 8 }));
  const second = b.relu(b.conv("conv2", first, { from: 8, to: 8, bn: false }));
  const pooled = b.node("MaxPool", [second], {
    attributes: { kernel_shape: [2, 2], strides: [2, 2] },
  });
  const flat = b.node("Reshape", [pooled, b.ints("flat", [-1, 8 * 16])]);
  const third = b.relu(b.gemm("fc1", flat, 8 * 16, 12));
  const fourth = b.relu(b.gemm("fc2", third, 12, 12));
  b.output(b.gemm("fc3", fourth, 12, 5));
  return b.graph();
}

/** RegNet's block: a grouped convolution inside a residual branch. */
export function groupedResidual(seed = 7): Graph {
  const b = networkBuilder(seed);
  let x = b.relu(b.conv("stem", b.input("input", ["batch", 3, 8, 8]), { from: 3, to: 12 }));
  for (const block of [0, 1]) {
    const name = `block.${block}`;
    const first = b.relu(b.conv(`${name}.a`, x, { from: 12, to: 16, kernel: 1 }));
    const second = b.relu(b.conv(`${name}.b`, first, { from: 16, to: 16, groups: 4 }));
    x = b.relu(b.add(name, b.conv(`${name}.c`, second, { from: 16, to: 12, kernel: 1 }), x));
  }
  return head(b, x, 12);
}

/** Ops that move channels in ways that the usual networks don't: steps, reversal, indices, shared weights, transposed weights. */
export function oddMoves(seed = 8): Graph {
  const b = networkBuilder(seed);
  const stem = b.relu(b.conv("stem", b.input("input", ["batch", 3, 6, 6]), { from: 3, to: 12 }));
  const slice = (name: string, bounds: readonly (readonly number[])[]): string =>
    b.node("Slice", [stem, ...bounds.map((list, index) => b.ints(`${name}.${index}`, list))]);
  const even = slice("even", [[0], [12], [1], [2]]);
  const back = slice("back", [[-1], [-1000], [1], [-2]]);
  const picked = b.node("Gather", [stem, b.ints("picks", [3, 0, 7, 7, 1, 10])], {
    attributes: { axis: 1 },
  });
  const shared = b.weight("shared.weight", [6, 6, 3, 3]);
  const pads = { attributes: { pads: [1, 1, 1, 1] } };
  const one = b.relu(b.node("Conv", [even, shared], pads));
  const two = b.relu(b.node("Conv", [b.add("sum", back, picked), shared], pads));
  const joined = b.node("Concat", [one, two, stem], { attributes: { axis: 1 } });
  const up = b.node("ConvTranspose", [joined, b.weight("up.weight", [24, 10, 2, 2])], {
    attributes: { strides: [2, 2], kernel_shape: [2, 2] },
  });
  const last = b.node("Transpose", [b.relu(up)], { attributes: { perm: [0, 2, 3, 1] } });
  const matrix = b.node("Transpose", [b.weight("mlp.weight", [9, 10])], {
    attributes: { perm: [1, 0] },
  });
  const mixed = b.node("Add", [b.node("MatMul", [last, matrix]), b.weight("mlp.bias", [9])]);
  const first = b.node("Transpose", [b.relu(mixed)], { attributes: { perm: [0, 3, 1, 2] } });
  const scaled = b.node("Mul", [first, b.weight("scale", [9, 1, 1])]);
  return head(b, scaled, 9);
}

/** The small networks by name; every one is proven on random subnets. */
export const NETWORKS = {
  bottleneckResnet,
  slicePadResnet,
  invertedResidual,
  denseConcat,
  channelShuffle,
  flattenVgg,
  groupedResidual,
  oddMoves,
} as const;
