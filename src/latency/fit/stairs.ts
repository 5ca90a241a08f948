import { CholeskyDecomposition, Matrix } from "ml-matrix";

/** Times over channels rise after `phase + k * period` channels, for every whole k. */
export interface Stairs {
  readonly period: number;
  readonly phase: number;
}

/** A time at channel counts, as far as stairs are looked for in it. */
interface Point {
  readonly counts: readonly number[];
  readonly ms: number;
}

/** What vector units and matrix tiles of processors come in; 16 is tried first by whoever knows nothing. */
const PERIODS = [4, 8, 16, 32, 64] as const;
/** Of a period. */
const PHASES = [0, 0.25, 0.5, 0.75] as const;
/** Fewer points than this fit any stairs. */
const ENOUGH_POINTS = 40;
/** Other stairs than the usual ones must leave this share of their error at most. */
const CLEARLY = 0.65;
/** A phase must take this much of the error away. */
const WORTH_A_PHASE = 0.8;
const RIDGE = 1e-6;

/** The top of the stair that a count is on. */
export function topOf(count: number, { period, phase }: Stairs): number {
  return Math.ceil((count - phase) / period) * period + phase;
}

/**
 * The stairs under which a linear law fits best, by its mean error on every other point after it was fitted to the ones
 * between, both ways. The usual stairs stay unless others are clearly better.
 *
 * @param features of the law at the counts, given stairs
 */
export function findStairs(
  points: readonly Point[],
  features: (counts: readonly number[], stairs: Stairs) => readonly number[],
  usual: Stairs,
): Stairs {
  if (points.length < ENOUGH_POINTS) return usual;
  const scoreOf = (stairs: Stairs): number => {
    const rows = points.map(({ counts, ms }) =>
      features(counts, stairs).map((value) => value / ms),
    );
    return crossError(rows);
  };
  const usualScore = scoreOf(usual);
  let [best, least] = [usual, usualScore];
  const attempt = (stairs: Stairs): void => {
    const score = scoreOf(stairs);
    // Widths that are multiples of something can't tell some phases apart.
    if (score < least * (stairs.phase === 0 ? 1 : WORTH_A_PHASE)) [best, least] = [stairs, score];
  };
  for (const share of PHASES) {
    for (const period of PERIODS) attempt({ period, phase: share * period });
  }
  return least < CLEARLY * usualScore ? best : usual;
}

/** Mean |fitted / measured - 1|; rows are divided by what was measured, so that the target is 1 everywhere. */
function crossError(rows: readonly (readonly number[])[]): number {
  const halves = [0, 1].map((half) => rows.filter((_, index) => index % 2 === half));
  const errors = halves.flatMap((own, index) => {
    const coefficients = leastSquares(halves[1 - index] ?? []);
    return own.map((row) =>
      Math.abs(row.reduce((sum, value, at) => sum + value * (coefficients[at] ?? 0), -1)),
    );
  });
  return errors.reduce((sum, error) => sum + error, 0) / errors.length;
}

function leastSquares(rows: readonly (readonly number[])[]): readonly number[] {
  const matrix = new Matrix(rows.map((row) => [...row]));
  const transposed = matrix.transpose();
  const gram = transposed.mmul(matrix);
  for (let at = 0; at < gram.rows; at += 1) {
    gram.set(at, at, gram.get(at, at) * (1 + RIDGE) + Number.MIN_VALUE + 1e-12);
  }
  const right = transposed.mmul(Matrix.ones(matrix.rows, 1));
  return new CholeskyDecomposition(gram).solve(right).to1DArray();
}
