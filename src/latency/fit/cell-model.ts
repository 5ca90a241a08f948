import { conditioned, type Kernel } from "./gaussian-process.ts";
import {
  betterLaw,
  type Cell,
  type CellSample,
  features,
  fitLaw,
  gather,
  type Law,
  SHORT_MS,
  USUAL_STAIRS,
} from "./law.ts";
import { findStairs, type Stairs, topOf } from "./stairs.ts";

/** Times over channel counts, learnt from samples. */
export interface CellModel {
  readonly at: (counts: readonly number[]) => number;
  /** Whether these very counts were measured. */
  readonly measured: (counts: readonly number[]) => boolean;
  /** Where times rise. */
  readonly stairs: Stairs;
}

/**
 * Learns the times of operations that do the same work. A physical law (multiply-accumulates, bytes and padded
 * stairs with coefficients that are not negative) is fitted in relative terms, then a Gaussian process over what is
 * left of the logarithm, which pulls every cell to the measurements at and around it.
 *
 * @param samples at least one; all with the same number of counts (0, 1 or 2)
 * @param family what operations of the family take that do the same at other sizes of images; see `fitFamily`
 */
export function fitCells(samples: readonly CellSample[], family?: Law): CellModel {
  const cells = gather(samples);
  const known = new Set(cells.map(({ counts }) => String(counts)));
  const measured = (counts: readonly number[]): boolean => known.has(String(counts));
  const short = cells.some(({ ms }) => ms < SHORT_MS / 8) || mean(cells) < SHORT_MS;
  const stairs = short ? USUAL_STAIRS : findStairs(cells, features, USUAL_STAIRS);
  const own = fitLaw(cells, stairs, short);
  const law = short || family === undefined ? own : betterLaw(cells, stairs, own, family);
  if (short || (cells[0]?.counts.length ?? 0) === 0) return { at: law, measured, stairs };
  const correction = fitCorrection(cells, law, stairs);
  return { at: (counts) => law(counts) * Math.exp(correction(counts)), measured, stairs };
}

function mean(cells: readonly Cell[]): number {
  return cells.reduce((sum, { ms }) => sum + ms, 0) / cells.length;
}

/** How smooth the correction is: standard deviations of its parts, and the distance over which it changes. */
export interface Smoothness {
  readonly wide: number;
  readonly own: number;
  readonly reach: number;
}

const SMOOTHNESS: readonly Smoothness[] = [0.03, 0.1].flatMap((wide) =>
  [0.004, 0.02].flatMap((own) => [0.4, 1.2].map((reach) => ({ wide, own, reach }))),
);
/** Standard deviation of one sample, relative: machine noise and what differs between operations of one kind. */
const SAMPLE_NOISE = 0.015;
/** Likeness of two counts of which only one fills its last stair. */
const ACROSS_FILLING = 0.5;
/** Choosing the smoothness takes time that grows with the cube of this. */
const CELLS_TO_CHOOSE = 200;
const CELLS_TO_FIT = 900;

function fitCorrection(
  cells: readonly Cell[],
  law: (counts: readonly number[]) => number,
  stairs: Stairs,
): (counts: readonly number[]) => number {
  const chosen = thinned(cells, CELLS_TO_CHOOSE);
  const scores = SMOOTHNESS.map((smoothness) => condition(chosen, law, smoothness, stairs).score());
  const best = SMOOTHNESS[scores.indexOf(Math.min(...scores))] ?? {
    wide: 0.03,
    own: 0.01,
    reach: 1,
  };
  const used = thinned(cells, CELLS_TO_FIT);
  const posterior = condition(used, law, best, stairs);
  return (counts) =>
    posterior.mean((index) => likeness(counts, used[index]?.counts ?? [], best, stairs));
}

function condition(
  cells: readonly Cell[],
  law: (counts: readonly number[]) => number,
  smoothness: Smoothness,
  stairs: Stairs,
): ReturnType<typeof conditioned> {
  const kernel: Kernel = (a, b) =>
    likeness(cells[a]?.counts ?? [], cells[b]?.counts ?? [], smoothness, stairs);
  const values = cells.map(({ counts, ms }) => Math.log(ms / law(counts)));
  return conditioned(
    kernel,
    values,
    cells.map(({ samples }) => SAMPLE_NOISE ** 2 / samples),
  );
}

/** Covariance of the corrections at two places: smooth over the logarithm of the counts, and a part of each cell's own. */
export function likeness(
  a: readonly number[],
  b: readonly number[],
  smoothness: Smoothness,
  stairs: Stairs,
): number {
  let smooth = 1;
  let same = true;
  for (let axis = 0; axis < a.length; axis += 1) {
    const [x, y] = [a[axis] ?? 0, b[axis] ?? 0];
    if (x !== y) same = false;
    const distance = Math.log2((x + 8) / (y + 8)) / smoothness.reach;
    smooth *= Math.exp(-0.5 * distance * distance);
    if ((topOf(x, stairs) === x) !== (topOf(y, stairs) === y)) smooth *= ACROSS_FILLING;
  }
  return smoothness.wide ** 2 * smooth + (same ? smoothness.own ** 2 : 0);
}

/** Every n-th cell, so that at most `limit` are left. */
function thinned(cells: readonly Cell[], limit: number): readonly Cell[] {
  if (cells.length <= limit) return cells;
  return Array.from(
    { length: limit },
    (_, index) => cells[Math.floor((index * cells.length) / limit)] as Cell,
  );
}
