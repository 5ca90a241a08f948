/**
 * Which weights of a layer stay, found together with the values of those that stay. In several rounds the density goes down to the
 * wanted one; after each round the kept weights are fitted, and the next round judges the fitted ones. A round removes the weights
 * with the least score, so that what a removed weight did is taken over before others are judged.
 */
import type { Update } from "../correct/least-squares.ts";
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

export interface SearchedLayer {
  readonly mask: Uint8Array;
  readonly update: Update;
}

/** @param values the layer's weights, rows x columns */
export async function searchSupport(
  weight: SparseWeight,
  values: Float32Array,
  moments: Moments,
  options: SearchOptions,
): Promise<SearchedLayer> {
  const { pattern, scoreOf, kept, rounds } = options;
  const count = weight.rows * weight.columns;
  let current = values;
  let mask: Uint8Array = new Uint8Array(count).fill(1);
  const steps = densities(kept / count, pattern.kind === "n:m" ? 1 : rounds);
  for (const density of steps) {
    const scores = await scoreOf(weight, current, moments);
    mask = maskOf(weight, pattern, onlyKept(scores, mask), density * count);
    const update = await fitOnSupport(moments, values, mask, options);
    if (density === steps.at(-1)) return { mask, update };
    current = values.map((value, at) => value + (update.weights[at] ?? 0));
  }
  const update = await fitOnSupport(moments, values, mask, options);
  return { mask, update };
}

/** Falling in equal ratios to the last. */
function densities(last: number, rounds: number): number[] {
  return Array.from({ length: rounds }, (_, round) => last ** ((round + 1) / rounds));
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
