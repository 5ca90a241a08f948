import { EigenvalueDecomposition, Matrix } from "ml-matrix";
import type { Random } from "../../core/random.ts";

/** A search by the covariance matrix adaptation evolution strategy, step by step. */
export interface CmaEs {
  /** Points of the next round, `4 + floor(3 ln n)` of them. */
  readonly ask: () => readonly (readonly number[])[];
  /**
   * @param points those of `ask`, in any order of quality
   * @param scores larger is better; NaN counts as worst
   */
  readonly tell: (points: readonly (readonly number[])[], scores: readonly number[]) => void;
  /** Widens the search where a round brought nothing new. */
  readonly widen: (factor: number) => void;
  readonly mean: () => readonly number[];
  readonly sigma: () => number;
}

/**
 * CMA-ES with rank-one and rank-mu updates and cumulative step-size control (Hansen, The CMA Evolution Strategy: A Tutorial,
 * arXiv 1604.00772, with its default constants). The same random source gives the same points.
 */
export function cmaEs(start: readonly number[], sigma: number, random: Random): CmaEs {
  const n = start.length;
  const constants = constantsOf(n);
  const { lambda, weights, muEff, cSigma, dSigma, cC, c1, cMu, chi } = constants;
  let mean = [...start];
  let step = sigma;
  let covariance = Matrix.eye(n);
  let pathSigma = new Array<number>(n).fill(0);
  let pathC = new Array<number>(n).fill(0);
  let rounds = 0;
  let basis = decomposed(covariance);

  const ask = (): number[][] =>
    Array.from({ length: lambda }, () => {
      const scaled = basis.scales.map((scale) => scale * random.normal());
      const direction = times(basis.vectors, scaled);
      return mean.map((value, index) => value + step * (direction[index] ?? 0));
    });

  const tell = (points: readonly (readonly number[])[], scores: readonly number[]): void => {
    const order = points
      .map((_, index) => index)
      .sort((a, b) => rank(scores[b]) - rank(scores[a]) || a - b);
    const best = order.slice(0, weights.length).flatMap((index) => {
      const point = points[index];
      return point === undefined ? [] : [point];
    });
    const steps = best.map((point) => point.map((value, k) => (value - (mean[k] ?? 0)) / step));
    const move = Array.from({ length: n }, (_, k) =>
      steps.reduce((sum, own, index) => sum + (weights[index] ?? 0) * (own[k] ?? 0), 0),
    );
    mean = mean.map((value, k) => value + step * (move[k] ?? 0));
    const whitened = times(
      basis.vectors,
      times(basis.vectors.transpose(), move).map((value, k) => value / (basis.scales[k] ?? 1)),
    );
    const keepSigma = Math.sqrt(cSigma * (2 - cSigma) * muEff);
    pathSigma = pathSigma.map((value, k) => (1 - cSigma) * value + keepSigma * (whitened[k] ?? 0));
    rounds += 1;
    const length = Math.hypot(...pathSigma);
    const isSlow = length / Math.sqrt(1 - (1 - cSigma) ** (2 * rounds)) / chi < 1.4 + 2 / (n + 1);
    const keepC = isSlow ? Math.sqrt(cC * (2 - cC) * muEff) : 0;
    pathC = pathC.map((value, k) => (1 - cC) * value + keepC * (move[k] ?? 0));
    const missing = isSlow ? 0 : cC * (2 - cC);
    const next = Matrix.mul(covariance, 1 - c1 - cMu + c1 * missing);
    for (let row = 0; row < n; row += 1) {
      for (let column = 0; column < n; column += 1) {
        const one = c1 * (pathC[row] ?? 0) * (pathC[column] ?? 0);
        const several = steps.reduce(
          (sum, own, index) => sum + (weights[index] ?? 0) * (own[row] ?? 0) * (own[column] ?? 0),
          0,
        );
        next.set(row, column, next.get(row, column) + one + cMu * several);
      }
    }
    covariance = next;
    step = Math.min(step * Math.exp((cSigma / dSigma) * (length / chi - 1)), MOST_SIGMA);
    basis = decomposed(covariance);
  };

  return {
    ask,
    tell,
    widen: (factor) => {
      step = Math.min(step * factor, MOST_SIGMA);
    },
    mean: () => mean,
    sigma: () => step,
  };
}

/** A factor of e^3 between neighbours is all that a coefficient can need. */
const MOST_SIGMA = 3;

function rank(score: number | undefined): number {
  return score === undefined || Number.isNaN(score) ? Number.NEGATIVE_INFINITY : score;
}

interface Constants {
  readonly lambda: number;
  readonly weights: readonly number[];
  readonly muEff: number;
  readonly cSigma: number;
  readonly dSigma: number;
  readonly cC: number;
  readonly c1: number;
  readonly cMu: number;
  /** Expected length of a standard normal vector. */
  readonly chi: number;
}

function constantsOf(n: number): Constants {
  const lambda = 4 + Math.floor(3 * Math.log(n));
  const mu = Math.floor(lambda / 2);
  const raw = Array.from({ length: mu }, (_, i) => Math.log((lambda + 1) / 2) - Math.log(i + 1));
  const total = raw.reduce((sum, weight) => sum + weight, 0);
  const weights = raw.map((weight) => weight / total);
  const muEff = 1 / weights.reduce((sum, weight) => sum + weight * weight, 0);
  const cSigma = (muEff + 2) / (n + muEff + 5);
  const c1 = 2 / ((n + 1.3) ** 2 + muEff);
  return {
    lambda,
    weights,
    muEff,
    cSigma,
    dSigma: 1 + 2 * Math.max(0, Math.sqrt((muEff - 1) / (n + 1)) - 1) + cSigma,
    cC: (4 + muEff / n) / (n + 4 + (2 * muEff) / n),
    c1,
    cMu: Math.min(1 - c1, (2 * (muEff - 2 + 1 / muEff)) / ((n + 2) ** 2 + muEff)),
    chi: Math.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n)),
  };
}

interface Basis {
  readonly vectors: Matrix;
  /** Standard deviations along them. */
  readonly scales: readonly number[];
}

function decomposed(covariance: Matrix): Basis {
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(covariance, {
    assumeSymmetric: true,
  });
  return {
    vectors: eigenvectorMatrix,
    scales: realEigenvalues.map((value) => Math.sqrt(Math.max(value, 1e-14))),
  };
}

function times(matrix: Matrix, vector: readonly number[]): number[] {
  return Array.from({ length: matrix.rows }, (_, row) =>
    vector.reduce((sum, value, column) => sum + matrix.get(row, column) * value, 0),
  );
}
