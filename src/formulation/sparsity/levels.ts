/**
 * The densities that a weight may have. Damages are measured at few of them and interpolated in between, where the logarithm of the
 * damage is close to a straight line in the logarithm of the density; above the last of them it falls with the square of the
 * share that is removed.
 */

/** Densities that damages are measured at; the whole weight costs nothing. */
export const MEASURED_DENSITIES = [
  0.015, 0.03, 0.05, 0.075, 0.11, 0.16, 0.23, 0.33, 0.47, 0.67,
] as const;

/** The number that a weight's pattern can keep which is nearest to a wanted one. */
export type Rounding = (kept: number) => number;

/** Levels between two measured ones, the upper one included. */
const STEPS = 4;

/** One way to keep elements of a weight: how many, and what the network loses. */
export interface SparseLevel {
  readonly kept: number;
  readonly damage: number;
}

/** Densities further from the total than this factor are chosen rarely, and interpolated. */
const FAR = 4;

/**
 * Kept elements of a weight of that size at the measured densities, without repeats, increasing; the whole is not among them.
 * @param sparsity share of zeros that is asked for in all; null where it is not known
 */
export function measuredCounts(count: number, sparsity: number | null): readonly number[] {
  const isNear = (density: number): boolean =>
    sparsity === null || (density * FAR >= 1 - sparsity && density <= (1 - sparsity) * FAR);
  const counts = MEASURED_DENSITIES.filter(isNear).map((density) => Math.ceil(density * count));
  return [...new Set(counts)].filter((kept) => kept > 0 && kept < count);
}

/**
 * Levels of a weight, from the sparsest to the whole. More elements never damage more: a measurement that says so is noise, and the
 * better of the two densities' figures counts for both.
 *
 * @param measured by falling sparsity, without the whole weight
 */
export function levelsOf(
  count: number,
  measured: readonly SparseLevel[],
  rounding: Rounding = Math.round,
): readonly SparseLevel[] {
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
    if (next !== undefined) levels.push(...between(level, next, rounding));
  }
  return [...levels, ...towardsWhole(falling.at(-1), count, rounding), { kept: count, damage: 0 }];
}

/** Above the last measured density the damage falls to nothing with the square of what is missing. */
function towardsWhole(
  last: SparseLevel | undefined,
  count: number,
  rounding: Rounding,
): SparseLevel[] {
  if (last === undefined) return [];
  const levels: SparseLevel[] = [];
  for (let step = 1; step < STEPS; step += 1) {
    const kept = rounding(last.kept + ((count - last.kept) * step) / STEPS);
    if (kept <= (levels.at(-1) ?? last).kept || kept >= count) continue;
    levels.push({ kept, damage: last.damage * ((count - kept) / (count - last.kept)) ** 2 });
  }
  return levels;
}

/** A damage can't be told from nothing below this. */
const LEAST = 1e-12;

function between(left: SparseLevel, right: SparseLevel, rounding: Rounding): SparseLevel[] {
  const levels: SparseLevel[] = [];
  let last = left.kept;
  for (let step = 1; step < STEPS; step += 1) {
    const kept = rounding(left.kept * (right.kept / left.kept) ** (step / STEPS));
    if (kept <= last || kept >= right.kept) continue;
    const share = Math.log(kept / left.kept) / Math.log(right.kept / left.kept);
    levels.push({ kept, damage: left.damage * (right.damage / left.damage) ** share });
    last = kept;
  }
  return levels;
}

/**
 * Levels between measured ones alone, with damages beside the present density's, which may be negative; straight lines in between.
 * More elements never damage more.
 */
export function levelsWithin(
  measured: readonly SparseLevel[],
  rounding: Rounding = Math.round,
): readonly SparseLevel[] {
  const sorted = [...measured].sort((a, b) => a.kept - b.kept);
  const levels: SparseLevel[] = [];
  let last: SparseLevel | null = null;
  for (const { kept, damage } of sorted) {
    const next: SparseLevel = { kept, damage: Math.min(damage, last?.damage ?? damage) };
    if (last !== null) levels.push(...onLine(last, next, rounding));
    levels.push(next);
    last = next;
  }
  return levels;
}

function onLine(left: SparseLevel, right: SparseLevel, rounding: Rounding): SparseLevel[] {
  const levels: SparseLevel[] = [];
  for (let step = 1; step < STEPS; step += 1) {
    const share = step / STEPS;
    const kept = rounding(left.kept * (right.kept / left.kept) ** share);
    if (kept <= (levels.at(-1) ?? left).kept || kept >= right.kept) continue;
    levels.push({ kept, damage: left.damage + (right.damage - left.damage) * share });
  }
  return levels;
}
