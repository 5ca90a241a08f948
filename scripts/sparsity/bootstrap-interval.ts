import { randomFrom } from "../../src/core/random.ts";
import { spearman } from "../../src/tasks/statistics/correlation.ts";

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
