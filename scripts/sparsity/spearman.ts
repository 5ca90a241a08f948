import { randomFrom } from "../../src/core/random.ts";

/** Places in increasing order; equal values share the mean of theirs. */
function ranksOf(values: readonly number[]): number[] {
  return values.map((value) => {
    const below = values.filter((other) => other < value).length;
    const equal = values.filter((other) => other === value).length;
    return below + (equal + 1) / 2;
  });
}

/** Spearman's rank correlation; NaN where one side is the same everywhere. */
export function spearman(left: readonly number[], right: readonly number[]): number {
  const [a, b] = [ranksOf(left), ranksOf(right)];
  const mean = (a.length + 1) / 2;
  const sum = (of: (index: number) => number): number =>
    a.reduce((total, _, index) => total + of(index), 0);
  const product = sum((index) => ((a[index] ?? 0) - mean) * ((b[index] ?? 0) - mean));
  const size = (list: readonly number[]): number =>
    Math.sqrt(list.reduce((total, rank) => total + (rank - mean) ** 2, 0));
  return product / (size(a) * size(b));
}

const DRAWS = 2000;

/** Where nine in ten of the correlations lie whose pairs are drawn again, with replacement, from these (seed 1). */
export function bootstrapInterval(
  left: readonly number[],
  right: readonly number[],
): readonly [number, number] {
  const random = randomFrom(1);
  const drawn: number[] = [];
  for (let draw = 0; draw < DRAWS; draw += 1) {
    const chosen = left.map(() => random.integer(left.length));
    const pick = (list: readonly number[]): number[] => chosen.map((index) => list[index] ?? 0);
    const found = spearman(pick(left), pick(right));
    if (!Number.isNaN(found)) drawn.push(found);
  }
  drawn.sort((a, b) => a - b);
  const at = (share: number): number => drawn[Math.floor(share * drawn.length)] ?? Number.NaN;
  return [at(0.05), at(0.95)];
}
