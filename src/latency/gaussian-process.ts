/** Similarity of two points given by their index: larger where their values are alike. Variance on the diagonal. */
export type Kernel = (a: number, b: number) => number;

/** A Gaussian process that has seen its observations. */
export interface Posterior {
  /** The mean at a point, given its similarity to each observation. */
  readonly mean: (similarity: (observation: number) => number) => number;
  /** Sum of squared leave-one-out errors over their own predicted variances, plus log variances: smaller fits better. */
  readonly score: number;
}

/**
 * Conditions a zero-mean Gaussian process on noisy values (Rasmussen & Williams, Gaussian Processes for Machine Learning,
 * equations 2.25 and, for the leave-one-out score, 5.10 to 5.12).
 *
 * @param values observed values
 * @param noise variance of each observation; must be positive
 */
export function conditioned(
  kernel: Kernel,
  values: readonly number[],
  noise: readonly number[],
): Posterior {
  const size = values.length;
  const lower = cholesky(kernel, noise, size);
  const inverse = inverseOf(lower, size);
  const weights = new Float64Array(size);
  let score = 0;
  for (let row = 0; row < size; row += 1) {
    let sum = 0;
    for (let column = 0; column < size; column += 1) {
      sum += (inverse[row * size + column] ?? 0) * (values[column] ?? 0);
    }
    weights[row] = sum;
    const variance = 1 / (inverse[row * size + row] ?? 1);
    score += (sum * variance) ** 2 / variance + Math.log(variance);
  }
  const mean = (similarity: (observation: number) => number): number => {
    let sum = 0;
    for (let row = 0; row < size; row += 1) sum += (weights[row] ?? 0) * similarity(row);
    return sum;
  };
  return { mean, score };
}

/** Lower factor of kernel + noise, row-major. */
function cholesky(kernel: Kernel, noise: readonly number[], size: number): Float64Array {
  const lower = new Float64Array(size * size);
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column <= row; column += 1) {
      let sum = kernel(row, column) + (row === column ? (noise[row] ?? 0) : 0);
      for (let k = 0; k < column; k += 1) {
        sum -= (lower[row * size + k] ?? 0) * (lower[column * size + k] ?? 0);
      }
      const pivot = lower[column * size + column] ?? 1;
      lower[row * size + column] = row === column ? Math.sqrt(Math.max(sum, 1e-12)) : sum / pivot;
    }
  }
  return lower;
}

/** Inverse of the matrix whose lower Cholesky factor is given, row-major. */
function inverseOf(lower: Float64Array, size: number): Float64Array {
  const half = new Float64Array(size * size);
  for (let column = 0; column < size; column += 1) {
    half[column * size + column] = 1 / (lower[column * size + column] ?? 1);
    for (let row = column + 1; row < size; row += 1) {
      let sum = 0;
      for (let k = column; k < row; k += 1) {
        sum -= (lower[row * size + k] ?? 0) * (half[k * size + column] ?? 0);
      }
      half[row * size + column] = sum / (lower[row * size + row] ?? 1);
    }
  }
  const inverse = new Float64Array(size * size);
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column <= row; column += 1) {
      let sum = 0;
      for (let k = row; k < size; k += 1) {
        sum += (half[k * size + row] ?? 0) * (half[k * size + column] ?? 0);
      }
      inverse[row * size + column] = sum;
      inverse[column * size + row] = sum;
    }
  }
  return inverse;
}
