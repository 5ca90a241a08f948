/**
 * Programs of well-known transformers with made-up tables, for benchmarks of the solver: their dims, products of counts, blocks and
 * steps are the real ones, times and scores are not. Times are rooflines of a kernel that works in tiles, with a little noise; scores
 * fall along each dim, heads and columns are worth less together than apart.
 */

import { type Random, randomFrom } from "../../src/core/random.ts";
import { axisResolver } from "../../src/formulation/network/axes.ts";
import { tableOver } from "../../src/formulation/network/network-tables.ts";
import type {
  Problem,
  ProblemBlock,
  ProblemDim,
  ProblemTerm,
} from "../../src/formulation/problem/problem.ts";
import type { AxisCount } from "../../src/structure/structure.ts";

/** Consecutive blocks of one embedding. */
export interface TransformerStage {
  readonly blocks: number;
  readonly embedding: number;
  readonly heads: number;
  readonly columns: number;
  readonly mlp: number;
  readonly tokens: number;
  /** Tokens that attend to each other; all unless given. */
  readonly window?: number;
}

export interface TransformerShape {
  readonly stages: readonly TransformerStage[];
  /** Queries, keys and values are columns of one dim (Swin's fused qkv). */
  readonly sharedColumns: boolean;
  readonly steps: { readonly embedding: number; readonly columns: number; readonly mlp: number };
}

const STEPS = { embedding: 32, columns: 8, mlp: 64 };
const encoder = (blocks: number, embedding: number, tokens: number): TransformerShape => ({
  stages: [{ blocks, embedding, heads: embedding / 64, columns: 64, mlp: 4 * embedding, tokens }],
  sharedColumns: false,
  steps: STEPS,
});

export const TRANSFORMER_SHAPES = {
  "DeiT-B": encoder(12, 768, 197),
  "BERT-base": encoder(12, 768, 128),
  "ViT-L": encoder(24, 1024, 197),
  "Swin-T": {
    stages: [96, 192, 384, 768].map((embedding, stage) => ({
      ...{ blocks: stage === 2 ? 6 : 2, embedding, heads: embedding / 32, columns: 32 },
      ...{ mlp: 4 * embedding, tokens: 3136 / 4 ** stage, window: 49 },
    })),
    sharedColumns: true,
    steps: STEPS,
  },
} as const satisfies Readonly<Record<string, TransformerShape>>;

/** Milliseconds of 1e9 multiply-accumulates, and of one launch. */
const RATE = 0.05;
const LAUNCH = 0.004;
const TILE = 32;

/** @param share of the whole network's latency that the budget is */
export function transformerProblem(
  name: string,
  shape: TransformerShape,
  { share, seed = 1 }: { readonly share: number; readonly seed?: number },
): Problem {
  const random = randomFrom(seed);
  const dims: ProblemDim[] = [];
  const blocks: ProblemBlock[] = [];
  const plans: Plan[] = [];
  const dim = (label: string, size: number, step: number, block: number | null): number => {
    const least = Math.max(step, Math.ceil(size / 5 / step) * step);
    const counts: number[] = [];
    for (let count = least; count <= size; count += step) counts.push(count);
    return dims.push({ name: label, counts, block }) - 1;
  };
  for (const [index, stage] of shape.stages.entries()) {
    const { steps } = shape;
    const embedding = dim(`stage${index}.embedding`, stage.embedding, steps.embedding, null);
    for (let at = 0; at < stage.blocks; at += 1) {
      const label = `stage${index}.${at}`;
      const attention = blocks.push({ name: `${label}.attn`, parent: null }) - 1;
      const heads = dim(`${label}.heads`, stage.heads, 1, attention);
      const qk = dim(`${label}.qk`, stage.columns, steps.columns, attention);
      const v = shape.sharedColumns
        ? qk
        : dim(`${label}.v`, stage.columns, steps.columns, attention);
      const mlp = blocks.push({ name: `${label}.mlp`, parent: null }) - 1;
      const wide = dim(`${label}.mlp`, stage.mlp, steps.mlp, mlp);
      plans.push({ label, stage, embedding, attention, heads, qk, v, mlp, wide });
    }
  }
  const axes = axisResolver(dims);
  const termOf: Maker = (label, block, counts, valueAt, kind) => {
    const { axes: over, table } = tableOver(axes, counts, valueAt);
    const gain = kind === "gain" ? table : null;
    return {
      ...{ name: label, block, layer: null, axes: over, gain },
      cost: [kind === "gain" ? null : table],
    };
  };
  const terms = plans.flatMap((plan) => [
    ...costs(plan, random, termOf),
    ...gains(plan, dims, random, termOf),
  ]);
  terms.push(...between(shape, plans, dims, random, termOf));
  const dense = terms.reduce((sum, { cost }) => sum + (cost[0]?.at(-1) ?? 0), 0);
  return {
    ...{ name: `${name} at ${share}`, dims, sums: axes.sums, blocks, layers: [] },
    exclusiveLayers: [],
    terms,
    resources: [{ name: "latency", unit: "ms", limit: share * dense }],
  };
}

interface Plan {
  readonly label: string;
  readonly stage: TransformerStage;
  readonly embedding: number;
  readonly attention: number;
  readonly heads: number;
  readonly qk: number;
  readonly v: number;
  readonly mlp: number;
  readonly wide: number;
}

