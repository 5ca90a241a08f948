import { at as entryAt } from "../../core/at.ts";
/** Rates by rule, to compare with the program's: how many elements each weight keeps of a total. */
import { UsageError } from "../../core/errors.ts";
import { bestOf, keptCount } from "../../subnet/sparse/mask.ts";
import type { SparseWeight } from "../../subnet/sparse/weights.ts";
import { weightCount } from "../../subnet/sparse/weights.ts";

/**
 * `program`: the best by measured damages, proven; `global`: one threshold over all scores; `uniform`: the same share everywhere;
 * `erk`: (inputs + outputs + kernel) / (inputs * outputs * kernel), scaled (Evci et al., 1911.11134); `lamp`: one threshold over
 * w^2 / (sum of the squares that are not smaller) (Lee et al., 2010.07611).
 */
export const RATES = ["program", "global", "uniform", "erk", "lamp"] as const;
export type Rates = (typeof RATES)[number];
export type RuleRates = Exclude<Rates, "program">;

/** A weight with the scores of its elements, rows x columns. */
export interface ScoredWeight {
  readonly weight: SparseWeight;
  readonly scores: Float64Array;
  /** rows x columns, as they are. */
  readonly values: Float32Array;
}

/**
 * Elements that each weight keeps, in the order of the weights; they sum to `total`, up to rounding.
 * @throws UsageError `sparsify/too-few` where a weight would keep none
 */
export function ratesByRule(
  rule: RuleRates,
  weights: readonly ScoredWeight[],
  total: number,
): readonly number[] {
  switch (rule) {
    case "uniform": {
      const all = weights.reduce((sum, { weight }) => sum + weightCount(weight), 0);
      return weights.map(({ weight }) => Math.round((total / all) * weightCount(weight)));
    }
    case "erk":
      return erdosRenyiKernel(weights, total);
    case "global":
      return byThreshold(
        weights.map(({ scores }) => scores),
        total,
      );
    case "lamp":
      return byThreshold(
        weights.map(({ values }) => lampScores(values)),
        total,
      );
    default:
      return rule satisfies never;
  }
}

function byThreshold(scores: readonly Float64Array[], total: number): number[] {
  const all = new Float64Array(scores.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const each of scores) {
    all.set(each, at);
    at += each.length;
  }
  const mask = bestOf(all, Math.round(total));
  at = 0;
  return scores.map(({ length }) => {
    const kept = keptCount(mask.subarray(at, at + length));
    at += length;
    return kept;
  });
}

/** w^2 over the sum of all squares of the layer that are at least as large; the largest weight of a layer has 1. */
export function lampScores(values: Float32Array): Float64Array {
  const order = Array.from(values.keys()).sort(
    (a, b) => Math.abs(entryAt(values, b)) - Math.abs(entryAt(values, a)) || a - b,
  );
  const scores = new Float64Array(values.length);
  let sum = 0;
  for (const at of order) {
    const square = entryAt(values, at) ** 2;
    sum += square;
    scores[at] = sum > 0 ? square / sum : 0;
  }
  return scores;
}

/** Densities in proportion to the rule; what would exceed 1 is 1, and the others share what is left. */
function erdosRenyiKernel(weights: readonly ScoredWeight[], total: number): number[] {
  const shares = weights.map(({ weight: { rows, columns, taps } }) => {
    const kernel = 2 * Math.sqrt(taps);
    return (rows + columns / taps + (taps > 1 ? kernel : 0)) / (rows * columns);
  });
  const counts = weights.map(({ weight }) => weightCount(weight));
  const whole = new Set<number>();
  for (;;) {
    const open = weights.flatMap((_, index) => (whole.has(index) ? [] : [index]));
    const sum = (of: (index: number) => number): number =>
      open.reduce((before, index) => before + of(index), 0);
    const kept = [...whole].reduce((before, index) => before + entryAt(counts, index), 0);
    const scale = (total - kept) / sum((index) => entryAt(shares, index) * entryAt(counts, index));
    const over = open.filter((index) => scale * entryAt(shares, index) > 1);
    if (over.length === 0) {
      return counts.map((count, index) =>
        whole.has(index) ? count : Math.round(Math.max(0, scale) * entryAt(shares, index) * count),
      );
    }
    for (const index of over) whole.add(index);
  }
}

/** @throws UsageError `sparsify/too-few` */
export function checkSome(labels: readonly string[], kept: readonly number[], rule: string): void {
  const at = kept.findIndex((count) => count < 1);
  if (at === -1) return;
  throw new UsageError({
    code: "sparsify/too-few",
    message: `With rates '${rule}' the weight of '${labels[at]}' would keep no element: the network would be cut through there.`,
    where: "--sparsity",
    hint: "Ask for less sparsity, use --rates program, or keep that layer dense with --keep-dense.",
  });
}
