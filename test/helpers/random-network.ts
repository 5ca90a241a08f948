import { type Random, randomFrom } from "../../src/core/random.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { type NetworkBuilder, networkBuilder } from "./networks.ts";

interface Feature {
  readonly name: string;
  readonly channels: number;
}

type Step = (b: NetworkBuilder, pool: readonly Feature[], random: Random, at: number) => Feature[];

const pick = (pool: readonly Feature[], random: Random): Feature =>
  pool[random.integer(pool.length)] ?? { name: "", channels: 0 };

const one = (name: string, channels: number): Feature[] => [{ name, channels }];

const STEPS: readonly Step[] = [
  (b, pool, random, at) => {
    const from = pick(pool, random);
    const to = 2 + random.integer(9);
    const spec = { from: from.channels, to, kernel: random.integer(2) === 0 ? 1 : 3 };
    return one(b.relu(b.conv(`conv${at}`, from.name, spec)), to);
  },
  (b, pool, random, at) => {
    const from = pick(pool, random);
    const divisors = Array.from({ length: from.channels }, (_, i) => i + 1).filter(
      (divisor) => from.channels % divisor === 0,
    );
    const groups = divisors[random.integer(divisors.length)] ?? 1;
    const to = groups * (1 + random.integer(2));
    return one(b.conv(`grouped${at}`, from.name, { from: from.channels, to, groups }), to);
  },
  (b, pool, random) => {
    const left = pick(pool, random);
    const same = pool.filter(
      ({ channels, name }) => channels === left.channels && name !== left.name,
    );
    if (same.length === 0) return [];
    const right = pick(same, random);
    return one(
      b.node(random.integer(2) === 0 ? "Add" : "Mul", [left.name, right.name]),
      left.channels,
    );
  },
  (b, pool, random) => {
    const parts = [pick(pool, random), pick(pool, random)];
    const channels = parts.reduce((sum, part) => sum + part.channels, 0);
    if (channels > 24) return [];
    const names = parts.map((part) => part.name);
    return one(b.node("Concat", names, { attributes: { axis: 1 } }), channels);
  },
  (b, pool, random, at) => {
    const from = pick(pool, random);
    if (from.channels < 2) return [];
    const first = 1 + random.integer(from.channels - 1);
    const sizes = [first, from.channels - first];
    const outputs = [`split${at}_a`, `split${at}_b`];
    b.node("Split", [from.name, b.ints(`split${at}.sizes`, sizes)], {
      attributes: { axis: 1 },
      outputs,
    });
    return sizes.map((channels, index) => ({ name: outputs[index] ?? "", channels }));
  },
  (b, pool, random, at) => {
    const from = pick(pool, random);
    const step = [1, 2, 3, -1, -2][random.integer(5)] ?? 1;
    const low = random.integer(from.channels);
    const length = from.channels - low;
    const [start, end] = step > 0 ? [low, from.channels] : [from.channels - 1, low - 1];
    const bounds = [[start], [end < 0 ? -1000 : end], [1], [step]];
    const lists = bounds.map((list, index) => b.ints(`slice${at}.${index}`, list));
    return one(b.node("Slice", [from.name, ...lists]), Math.ceil(length / Math.abs(step)));
  },
  (b, pool, random, at) => {
    const from = pick(pool, random);
    const [before, after] = [random.integer(3), random.integer(3)];
    const pads = b.ints(`pad${at}.pads`, [0, before, 0, 0, 0, after, 0, 0]);
    return one(b.node("Pad", [from.name, pads]), from.channels + before + after);
  },
  (b, pool, random, at) => {
    const from = pick(pool, random);
    const picks = Array.from({ length: 1 + random.integer(6) }, () =>
      random.integer(from.channels),
    );
    const node = b.node("Gather", [from.name, b.ints(`gather${at}.picks`, picks)], {
      attributes: { axis: 1 },
    });
    return one(node, picks.length);
  },
  (b, pool, random, at) => {
    const from = pick(pool, random);
    if (from.channels % 2 !== 0) return [];
    const half = from.channels / 2;
    const split = b.node("Reshape", [from.name, b.ints(`shuffle${at}.in`, [-1, 2, half, 4, 4])]);
    const turned = b.node("Transpose", [split], { attributes: { perm: [0, 2, 1, 3, 4] } });
    const target = b.ints(`shuffle${at}.out`, [-1, from.channels, 4, 4]);
    return one(b.node("Reshape", [turned, target]), from.channels);
  },
  (b, pool, random, at) => {
    const from = pick(pool, random);
    const pooled = b.node("GlobalAveragePool", [from.name]);
    const spec = { from: from.channels, to: from.channels, kernel: 1, bn: false };
    const scale = b.node("Sigmoid", [b.conv(`excite${at}`, pooled, spec)]);
    return one(b.node("Mul", [from.name, scale]), from.channels);
  },
  (b, pool, random, at) => {
    const from = pick(pool, random);
    return one(b.relu(b.norm(`norm${at}`, from.name, from.channels)), from.channels);
  },
];

/** A network of a dozen random steps, all of whose values reach the output; the same seed gives the same network. */
export function randomNetwork(seed: number): Graph {
  const random = randomFrom(seed);
  const b = networkBuilder(seed + 1000);
  const stem = b.relu(b.conv("stem", b.input("input", ["batch", 3, 4, 4]), { from: 3, to: 8 }));
  const pool: Feature[] = [{ name: stem, channels: 8 }];
  for (let at = 0; at < 14; at += 1) {
    const step = STEPS[random.integer(STEPS.length)];
    pool.push(...(step?.(b, pool, random, at) ?? []));
  }
  const total = pool.reduce((sum, feature) => sum + feature.channels, 0);
  const names = pool.map((feature) => feature.name);
  const all = b.node("Concat", names, { attributes: { axis: 1 } });
  const last = b.conv("last", all, { from: total, to: 6, kernel: 1, bn: false });
  const flat = b.node("Flatten", [last]);
  b.output(b.gemm("fc", flat, 6 * 16, 5));
  return b.graph();
}
