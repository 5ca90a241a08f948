import { conditioned, type Kernel, type Posterior } from "../../latency/fit/gaussian-process.ts";
import { normalShare } from "../../tasks/statistics/distributions.ts";

/** What a Gaussian process says of points that were not tried. */
export interface Surrogate {
  /** Expected improvement over the best score so far (Jones, Schonlau and Welch 1998), in units of the scores' deviation. */
  readonly improvement: (point: readonly number[]) => number;
}

const LENGTHS = [0.25, 0.5, 1, 2, 4] as const;
const NOISE = 1e-3;

/**
 * Conditions a Gaussian process with a Matern 5/2 kernel on scores of points; its length is the one with the best leave-one-out score.
 * Scores below the median are drawn together, so that a few disasters don't stretch the scale.
 * @param points one coordinate per group
 */
export function surrogateOf(
  points: readonly (readonly number[])[],
  scores: readonly number[],
): Surrogate {
  const values = standardised(scores);
  const noise = values.map(() => NOISE);
  const fits = LENGTHS.map((length) => {
    const kernel: Kernel = (a, b) => similarity(points[a] ?? [], points[b] ?? [], length);
    const posterior = conditioned(kernel, values, noise);
    return { length, posterior, score: posterior.score() };
  });
  const { length, posterior } = fits.reduce((best, fit) => (fit.score < best.score ? fit : best));
  const best = Math.max(...values);
  return {
    improvement: (point) => improvementAt(posterior, points, point, length, best),
  };
}

function improvementAt(
  posterior: Posterior,
  points: readonly (readonly number[])[],
  point: readonly number[],
  length: number,
  best: number,
): number {
  const near = (index: number): number => similarity(points[index] ?? [], point, length);
  const mean = posterior.mean(near);
  const deviation = Math.sqrt(Math.max(posterior.variance(near, 1), 1e-12));
  const z = (mean - best) / deviation;
  const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
  return (mean - best) * normalShare(z) + deviation * density;
}

function similarity(a: readonly number[], b: readonly number[], length: number): number {
  let squares = 0;
  for (const [index, value] of a.entries()) squares += (value - (b[index] ?? 0)) ** 2;
  const distance = Math.sqrt(5 * squares) / length;
  return (1 + distance + (distance * distance) / 3) * Math.exp(-distance);
}

function standardised(scores: readonly number[]): readonly number[] {
  const finite = scores.filter(Number.isFinite).sort((a, b) => a - b);
  const median = finite[Math.floor(finite.length / 2)] ?? 0;
  const pulled = scores.map((score) => {
    const value = Number.isFinite(score) ? score : (finite[0] ?? 0);
    return value < median ? median - Math.log1p(median - value) : value;
  });
  const mean = pulled.reduce((sum, value) => sum + value, 0) / Math.max(pulled.length, 1);
  const variance =
    pulled.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(pulled.length, 1);
  const deviation = Math.sqrt(variance) || 1;
  return pulled.map((value) => (value - mean) / deviation);
}
