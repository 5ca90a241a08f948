import type { Target } from "../runtime/batches.ts";
import type { Feeds } from "../runtime/session.ts";

/** What a network answered for one sample: its outputs by name, without the batch axis. */
export type Answer = Feeds;

/**
 * What an interval is made from. `rate`: every evidence is a number from 0 to 1 that is 0 or 1, and the value is their mean. `mean`: every
 * evidence is a number, and the value is their mean. `pooled`: the value can't be written as a mean over items.
 */
export type Pooling = "rate" | "mean" | "pooled";

/**
 * Something that a network is judged by. What one item contributes is kept, so that intervals and paired differences come from resampling
 * the items.
 *
 * @typeParam E evidence of one item; `JSON.parse(JSON.stringify(e))` gives it back.
 */
export interface Metric<E = unknown> {
  readonly name: string;
  readonly better: "higher" | "lower";
  readonly pooling: Pooling;
  /** How the value is written: a share is shown in percent. */
  readonly unit: "share" | "dB" | "number";
  /**
   * Evidence of one item; null where the item says nothing of this metric and doesn't count.
   * @throws InputError `tasks/bad-target` where the target is none that this metric compares with
   */
  readonly perItem: (answer: Answer, target: Target) => E;
  /** The value over some items, repeats counted as often as they occur; NaN where it is not defined on them. */
  readonly pooled: (evidence: readonly E[]) => number;
  /**
   * What evidence becomes once that of all items is known: a rank in a gallery, say. Applied once, before items are resampled.
   * As it is where left out.
   */
  readonly settle?: (evidence: readonly E[]) => readonly E[];
  /** Of a rate: whether an item (as settled) succeeds; the evidence is 1 where left out. */
  readonly success?: (evidence: E) => boolean;
  /**
   * The same as `pooled` for many resamples of the same items: prepares the evidence once, and then takes how often each item
   * occurs. Only a faster way.
   */
  readonly pooler?: (evidence: readonly E[]) => (counts: ArrayLike<number>) => number;
}

/** The mean of numbers; NaN of none. */
export function meanOf(values: readonly number[]): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}

/** A metric whose value is the mean of one number per item. */
export function meanMetric(
  about: Pick<Metric<number>, "name" | "better" | "unit"> & {
    readonly pooling: "rate" | "mean";
  },
  perItem: Metric<number>["perItem"],
): Metric<number> {
  return { ...about, perItem, pooled: meanOf };
}
