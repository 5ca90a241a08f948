import { quantile } from "../../runtime/timing.ts";
import { nonnegativeLeastSquares } from "./nonnegative.ts";
import { type Stairs, topOf } from "./stairs.ts";

/** One time of an operation at the channel counts it had. */
export interface CellSample {
  readonly counts: readonly number[];
  readonly ms: number;
}
/** All samples at the same counts. */
export interface Cell {
  readonly counts: readonly number[];
  readonly ms: number;
  readonly samples: number;
}

/** Vector units and memory lines: times over channels are stairs of this width on most processors. */
export const USUAL_STAIRS: Stairs = { period: 16, phase: 0 };
/** Below this an operation is so short that only its absolute error matters. */
export const SHORT_MS = 0.004;

/** Milliseconds at channel counts. */
export type Law = (counts: readonly number[]) => number;

/** Cells of one operation, with the positions of its output. */
export interface FamilyMember {
  readonly samples: readonly CellSample[];
  readonly positions: number;
}

/**
 * A law for operations that do the same work per position of images of different sizes: what depends on positions, and
 * what doesn't (weights, calls).
 * @returns the law for operations with so many positions
 */
export function fitFamily(members: readonly FamilyMember[]): (positions: number) => Law {
  const rows: Float64Array[] = [];
  const targets: number[] = [];
  for (const { samples, positions } of members) {
    for (const { counts, ms, samples: weight } of gather(samples)) {
      const scale = Math.sqrt(weight) / Math.max(ms, SHORT_MS);
      rows.push(Float64Array.from(familyFeatures(counts, positions), (value) => value * scale));
      targets.push(ms * scale);
    }
  }
  const coefficients = nonnegativeLeastSquares(rows, targets);
  return (positions) => (counts) =>
    familyFeatures(counts, positions).reduce(
      (sum, value, index) => sum + value * (coefficients[index] ?? 0),
      0,
    );
}

/** Positions are counted in these. */
const POSITIONS_UNIT = 28 * 28;

function familyFeatures(counts: readonly number[], positions: number): number[] {
  const perPosition = features(counts, USUAL_STAIRS);
  const tops = counts.map((count) => topOf(count, USUAL_STAIRS) / 64);
  const size = tops.reduce((product, top) => product * top, 1);
  return [1, ...tops, size, ...perPosition.map((value) => (value * positions) / POSITIONS_UNIT)];
}

export function gather(samples: readonly CellSample[]): Cell[] {
  const groups = new Map<string, CellSample[]>();
  for (const sample of samples) {
    const key = String(sample.counts);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [sample]);
    else group.push(sample);
  }
  return [...groups.values()].map((group) => ({
    counts: group[0]?.counts ?? [],
    ms: middle(group.map(({ ms }) => ms)),
    samples: group.length,
  }));
}

/** Samples further from the median than this factor are noise; what is nearer may be two ways to run one operation. */
const FARTHEST = 1.3;

/** The mean, with what is far off the median moved in. Short operations are sometimes fused away: theirs is the plain mean. */
function middle(values: readonly number[]): number {
  const median = quantile(values, 0.5);
  const inner =
    median < SHORT_MS
      ? values
      : values.map((value) => Math.min(Math.max(value, median / FARTHEST), median * FARTHEST));
  return inner.reduce((sum, value) => sum + value, 0) / inner.length;
}

/** What could shape the time: constant, per channel, per stair, per pair; apart for counts that don't fill a stair. */
export function features(counts: readonly number[], stairs: Stairs): number[] {
  const forms = counts.map((count) => [count / 64, topOf(count, stairs) / 64] as const);
  const uneven = counts.map((count) => (topOf(count, stairs) === count ? 0 : 1));
  const list = [1];
  for (const [axis, [plain, top]] of forms.entries()) {
    const off = uneven[axis] ?? 0;
    list.push(plain, top, off, off * plain);
  }
  const [x, y] = forms;
  if (x !== undefined && y !== undefined) {
    const [offX, offY] = [uneven[0] ?? 0, uneven[1] ?? 0];
    list.push(x[0] * y[0], x[1] * y[1], x[0] * y[1], x[1] * y[0]);
    list.push(offX * x[0] * y[1], offY * x[1] * y[0], offX * y[1], offY * x[1]);
    // Four stairs of outputs are computed at a time.
    list.push(Math.ceil(y[1]) * x[1], Math.ceil(y[1]) * x[0]);
  }
  return list;
}

export function fitLaw(
  cells: readonly Cell[],
  stairs: Stairs,
  short: boolean,
): (counts: readonly number[]) => number {
  const rows = cells.map(({ counts, ms, samples }) => {
    const weight = Math.sqrt(samples) / (short ? 1 : ms);
    return { weight, row: Float64Array.from(features(counts, stairs), (value) => value * weight) };
  });
  const coefficients = nonnegativeLeastSquares(
    rows.map(({ row }) => row),
    rows.map(({ weight }, index) => weight * (cells[index]?.ms ?? 0)),
  );
  return (counts) =>
    features(counts, stairs).reduce(
      (sum, value, index) => sum + value * (coefficients[index] ?? 0),
      0,
    );
}
/** Cells are left out in turns of so many to choose between laws. */
const FOLDS = 4;
/** A family's law must leave this share of the own law's error at most: it can't follow what is particular to a size. */
const CLEARLY = 0.7;

/** The operations' own law, or the family's at their pace where that clearly tells cells better that it was not fitted to. */
export function betterLaw(cells: readonly Cell[], stairs: Stairs, own: Law, family: Law): Law {
  const scaled = (known: readonly Cell[]): Law => {
    const pace = quantile(
      known.map(({ counts, ms }) => ms / family(counts)),
      0.5,
    );
    return (counts) => pace * family(counts);
  };
  if (cells.length < 2 * FOLDS) return scaled(cells);
  const errorOf = (lawOf: (known: readonly Cell[]) => Law): number => {
    const errors = Array.from({ length: FOLDS }, (_, fold) => {
      const law = lawOf(cells.filter((_, index) => index % FOLDS !== fold));
      const unseen = cells.filter((_, index) => index % FOLDS === fold);
      return unseen.map(({ counts, ms }) => Math.abs(Math.log(law(counts) / ms)));
    });
    return errors.flat().reduce((sum, error) => sum + error, 0);
  };
  const ownError = errorOf((known) => fitLaw(known, stairs, false));
  return errorOf(scaled) < CLEARLY * ownError ? scaled(cells) : own;
}
