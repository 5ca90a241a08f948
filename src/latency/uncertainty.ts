/**
 * How far a table's times may be off, so that sums of them are honest. A time in a network is taken to be
 *
 *     F * m * (1 + e)        F common to the whole table, e the operation's own
 *
 * with the table's time m, ln F normal with mean 0 and deviation `common`, and e of mean 0, independent between operations.
 * The errors e average out in a sum and F doesn't. The p quantile of a sum M of times, whose own errors have the variance
 * V, is taken as
 *
 *     Q = M + sqrt((exp(z * common) - 1)^2 * M^2 + z^2 * V)        z the p quantile of the normal distribution
 *
 * which is exact where only one of both counts.
 */
import type { LatencyTable } from "./table.ts";

/** What is known of a table's errors. */
export interface Uncertainty {
  /** Standard deviation of the logarithm of the factor that all its times share. */
  readonly common: number;
  /** The same table with each time's own variance, in square milliseconds, in its place. */
  readonly variances: LatencyTable;
  /** What that rests on, for people. */
  readonly how: string;
}

/** A sum of times with what is known of its error. */
export interface UncertainTime {
  readonly ms: number;
  /** Variance of the own errors, in square milliseconds. */
  readonly variance: number;
  /** Of the table; see `Uncertainty`. */
  readonly common: number;
}

/** Mean absolute deviation of the normal distribution per standard deviation. */
const MEAN_DEVIATION = Math.sqrt(2 / Math.PI);
/** The distance of the 10 and the 90 % quantile of the normal distribution, in standard deviations. */
const TENTHS = 2.5631;

/**
 * What a table says of its own errors: its cells' intervals, or, where it has none, the error that its validation found
 * (common to all) and the spread of its samples (each cell's own). Null where nobody looked.
 */
export function uncertaintyOf(table: LatencyTable): Uncertainty | null {
  const { interval, expectedError, spread } = table;
  if (interval !== undefined) {
    const z = normalQuantile((1 + interval.level) / 2);
    return {
      common: Math.log1p(interval.common) / z,
      variances: withVariances(table, (op, cell) => {
        const [low, high] = [op.lowMs?.[cell], op.highMs?.[cell]];
        return low !== undefined && high !== undefined && low > 0
          ? Math.log(high / low) / (2 * z)
          : 0;
      }),
      how: interval.how,
    };
  }
  if (expectedError === null) return null;
  const own = (spread ?? 0) / TENTHS;
  return {
    common: expectedError.mean / MEAN_DEVIATION,
    variances: withVariances(table, () => own),
    how: `the table has no intervals: its error on ${expectedError.networks} left-out networks as that of all cells alike, ${spread === null ? "and none of their own" : "and the spread of its samples as each cell's own"}`,
  };
}

/** @param deviation of the logarithm of a cell's own factor */
function withVariances(
  table: LatencyTable,
  deviation: (op: LatencyTable["ops"][number], cell: number) => number,
): LatencyTable {
  return {
    ...table,
    denseMs: 0,
    fixedMs: 0,
    ops: table.ops.map((op) => ({
      ...op,
      ms: op.ms.map((ms, cell) => ms ** 2 * Math.expm1(deviation(op, cell) ** 2)),
    })),
  };
}

/** The time that is kept with that probability, between 0 and 1. */
export function quantileMs({ ms, variance, common }: UncertainTime, probability: number): number {
  const z = normalQuantile(probability);
  const shared = Math.expm1(z * common) * ms;
  return ms + Math.sign(z) * Math.hypot(shared, z * Math.sqrt(variance));
}

/** The interval that holds the time with probability `level`. */
export function intervalMs(
  time: UncertainTime,
  level: number,
): { readonly lowMs: number; readonly highMs: number } {
  return {
    lowMs: Math.max(0, quantileMs(time, (1 - level) / 2)),
    highMs: quantileMs(time, (1 + level) / 2),
  };
}

/**
 * The own interval of a cell with mean `ms` whose factor's logarithm has that deviation; `lowMs` and `highMs` of a table.
 * The factor is log-normal with mean 1, so that times stay positive and sums are not biased.
 */
export function cellInterval(
  ms: number,
  deviation: number,
  level: number,
): { readonly lowMs: number; readonly highMs: number } {
  const reach = normalQuantile((1 + level) / 2) * deviation;
  const median = ms * Math.exp(-(deviation ** 2) / 2);
  return { lowMs: median * Math.exp(-reach), highMs: median * Math.exp(reach) };
}

/**
 * The quantile of the standard normal distribution: Newton's method on Marsaglia's series ("Evaluating the Normal
 * Distribution", 2004), within 1e-12 for probabilities from 1e-6 to 1 - 1e-6.
 */
export function normalQuantile(probability: number): number {
  if (probability < 0.5) return -normalQuantile(1 - probability);
  let z = 0;
  for (let step = 0; step < 60; step += 1) {
    const density = Math.exp(-(z ** 2) / 2) / Math.sqrt(2 * Math.PI);
    const change = (probability - 0.5 - density * series(z)) / density;
    // The distribution is concave here: from the left Newton's method never goes too far.
    z += change;
    if (Math.abs(change) < 1e-13) break;
  }
  return z;
}

/** z + z^3/3 + z^5/(3 5) + ... */
function series(z: number): number {
  let sum = 0;
  let term = z;
  for (let odd = 3; Math.abs(term) > 1e-17 * Math.abs(sum); odd += 2) {
    sum += term;
    term *= z ** 2 / odd;
  }
  return sum;
}
