/**
 * Which sums of times keep a budget with a given probability. With the mean M and the variance V of a selection's time, both
 * linear in what is chosen, its quantile keeps the budget B where
 *
 *     M + sqrt(k^2 M^2 + z^2 V) <= B      <=>      V <= g(M) = ((B - M)^2 - k^2 M^2) / z^2,   M <= B / (1 + k)
 *
 * with k = exp(z * common) - 1 (src/latency/uncertainty.ts). On that range g decreases. For k < 1 it is convex: the chord
 * over [a, b] lies above it there and below it everywhere else, so that
 *
 *     V <= chord(M)       loses no selection with a <= M <= b, and lets in none with another M that breaks the budget.
 *
 * For k >= 1 g is concave, and every tangent lies above it.
 */
import { normalQuantile } from "../../latency/uncertainty.ts";

/** A budget that is to be kept with a probability. */
export interface RobustBudget {
  /** Milliseconds. */
  readonly limit: number;
  /** Above one half, below 1. */
  readonly probability: number;
  /** Standard deviation of the logarithm of the factor that all times share. */
  readonly common: number;
}

/** M + price * V <= limit, in milliseconds. */
export interface Line {
  readonly price: number;
  readonly limit: number;
}

/** The region of a budget, in numbers. */
export interface Region {
  readonly limit: number;
  readonly k: number;
  readonly z: number;
  /** The largest mean within it: that of a selection whose time has no error of its own. */
  readonly most: number;
}

export function regionOf({ limit, probability, common }: RobustBudget): Region {
  const z = normalQuantile(probability);
  const k = Math.expm1(z * common);
  return { limit, k, z, most: limit / (1 + k) };
}

/** The mean at which a selection of that variance reaches the budget exactly; below zero where none does. */
export function meanAt({ limit, k, z }: Region, variance: number): number {
  const rest = limit ** 2 - z ** 2 * variance;
  // The smaller root of (1 - k^2) M^2 - 2 B M + rest, in the form that loses no digits.
  return rest / (limit + Math.sqrt(Math.max(0, limit ** 2 - (1 - k ** 2) * rest)));
}

/** g: the largest variance that a selection of that mean may have. */
export function varianceAt({ limit, k, z }: Region, mean: number): number {
  return ((limit - mean) ** 2 - (k * mean) ** 2) / z ** 2;
}

/** V <= chord(M) over the means from `low` to `high`. */
export function chord(region: Region, low: number, high: number): Line {
  const { limit, k, z } = region;
  const fall = (2 * limit - (1 - k ** 2) * (low + high)) / z ** 2;
  return { price: 1 / fall, limit: low + varianceAt(region, low) / fall };
}

/** V <= the tangent of g at that mean. */
export function tangent(region: Region, mean: number): Line {
  return chord(region, mean, mean);
}
