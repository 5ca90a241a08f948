import { type Random, randomFrom } from "../../src/core/random.ts";
import type {
  Problem,
  ProblemBlock,
  ProblemDim,
  ProblemTerm,
} from "../../src/formulation/problem/problem.ts";

/** How large a made-up problem is, and what limits it. */
export interface LargeOptions {
  readonly seed: number;
  /** Channels per option: 1/step is how fine the choice is. */
  readonly step: number;
  /** Share of the dense usage that each limit allows; as many limits as there are numbers, 1 to 4. */
  readonly budgets: readonly number[];
}

/** Latency in us on one device and on another, parameters in thousands, multiply-accumulates in millions. */
const RESOURCES = [
  { name: "latency", unit: "us" },
  { name: "params", unit: "k" },
  { name: "latency elsewhere", unit: "us" },
  { name: "macs", unit: "M" },
] as const;

/** A chain of `layers` convolutions on 64 to 256 channels. */
export function chainProblem(layers: number, options: LargeOptions): Problem {
  const draft = startDraft(`chain of ${layers}`, options);
  let input: number | null = null;
  for (let layer = 0; layer < layers; layer += 1) {
    const width = 64 << Math.floor((3 * layer) / layers);
    const output = draft.dim(width, null);
    draft.layer(null, input === null ? [output] : [output, input], 56 * 56, 9);
    input = output;
  }
  return draft.finish();
}

/**
 * Like a ResNet of bottlenecks: `blocks` of them in four stages, each a branch that can be dropped, with two inner dims; one
 * stream dim per stage. ResNet-50 has 16 blocks, ResNet-152 has 50.
 */
export function bottleneckProblem(blocks: number, options: LargeOptions): Problem {
  const draft = startDraft(`${blocks} bottlenecks`, options);
  let stream = draft.dim(64, null);
  draft.layer(null, [stream], 112 * 112, 147);
  for (let stage = 0; stage < 4; stage += 1) {
    const inner = 64 << stage;
    const pixels = (56 >> stage) ** 2;
    const next = draft.dim(4 * inner, null);
    draft.layer(null, [next, stream], pixels, 1);
    stream = next;
    const own = Math.floor((blocks * (stage + 1)) / 4) - Math.floor((blocks * stage) / 4);
    for (let at = 0; at < own; at += 1) {
      const block = draft.block();
      const [first, second] = [draft.dim(inner, block), draft.dim(inner, block)];
      draft.layer(block, [first, stream], pixels, 1);
      draft.layer(block, [second, first], pixels, 9);
      draft.layer(block, [stream, second], pixels, 1);
    }
  }
  return draft.finish();
}

/**
 * Like a vision transformer with `depth` layers: one embedding; per layer an attention with heads, query-and-key width and
 * value width, whose tables are over three dims, and a network of two layers with its hidden dim. Each of the two is a
 * branch that can be dropped. DeiT-B: depth 12, embedding 768, 12 heads of 64, hidden 3072.
 */
export function transformerProblem(depth: number, options: LargeOptions): Problem {
  const draft = startDraft(`transformer of ${depth}`, options);
  const tokens = 197;
  const { step } = options;
  const embedding = draft.dim(768, null, 4 * step);
  draft.layer(null, [embedding], tokens, 768);
  for (let layer = 0; layer < depth; layer += 1) {
    const attention = draft.block();
    const heads = draft.dim(12, attention, 1);
    const [keys, values] = [draft.dim(64, attention, step), draft.dim(64, attention, step)];
    draft.layer(attention, [heads, keys, embedding], tokens, 2);
    draft.layer(attention, [heads, keys], tokens * tokens, 1);
    draft.layer(attention, [heads, values, embedding], tokens, 2);
    draft.layer(attention, [heads, values], tokens * tokens, 1);
    const mlp = draft.block();
    const hidden = draft.dim(3072, mlp, 16 * step);
    draft.layer(mlp, [hidden, embedding], tokens, 2);
  }
  return draft.finish();
}

