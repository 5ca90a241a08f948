import { type Random, randomFrom } from "../../core/random.ts";

/** Resamples of an interval unless said otherwise. */
export const RESAMPLES = 2000;

/**
 * Values of a statistic on resamples of the items (Efron 1979): as many items as there are, drawn with replacement. With `strata`, each stratum
 * is resampled within itself, so that none runs empty.
 * @param statistic takes how often each item was drawn
 * @returns ascending; resamples on which the statistic is not defined (NaN) are left out
 */
export function bootstrap(
  items: number,
  statistic: (counts: Uint16Array) => number,
  options: {
    readonly seed: number;
    readonly resamples?: number | undefined;
    /** Stratum of every item. */
    readonly strata?: readonly number[] | undefined;
  },
): Float64Array {
  const { seed, resamples = RESAMPLES, strata } = options;
  const random = randomFrom(seed);
  const groups = groupsOf(items, strata);
  const counts = new Uint16Array(items);
  const values: number[] = [];
  for (let resample = 0; resample < resamples; resample += 1) {
    counts.fill(0);
    for (const group of groups) draw(group, counts, random);
    const value = statistic(counts);
    if (!Number.isNaN(value)) values.push(value);
  }
  return Float64Array.from(values).sort();
}

/** The ends between which the middle share of the values lies; NaN of none. */
export function middleOf(
  sorted: Float64Array,
  confidence: number,
): { readonly low: number; readonly high: number } {
  const tail = (1 - confidence) / 2;
  return { low: quantile(sorted, tail), high: quantile(sorted, 1 - tail) };
}

/** Linear between order statistics (type 7 of Hyndman and Fan 1996). */
function quantile(sorted: Float64Array, share: number): number {
  const at = share * (sorted.length - 1);
  const below = sorted[Math.floor(at)] ?? Number.NaN;
  const above = sorted[Math.ceil(at)] ?? Number.NaN;
  return below === above ? below : below + (at - Math.floor(at)) * (above - below);
}

function groupsOf(items: number, strata: readonly number[] | undefined): number[][] {
  const groups = new Map<number, number[]>();
  for (let item = 0; item < items; item += 1) {
    const stratum = strata?.[item] ?? 0;
    const group = groups.get(stratum) ?? [];
    group.push(item);
    groups.set(stratum, group);
  }
  return [...groups.values()];
}

function draw(group: readonly number[], counts: Uint16Array, random: Random): void {
  for (let draws = 0; draws < group.length; draws += 1) {
    const item = group[random.integer(group.length)] as number;
    counts[item] = (counts[item] as number) + 1;
  }
}
