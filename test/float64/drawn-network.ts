import { type Random, randomFrom } from "../../src/core/random.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { floatTensor } from "../../src/graph/tensor.ts";
import { type NetworkBuilder, networkBuilder } from "../helpers/networks.ts";

interface Feature {
  readonly name: string;
  readonly channels: number;
  readonly size: number;
}

const even = (random: Random, most: number): number => 2 * (1 + random.integer(most));

/** One of the ways in which networks of pictures go on: each keeps to the channels and sizes that it is given. */
type Part = (b: NetworkBuilder, from: Feature, random: Random, name: string) => Feature;

const activation = (b: NetworkBuilder, input: string, random: Random): string =>
  random.integer(4) === 0 ? b.node("Sigmoid", [input]) : b.relu(input);

const plain: Part = (b, from, random, name) => {
  const to = even(random, 5);
  const spec = {
    from: from.channels,
    to,
    kernel: random.integer(2) === 0 ? 1 : 3,
    bn: random.integer(2) === 0,
  };
  return { ...from, name: activation(b, b.conv(name, from.name, spec), random), channels: to };
};

const residual: Part = (b, from, random, name) => {
  const inner = even(random, 4);
  const one = b.relu(b.conv(`${name}.1`, from.name, { from: from.channels, to: inner, kernel: 1 }));
  const grouped = random.integer(2) === 0 ? 1 : 2;
  const two = b.relu(b.conv(`${name}.2`, one, { from: inner, to: inner, groups: grouped }));
  const three = b.conv(`${name}.3`, two, { from: inner, to: from.channels, kernel: 1 });
  const sum =
    random.integer(2) === 0 ? b.add(name, three, from.name) : b.add(name, from.name, three);
  return { ...from, name: random.integer(2) === 0 ? b.relu(sum) : sum };
};

const depthwise: Part = (b, from, random, name) => {
  const wide = even(random, 6);
  const one = b.relu(
    b.conv(`${name}.expand`, from.name, { from: from.channels, to: wide, kernel: 1 }),
  );
  const two = b.relu(b.conv(`${name}.depthwise`, one, { from: wide, to: wide, groups: wide }));
  const three = b.conv(`${name}.project`, two, { from: wide, to: from.channels, kernel: 1 });
  return { ...from, name: b.add(name, three, from.name) };
};

const same: Part = (b, from, _random, name) => {
  const next = b.conv(name, from.name, { from: from.channels, to: from.channels });
  return { ...from, name: b.relu(next) };
};

const branches: Part = (b, from, random, name) => {
  const widths = [even(random, 3), even(random, 3)];
  const parts = widths.map((to, at) =>
    b.relu(
      b.conv(`${name}.${at}`, from.name, {
        from: from.channels,
        to,
        kernel: at === 0 ? 1 : 3,
        bn: at === 0,
      }),
    ),
  );
  const isDense = random.integer(2) === 0;
  const names = isDense ? [from.name, ...parts] : parts;
  const channels = widths.reduce((sum, width) => sum + width, isDense ? from.channels : 0);
  return { ...from, name: b.node("Concat", names, { attributes: { axis: 1 } }), channels };
};

const pooling: Part = (b, from, random) => {
  if (from.size < 4) return from;
  const opType = random.integer(2) === 0 ? "MaxPool" : "AveragePool";
  const padded = random.integer(2) === 0;
  const attributes = padded
    ? { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }
    : { kernel_shape: [2, 2], strides: [2, 2] };
  const size = padded ? Math.floor((from.size - 1) / 2) + 1 : Math.floor(from.size / 2);
  return { ...from, name: b.node(opType, [from.name], { attributes }), size };
};

const excite: Part = (b, from, random, name) => {
  const few = even(random, 2);
  const mean = b.node("GlobalAveragePool", [from.name]);
  const one = b.relu(
    b.conv(`${name}.less`, mean, { from: from.channels, to: few, kernel: 1, bn: false }),
  );
  const two = b.conv(`${name}.more`, one, { from: few, to: from.channels, kernel: 1, bn: false });
  return { ...from, name: b.node("Mul", [from.name, b.node("Sigmoid", [two])]) };
};

const PARTS: readonly Part[] = [
  plain,
  residual,
  residual,
  depthwise,
  same,
  branches,
  pooling,
  excite,
];

/** A network of pictures of 6 x 6: three to six parts, then classes by way of one or two dense layers. */
export function drawnNetwork(seed: number): Graph {
  const random = randomFrom(seed);
  if (random.integer(5) === 0) return drawnAttention(seed, random);
  const b = networkBuilder(seed + 77_000);
  const channels = even(random, 4);
  const stem = b.conv("stem", b.input("input", ["batch", 3, 6, 6]), { from: 3, to: channels });
  let at: Feature = { name: b.relu(stem), channels, size: 6 };
  for (let left = 3 + random.integer(4); left > 0; left -= 1) {
    at = PARTS[random.integer(PARTS.length)]?.(b, at, random, `part${left}`) ?? at;
  }
  const isPooled = random.integer(3) > 0;
  const flat = b.node("Flatten", [isPooled ? b.node("GlobalAveragePool", [at.name]) : at.name]);
  const features = isPooled ? at.channels : at.channels * at.size * at.size;
  const hidden = even(random, 5);
  b.output(b.gemm("fc2", b.relu(b.gemm("fc1", flat, features, hidden)), hidden, 4));
  return b.graph();
}

/** Blocks of attention with one head and of MLPs, each with a residual, over five tokens. */
function drawnAttention(seed: number, random: Random): Graph {
  const b = networkBuilder(seed + 88_000);
  const width = even(random, 5);
  const linear = (name: string, input: string, from: number, to: number): string => {
    const bias = b.tensor(
      `${name}.bias`,
      floatTensor([to], Float32Array.from({ length: to }, random.normal)),
    );
    return b.add(
      `${name}/bias`,
      b.node("MatMul", [input, b.weight(`${name}.weight`, [from, to])]),
      bias,
    );
  };
  let at = linear("embed", b.input("input", ["batch", 5, 4]), 4, width);
  for (let left = 1 + random.integer(2); left > 0; left -= 1) {
    const [inner, values, wide] = [even(random, 4), even(random, 4), even(random, 6)];
    const [q, k] = ["q", "k"].map((part) => linear(`${part}${left}`, at, width, inner));
    const v = linear(`v${left}`, at, width, values);
    const turned = b.node("Transpose", [k ?? ""], { attributes: { perm: [0, 2, 1] } });
    const mixed = b.node("MatMul", [
      b.node("Softmax", [b.node("MatMul", [q ?? "", turned])], { attributes: { axis: -1 } }),
      v,
    ]);
    at = b.add(`attention${left}`, linear(`out${left}`, mixed, values, width), at);
    const raised = b.relu(linear(`up${left}`, at, width, wide));
    at = b.add(`mlp${left}`, at, linear(`down${left}`, raised, wide, width));
  }
  b.output(linear("head", at, width, 3));
  return b.graph();
}
