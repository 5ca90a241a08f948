/** Similarity of two points given by their index: larger where their values are alike. Variance on the diagonal. */
export type Kernel = (a: number, b: number) => number;

/** A Gaussian process that has seen its observations. */
export interface Posterior {
  /** The mean at a point, given its similarity to each observation. */
  readonly mean: (similarity: (observation: number) => number) => number;
  /** The variance at a point of the given variance before the observations, without noise. */
  readonly variance: (similarity: (observation: number) => number, before: number) => number;
  /**
   * Sum of squared leave-one-out errors over their own predicted variances, plus log variances: smaller fits better.
   * Takes as long as conditioning did.
   */
  readonly score: () => number;
}

/** A lower triangular matrix, row by row. */
type Triangle = readonly Float64Array[];

/**
 * Conditions a zero-mean Gaussian process on noisy values (Rasmussen & Williams, Gaussian Processes for Machine Learning,
 * algorithm 2.1 and, for the leave-one-out score, equations 5.10 to 5.12).
 *
 * @param values observed values
 * @param noise variance of each observation; must be positive
 */
export function conditioned(
  kernel: Kernel,
  values: readonly number[],
  noise: readonly number[],
): Posterior {
  const lower = cholesky(kernel, noise);
  const weights = solveTransposed(lower, solveLower(lower, Float64Array.from(values), 0));
  const mean = (similarity: (observation: number) => number): number =>
    weights.reduce((sum, weight, index) => sum + weight * similarity(index), 0);
  const variance = (similarity: (observation: number) => number, before: number): number => {
    const z = solveLower(
      lower,
      Float64Array.from(lower, (_, index) => similarity(index)),
      0,
    );
    return before - dot(z, z, z.length);
  };
  const score = (): number =>
    weights.reduce((sum, weight, index) => {
      const variance = 1 / inverseDiagonal(lower, index);
      return sum + weight * weight * variance + Math.log(variance);
    }, 0);
  return { mean, variance, score };
}

function cholesky(kernel: Kernel, noise: readonly number[]): Triangle {
  const lower: Float64Array[] = [];
  for (const [row, variance] of noise.entries()) {
    const own = new Float64Array(row + 1);
    for (const [column, above] of lower.entries()) {
      own[column] = (kernel(row, column) - dot(own, above, column)) / (above[column] ?? 1);
    }
    own[row] = Math.sqrt(Math.max(kernel(row, row) + variance - dot(own, own, row), 1e-12));
    lower.push(own);
  }
  return lower;
}

function dot(a: Float64Array, b: Float64Array, length: number): number {
  let sum = 0;
  for (let k = 0; k < length; k += 1) sum += (a[k] ?? 0) * (b[k] ?? 0);
  return sum;
}

/** z of lower z = right, where right is zero before `first`. */
function solveLower(lower: Triangle, right: Float64Array, first: number): Float64Array {
  const z = new Float64Array(right.length);
  for (let row = first; row < right.length; row += 1) {
    const own = lower[row] ?? z;
    z[row] = ((right[row] ?? 0) - dot(own, z, row)) / (own[row] ?? 1);
  }
  return z;
}

/** w of transposed(lower) w = right. */
function solveTransposed(lower: Triangle, right: Float64Array): Float64Array {
  const w = Float64Array.from(right);
  for (let row = right.length - 1; row >= 0; row -= 1) {
    const own = lower[row] ?? w;
    const value = (w[row] ?? 0) / (own[row] ?? 1);
    w[row] = value;
    for (let column = 0; column < row; column += 1) {
      w[column] = (w[column] ?? 0) - (own[column] ?? 0) * value;
    }
  }
  return w;
}

/** One element on the diagonal of the inverse of lower * transposed(lower). */
function inverseDiagonal(lower: Triangle, index: number): number {
  const unit = new Float64Array(lower.length);
  unit[index] = 1;
  const z = solveLower(lower, unit, index);
  return dot(z, z, z.length);
}
