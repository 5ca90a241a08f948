import { fromHalf } from "../graph/half.ts";
import type { Feed } from "./session.ts";

/** How far a tensor is from a reference of the same shape, per unit of one axis (all of it is one unit without an axis). */
export interface Differences {
  /** Largest |a - b| per unit; Infinity where one side only is not finite, or both are and differ. */
  readonly apart: Float64Array;
  /** Largest |a| per unit, over what is finite. */
  readonly largest: Float64Array;
  /** Same bits everywhere. */
  readonly identical: boolean;
  /** Elements of the reference that are NaN or infinite. */
  readonly notFinite: number;
  /** Smallest and largest finite element of the reference; Infinity and -Infinity where there is none. */
  readonly low: number;
  readonly high: number;
}

/** Compares two tensors of one shape; the first is the reference. */
export function differencesOf(a: Feed, b: Feed, unitAxis: number | null = null): Differences {
  const [left, right] = [numbersOf(a), numbersOf(b)];
  const units = unitAxis === null ? 1 : (a.shape[unitAxis] ?? 1);
  const run =
    unitAxis === null ? left.length : a.shape.slice(unitAxis + 1).reduce((x, y) => x * y, 1);
  const apart = new Float64Array(units);
  const largest = new Float64Array(units);
  let [notFinite, low, high] = [0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  let identical = a.type === b.type;
  for (let from = 0, unit = 0; from < left.length; from += run, unit = (unit + 1) % units) {
    let [widest, most] = [apart[unit] ?? 0, largest[unit] ?? 0];
    for (let index = from; index < from + run; index += 1) {
      const [x, y] = [Number(left[index]), Number(right[index])];
      if (Number.isFinite(x)) {
        if (x < low) low = x;
        if (x > high) high = x;
        if (Math.abs(x) > most) most = Math.abs(x);
      } else notFinite += 1;
      if (Object.is(x, y)) continue;
      identical = false;
      const distance = x === y ? 0 : Math.abs(x - y);
      if (!(distance <= widest)) widest = Number.isNaN(distance) ? Infinity : distance;
    }
    apart[unit] = widest;
    largest[unit] = most;
  }
  return { apart, largest, identical, notFinite, low, high };
}

/** The elements as numbers; those of float16 are decoded. */
function numbersOf(feed: Feed): ArrayLike<number | bigint> {
  if (feed.type === "string") return [];
  return feed.type === "float16" ? Float32Array.from(feed.data, fromHalf) : feed.data;
}
