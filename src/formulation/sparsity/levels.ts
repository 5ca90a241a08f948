/**
 * The densities that a weight may have. Damages are measured at few of them and interpolated in between, where the logarithm of the
 * damage is close to a straight line in the logarithm of the density; above the last of them it falls with the square of the
 * share that is removed.
 */

/** Densities that damages are measured at; the whole weight costs nothing. */
export const MEASURED_DENSITIES = [
  0.015, 0.03, 0.05, 0.075, 0.11, 0.16, 0.23, 0.33, 0.47, 0.67,
] as const;

/** Levels between two measured ones, the upper one included. */
const STEPS = 4;

/** One way to keep elements of a weight: how many, and what the network loses. */
export interface SparseLevel {
  readonly kept: number;
  readonly damage: number;
}

/** Kept elements of a weight of that size at the measured densities, without repeats, increasing; the whole is not among them. */
export function measuredCounts(count: number): readonly number[] {
  const counts = MEASURED_DENSITIES.map((density) => Math.ceil(density * count));
  return [...new Set(counts)].filter((kept) => kept > 0 && kept < count);
}

/**
 * Levels of a weight, from the sparsest to the whole. More elements never damage more: a measurement that says so is noise, and the
 * better of the two densities' figures counts for both.
 *
 * @param measured by falling sparsity, without the whole weight
 */
export function levelsOf(count: number, measured: readonly SparseLevel[]): readonly SparseLevel[] {
  const sorted = [...measured].sort((a, b) => a.kept - b.kept);
  const falling: SparseLevel[] = [];
  let least = Number.POSITIVE_INFINITY;
  for (const { kept, damage } of sorted) {
    least = Math.min(least, Math.max(damage, LEAST));
    falling.push({ kept, damage: least });
  }
  const levels: SparseLevel[] = [];
  for (const [index, level] of falling.entries()) {
    const next = falling[index + 1];
    levels.push(level);
    if (next !== undefined) levels.push(...between(level, next));
  }
  return [...levels, ...towardsWhole(falling.at(-1), count), { kept: count, damage: 0 }];
}

/** Above the last measured density the damage falls to nothing with the square of what is missing. */
function towardsWhole(last: SparseLevel | undefined, count: number): SparseLevel[] {
  if (last === undefined) return [];
  const levels: SparseLevel[] = [];
  for (let step = 1; step < STEPS; step += 1) {
    const kept = Math.round(last.kept + ((count - last.kept) * step) / STEPS);
    if (kept <= (levels.at(-1) ?? last).kept || kept >= count) continue;
    levels.push({ kept, damage: last.damage * ((count - kept) / (count - last.kept)) ** 2 });
  }
  return levels;
}

/** A damage can't be told from nothing below this. */
const LEAST = 1e-12;

function between(left: SparseLevel, right: SparseLevel): SparseLevel[] {
  const levels: SparseLevel[] = [];
  let last = left.kept;
  for (let step = 1; step < STEPS; step += 1) {
    const kept = Math.round(left.kept * (right.kept / left.kept) ** (step / STEPS));
    if (kept <= last || kept >= right.kept) continue;
    const share = Math.log(kept / left.kept) / Math.log(right.kept / left.kept);
    levels.push({ kept, damage: left.damage * (right.damage / left.damage) ** share });
    last = kept;
  }
  return levels;
}
