import { at } from "../../core/at.ts";

/** Pearson's correlation of pairs, lists of equal length; NaN where one side is the same everywhere. */
export function pearson(left: readonly number[], right: readonly number[]): number {
  const [x, y] = [around(left), around(right)];
  const product = x.reduce((sum, each, index) => sum + each * at(y, index), 0);
  return product / (size(x) * size(y));
}

/** Spearman's rank correlation; equal values share the mean of their ranks. NaN as in `pearson`. */
export function spearman(left: readonly number[], right: readonly number[]): number {
  return pearson(ranksOf(left), ranksOf(right));
}

function around(values: readonly number[]): readonly number[] {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return values.map((value) => value - mean);
}

function size(values: readonly number[]): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0));
}

function ranksOf(values: readonly number[]): readonly number[] {
  return values.map((value) => {
    const below = values.filter((other) => other < value).length;
    const equal = values.filter((other) => other === value).length;
    return below + (equal + 1) / 2;
  });
}
