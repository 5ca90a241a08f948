import { betaQuantile, normalQuantile, studentQuantile } from "./distributions.ts";

/** A value between two bounds. */
export interface Interval {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/**
 * Wilson's score interval of a rate (Wilson 1927): with z the normal quantile of the confidence, the rates p for which the observed rate is
 * within z standard errors of p.
 * @param hits 0 to count; may be fractional
 */
export function wilson(hits: number, count: number, confidence: number): Interval {
  const value = hits / count;
  if (count === 0) return { value: Number.NaN, low: 0, high: 1 };
  const z2 = normalQuantile((1 + confidence) / 2) ** 2;
  const middle = (hits + z2 / 2) / (count + z2);
  const half = Math.sqrt(z2 * ((hits * (count - hits)) / count + z2 / 4)) / (count + z2);
  return { value, low: Math.max(0, middle - half), high: Math.min(1, middle + half) };
}

/** Clopper and Pearson's exact interval of a rate (1934): it covers at least as often as it says. */
export function clopperPearson(hits: number, count: number, confidence: number): Interval {
  const tail = (1 - confidence) / 2;
  return {
    value: hits / count,
    low: hits === 0 ? 0 : betaQuantile(tail, hits, count - hits + 1),
    high: hits === count ? 1 : betaQuantile(1 - tail, hits + 1, count - hits),
  };
}

/** Student's interval of the mean of numbers; unbounded where there are fewer than two. Of paired differences: the paired t interval. */
export function studentMean(values: readonly number[], confidence: number): Interval {
  const count = values.length;
  const value = values.reduce((sum, each) => sum + each, 0) / count;
  if (count < 2) return { value, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };
  const squares = values.reduce((sum, each) => sum + (each - value) ** 2, 0);
  const error = Math.sqrt(squares / (count - 1) / count);
  const half = studentQuantile((1 + confidence) / 2, count - 1) * error;
  return { value, low: value - half, high: value + half };
}

/** How two networks did on the same items, where each either succeeds or fails. */
export interface PairedRates {
  readonly both: number;
  readonly firstOnly: number;
  readonly secondOnly: number;
  readonly neither: number;
}

/**
 * The difference of two rates on the same items, second minus first: Newcombe's square-and-add interval for paired proportions (Newcombe
 * 1998, method 10), which is made of both rates' Wilson intervals and their correlation. Its width is not 0 where no item
 * differs, as that of a bootstrap would be.
 */
export function pairedRateDifference(pairs: PairedRates, confidence: number): Interval {
  const { both: a, firstOnly: b, secondOnly: c, neither: d } = pairs;
  const count = a + b + c + d;
  const first = wilson(a + b, count, confidence);
  const second = wilson(a + c, count, confidence);
  const value = second.value - first.value;
  const product = a * d - b * c;
  // With a continuity correction where the rates go together, so that their correlation isn't overestimated.
  const numerator = product > 0 ? Math.max(product - count / 2, 0) : product;
  const margins = (a + b) * (c + d) * (a + c) * (b + d);
  const phi = margins === 0 ? 0 : numerator / Math.sqrt(margins);
  const root = (left: number, right: number): number =>
    Math.sqrt(Math.max(0, left ** 2 - 2 * phi * left * right + right ** 2));
  return {
    value,
    low: value - root(second.value - second.low, first.high - first.value),
    high: value + root(second.high - second.value, first.value - first.low),
  };
}