interface Draft {
  /** A dim of so many channels; its index. */
  readonly dim: (channels: number, block: number | null, step?: number) => number;
  readonly block: () => number;
  /** A layer whose work is the product of its dims' channels; the first dim earns what it does. */
  readonly layer: (
    block: number | null,
    dims: readonly number[],
    pixels: number,
    kernel: number,
  ) => void;
  readonly finish: () => Problem;
}

function startDraft(name: string, { seed, step, budgets }: LargeOptions): Draft {
  const random = randomFrom(seed);
  const dims: ProblemDim[] = [];
  const blocks: ProblemBlock[] = [];
  const terms: ProblemTerm[] = [];
  const count = budgets.length;
  return {
    dim: (channels, block, own = step) => {
      const options = Math.max(1, Math.floor(channels / own));
      const counts = Array.from({ length: options }, (_, k) => channels - own * (options - 1 - k));
      dims.push({ name: `d${dims.length}`, counts, block });
      return dims.length - 1;
    },
    block: () => blocks.push({ name: `b${blocks.length}`, parent: null }) - 1,
    layer: (block, axes, pixels, kernel) => {
      const counts = axes.map((dim) => dims[dim]?.counts ?? []);
      const tables = tablesOf(random, counts, pixels, kernel);
      terms.push({
        name: `t${terms.length}`,
        block,
        layer: null,
        axes: axes.map((index) => ({ kind: "dim", index })),
        gain: null,
        cost: tables.slice(0, count),
      });
      const [own = 0] = axes;
      terms.push({
        name: `g${terms.length}`,
        block,
        layer: null,
        axes: [{ kind: "dim", index: own }],
        gain: gainOf(random, counts[0]?.length ?? 1),
        cost: [],
      });
    },
    finish: () => {
      const resources = budgets.map((share, r) => {
        const dense = terms.reduce((sum, { cost }) => sum + (cost[r]?.at(-1) ?? 0), 0);
        return { ...(RESOURCES[r] ?? { name: `r${r}`, unit: "" }), limit: share * dense };
      });
      const rest = { sums: [], layers: [], exclusiveLayers: [] };
      return { name: `${name}, step ${step}`, dims, blocks, terms, resources, ...rest };
    },
  };
}

/** Heavy-tailed scores of channels, added up from the best one on. */
function gainOf(random: Random, options: number): Float64Array {
  const scores = Float64Array.from({ length: options }, () => random.next() ** 4)
    .sort()
    .reverse();
  let total = 0;
  return scores.map((score) => {
    total += score;
    return total;
  });
}

/** Per resource, over all combinations of the dims' counts. Latencies are stairs with noise, and so not monotone. */
function tablesOf(
  random: Random,
  counts: readonly (readonly number[])[],
  pixels: number,
  kernel: number,
): Float64Array[] {
  const cells = counts.reduce((product, { length }) => product * length, 1);
  const tables = RESOURCES.map(() => new Float64Array(cells));
  const stairs = [32, 48];
  const overhead = 2 + 3 * random.next();
  for (let cell = 0; cell < cells; cell += 1) {
    let rest = cell;
    let params = kernel;
    const tiled = stairs.map(() => kernel);
    for (let axis = counts.length - 1; axis >= 0; axis -= 1) {
      const own = counts[axis] ?? [1];
      const channels = own[rest % own.length] ?? 1;
      rest = Math.floor(rest / own.length);
      params *= channels;
      stairs.forEach((width, at) => {
        tiled[at] = (tiled[at] ?? 1) * Math.ceil(channels / width) * width;
      });
    }
    const latency = tiled.map(
      (work) => (overhead + (work * pixels) / 1e7) * (1 + 0.01 * random.normal()),
    );
    const values = [latency[0], params / 1e3, latency[1], (params * pixels) / 1e6];
    values.forEach((value, r) => {
      (tables[r] as Float64Array)[cell] = value ?? 0;
    });
  }
  return tables;
}
