/**
 * Which weights of a layer stay. In several rounds the density goes down to the
 * wanted one; after each round the kept weights are fitted, and the next round judges the fitted ones. A round removes the weights
 * with the least score, so that what a removed weight did is taken over before others are judged.
 */
import type { Moments } from "../correct/moments.ts";
import { fitOnSupport, type SupportFitOptions } from "./fit.ts";
import { keptByPattern, maskOf } from "./mask.ts";
import type { Pattern } from "./pattern.ts";
import type { SparseWeight } from "./weights.ts";

/**
 * How much each element of a weight is worth: rows x columns.
 * @param values the elements as they are now
 * @param moments of the layer's inputs; null where no images were run
 */
export type ScoreOf = (
  weight: SparseWeight,
  values: Float32Array,
  moments: Moments | null,
) => ArrayLike<number> | Promise<ArrayLike<number>>;

export interface SearchOptions extends SupportFitOptions {
  readonly pattern: Pattern;
  readonly scoreOf: ScoreOf;
  /** Elements that stay. */
  readonly kept: number;
  /** Rounds on the way to that number; 1: the mask is chosen at once. */
  readonly rounds: number;
}

/**
 * The mask of a layer.
 * @param values the layer's weights, rows x columns
 */
export async function searchSupport(
  weight: SparseWeight,
  values: Float32Array,
  moments: Moments,
  options: SearchOptions,
): Promise<Uint8Array> {
  const { scoreOf, kept } = options;
  const count = weight.rows * weight.columns;
  let current = values;
  let mask: Uint8Array = new Uint8Array(count).fill(1);
  const steps = stepsTo(kept / count, options);
  for (const [index, { pattern, density }] of steps.entries()) {
    const scores = await scoreOf(weight, current, moments);
    const left = keptByPattern(weight, pattern, density * count);
    mask = maskOf(weight, pattern, onlyKept(scores, mask), left);
    if (index === steps.length - 1) break;
    const { weights: change } = await fitOnSupport(moments, values, mask, options);
    current = values.map((value, at) => value + (change[at] ?? 0));
  }
  return mask;
}

interface SearchStep {
  readonly pattern: Pattern;
  readonly density: number;
}

/** Densities that fall in equal ratios to the last; an N:M pattern has only the whole numbers between. */
function stepsTo(
  last: number,
  { pattern, rounds }: Pick<SearchOptions, "pattern" | "rounds">,
): readonly SearchStep[] {
  const falling = (end: number): readonly number[] =>
    Array.from({ length: rounds }, (_, round) => end ** ((round + 1) / rounds));
  if (pattern.kind !== "n:m") return falling(last).map((density) => ({ pattern, density }));
  const { kept, of } = pattern;
  const counts = new Set(falling(kept / of).map((density) => Math.round(of * density)));
  return [...counts]
    .filter((count) => count < of)
    .map((count) => ({ pattern: { ...pattern, kept: count }, density: count / of }));
}

/** What is gone stays gone. */
function onlyKept(scores: ArrayLike<number>, mask: Uint8Array): Float64Array {
  return Float64Array.from({ length: scores.length }, (_, at) =>
    mask[at] === 1 ? (scores[at] ?? 0) : Number.NEGATIVE_INFINITY,
  );
}

/** The mask without any images, and without a fit. */
export async function straightMask(
  weight: SparseWeight,
  values: Float32Array,
  options: Pick<SearchOptions, "pattern" | "scoreOf" | "kept">,
): Promise<Uint8Array> {
  const { pattern, scoreOf, kept } = options;
  const scores = await scoreOf(weight, values, null);
  return maskOf(weight, pattern, scores, keptByPattern(weight, pattern, kept));
}
