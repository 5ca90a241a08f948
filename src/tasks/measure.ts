import type { Metric } from "./metric.ts";
import { bootstrap, middleOf } from "./statistics/bootstrap.ts";
import {
  type Interval,
  pairedRateDifference,
  studentMean,
  wilson,
} from "./statistics/intervals.ts";

export interface MeasureOptions {
  /** Two-sided, 0 to 1; 0.95 unless given. A one-sided 95 % bound is an end of the two-sided 90 % interval. */
  readonly confidence?: number | undefined;
  /** Of the bootstrap; 0 unless given. */
  readonly seed?: number | undefined;
  /** 2000 unless given. */
  readonly resamples?: number | undefined;
  /** Stratum of every item, for the bootstrap: its class, say. */
  readonly strata?: readonly number[] | undefined;
}

/** A metric's value with its interval. */
export interface Measured extends Interval {
  readonly items: number;
  /** How the interval was made; `none` where one number says nothing of it. */
  readonly by: "wilson" | "student" | "newcombe" | "bootstrap" | "none";
  readonly confidence: number;
}

/**
 * A metric's value over the items and its confidence interval: Wilson's for rates, Student's for means, the percentile bootstrap for
 * values that pool their items.
 * @param evidence of every item, from `perItem`
 */
export function measure<E>(
  metric: Metric<E>,
  evidence: readonly E[],
  options: MeasureOptions = {},
): Measured {
  const { confidence = 0.95 } = options;
  const { items: counted, strata } = countedItems(evidence, options.strata);
  const items = counted.length;
  const settled = metric.settle?.(counted) ?? counted;
  const value = metric.pooled(settled);
  switch (metric.pooling) {
    case "rate": {
      const { low, high } = wilson(value * items, items, confidence);
      return { value, low, high, items, by: "wilson", confidence };
    }
    case "mean":
      return {
        ...studentMean(settled.map(Number), confidence),
        ...{ items, by: "student", confidence },
      };
    case "pooled": {
      const pooler = poolerOf(metric, settled);
      const sorted = bootstrap(items, pooler, seeded({ ...options, strata }));
      const ends = middleOf(sorted, confidence);
      return { value, ...ends, items, by: "bootstrap", confidence };
    }
    default:
      return metric.pooling satisfies never;
  }
}

/**
 * How much more a metric says of the second network than of the first on the same items, with a confidence interval of that difference:
 * Newcombe's for rates, the paired t interval for means, the paired bootstrap otherwise.
 * @param first evidence of every item from the first network; `second` of the same items in the same order.
 */
export function measureDifference<E>(
  metric: Metric<E>,
  first: readonly E[],
  second: readonly E[],
  options: MeasureOptions = {},
): Measured {
  if (first.length !== second.length) {
    throw new RangeError(`${first.length} and ${second.length} items are no pairs`);
  }
  const { confidence = 0.95 } = options;
  const pairs = first.map((before, item): readonly [E, E] | null => {
    const after = second[item];
    return before === null || after == null ? null : [before, after];
  });
  const { items: both, strata } = countedItems(pairs, options.strata);
  const items = both.length;
  const [before, after] = [both.map(([own]) => own), both.map(([, own]) => own)].map(
    (all) => metric.settle?.(all) ?? all,
  ) as [readonly E[], readonly E[]];
  switch (metric.pooling) {
    case "rate":
      return {
        ...pairedRateDifference(
          pairsOf(succeeded(metric, before), succeeded(metric, after)),
          confidence,
        ),
        ...{ items, by: "newcombe", confidence },
      };
    case "mean": {
      const differences = after.map((value, item) => Number(value) - Number(before[item]));
      return { ...studentMean(differences, confidence), items, by: "student", confidence };
    }
    case "pooled": {
      const [of, from] = [poolerOf(metric, after), poolerOf(metric, before)];
      const sorted = bootstrap(
        items,
        (counts) => of(counts) - from(counts),
        seeded({ ...options, strata }),
      );
      const value = metric.pooled(after) - metric.pooled(before);
      return { value, ...middleOf(sorted, confidence), items, by: "bootstrap", confidence };
    }
    default:
      return metric.pooling satisfies never;
  }
}

/** The items that say something, and their strata. */
function countedItems<E>(
  evidence: readonly E[],
  strata: readonly number[] | undefined,
): { readonly items: readonly NonNullable<E>[]; readonly strata: readonly number[] | undefined } {
  const items: NonNullable<E>[] = [];
  const of: number[] = [];
  for (const [item, each] of evidence.entries()) {
    if (each == null) continue;
    items.push(each);
    of.push(strata?.[item] ?? 0);
  }
  return { items, strata: strata === undefined ? undefined : of };
}

function seeded({ seed = 0, resamples, strata }: MeasureOptions): Parameters<typeof bootstrap>[2] {
  return { seed, resamples, strata };
}

/** The metric's own fast way, or its plain one on repeated items. */
function poolerOf<E>(
  metric: Metric<E>,
  evidence: readonly E[],
): (counts: ArrayLike<number>) => number {
  if (metric.pooler !== undefined) return metric.pooler(evidence);
  const repeated: E[] = [];
  return (counts) => {
    let length = 0;
    for (const [item, each] of evidence.entries()) {
      for (let left = counts[item] ?? 0; left > 0; left -= 1) {
        repeated[length] = each;
        length += 1;
      }
    }
    repeated.length = length;
    return metric.pooled(repeated);
  };
}

function succeeded<E>({ success }: Metric<E>, evidence: readonly E[]): readonly boolean[] {
  return evidence.map(success ?? ((each) => Number(each) > 0));
}

function pairsOf(
  first: readonly boolean[],
  second: readonly boolean[],
): Parameters<typeof pairedRateDifference>[0] {
  const pairs = { both: 0, firstOnly: 0, secondOnly: 0, neither: 0 };
  for (const [item, before] of first.entries()) {
    const after = second[item] === true;
    if (before && after) pairs.both += 1;
    else if (before) pairs.firstOnly += 1;
    else if (after) pairs.secondOnly += 1;
    else pairs.neither += 1;
  }
  return pairs;
}