type Maker = (
  label: string,
  block: number | null,
  counts: readonly AxisCount[],
  valueAt: (lengths: readonly number[]) => number,
  kind: "cost" | "gain",
) => ProblemTerm;

const one = (dim: number, perUnit = 1): AxisCount => ({ fixed: 0, parts: [{ dim, perUnit }] });

/** Times over the axes that shape each operation of a block. */
function costs(plan: Plan, random: Random, term: Maker): ProblemTerm[] {
  const { label, stage, attention, mlp, heads, qk, v } = plan;
  const { tokens, window = tokens } = stage;
  const embedding = one(plan.embedding);
  const wide = one(plan.wide);
  const joined: AxisCount = { fixed: 0, parts: [{ dim: heads, times: [v], perUnit: 1 }] };
  const fused: AxisCount = {
    fixed: 0,
    parts:
      qk === v
        ? [{ dim: heads, times: [qk], perUnit: 3 }]
        : [
            { dim: heads, times: [qk], perUnit: 2 },
            { dim: heads, times: [v], perUnit: 1 },
          ],
  };
  const op = (
    what: string,
    block: number | null,
    counts: readonly AxisCount[],
    macsPer: number,
  ): ProblemTerm => {
    const noise = noiseOf(random);
    const valueAt = (lengths: readonly number[]): number => {
      const tiles = lengths.reduce(
        (product, length) => product * Math.ceil(length / TILE) * TILE,
        1,
      );
      return LAUNCH + RATE * 1e-6 * macsPer * (1e-3 * tiles) * noise(lengths);
    };
    return term(`${label}.${what}`, block, counts, valueAt, "cost");
  };
  return [
    op("norm1", attention, [embedding], 8 * tokens),
    op("qkv", attention, [embedding, fused], tokens),
    op("scores", attention, [one(heads), one(qk)], tokens * window),
    op("softmax", attention, [one(heads)], 8 * tokens * window),
    op("mix", attention, [one(heads), one(v)], tokens * window),
    op("out", attention, [joined, embedding], tokens),
    op("norm2", mlp, [embedding], 8 * tokens),
    op("fc1", mlp, [embedding, wide], tokens),
    op("gelu", mlp, [wide], 8 * tokens),
    op("fc2", mlp, [wide, embedding], tokens),
  ];
}

/** Kernels differ by up to a tenth from width to width, the same each time. */
function noiseOf(random: Random): (lengths: readonly number[]) => number {
  const phase = 1000 * random.next();
  return (lengths) => {
    const mixed = lengths.reduce(
      (sum, length, axis) => sum + Math.sin(phase + length * (axis + 1.7)),
      0,
    );
    return 1 + (0.1 * mixed) / Math.max(1, lengths.length);
  };
}

/** Concave scores of each dim, and a joint table of heads with each kind of columns. */
function gains(
  plan: Plan,
  dims: readonly ProblemDim[],
  random: Random,
  term: Maker,
): ProblemTerm[] {
  const { label, attention, mlp, heads, qk, v, wide } = plan;
  const size = (dim: number): number => dims[dim]?.counts.at(-1) ?? 1;
  const lostOf = (dim: number, worth: number): ((kept: number) => number) => {
    const power = 1.5 + 2 * random.next();
    return (kept) => worth * (1 - kept / size(dim)) ** power;
  };
  const worth = (): number => 0.2 + random.next();
  const losses = new Map(
    [heads, qk, v].map((dim) => {
      const total = worth();
      return [dim, { total, of: lostOf(dim, total) }];
    }),
  );
  const single = [...losses].map(([dim, { total, of }]) =>
    term(`${label} units`, attention, [one(dim)], ([kept = 0]) => total - of(kept), "gain"),
  );
  const joint = [...new Set([qk, v])].map((dim) => {
    const share = 0.3 + 0.4 * random.next();
    return term(
      `${label} together`,
      attention,
      [one(heads), one(dim)],
      ([a = 0, b = 0]) =>
        share * Math.min(losses.get(heads)?.of(a) ?? 0, losses.get(dim)?.of(b) ?? 0),
      "gain",
    );
  });
  const total = worth();
  const lost = lostOf(wide, total);
  return [
    ...single,
    ...joint,
    term(`${label} mlp units`, mlp, [one(wide)], ([kept = 0]) => total - lost(kept), "gain"),
  ];
}

/** Embeddings: their scores, and the layers between stages. */
function between(
  { stages }: TransformerShape,
  plans: readonly Plan[],
  dims: readonly ProblemDim[],
  random: Random,
  term: Maker,
): ProblemTerm[] {
  const embeddings = [...new Set(plans.map(({ embedding }) => embedding))];
  return embeddings.flatMap((dim, at) => {
    const size = dims[dim]?.counts.at(-1) ?? 1;
    const power = 1.5 + random.next();
    const worth = 2 * (stages[at]?.blocks ?? 1);
    const own = term(
      `embedding ${at}`,
      null,
      [one(dim)],
      ([kept = 0]) => worth * (1 - (1 - kept / size) ** power),
      "gain",
    );
    const next = embeddings[at + 1];
    if (next === undefined) return [own];
    const tokens = stages[at + 1]?.tokens ?? 1;
    const merge = term(
      `merge ${at}`,
      null,
      [one(dim, 4), one(next)],
      ([a = 0, b = 0]) => LAUNCH + RATE * 1e-9 * tokens * a * b,
      "cost",
    );
    return [own, merge];
  });
}
