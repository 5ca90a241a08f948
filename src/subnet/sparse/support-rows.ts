import type { SupportSystem } from "./fit.ts";

/** A pivot this much smaller than the largest diagonal element is rounding: covariances come out of products in float32. */
const LEAST_PIVOT = 1e-9;

/**
 * Every row by a Cholesky factor of its own part of the matrix.
 * @param added what is added to the diagonal
 * @returns outputs x unknowns, 0 off the support; null where a part is not positive definite
 */
export function choleskyRows(
  { matrix, unknowns, outputs, support, wanted }: SupportSystem,
  added: number,
): Float64Array | null {
  const solution = new Float64Array(outputs * unknowns);
  const places = new Int32Array(unknowns);
  const factor = new Float64Array(unknowns * unknowns);
  const right = new Float64Array(unknowns);
  for (let row = 0; row < outputs; row += 1) {
    let size = 0;
    for (let at = 0; at < unknowns; at += 1) {
      if (support[row * unknowns + at] !== 0) places[size++] = at;
    }
    let largest = 0;
    for (let i = 0; i < size; i += 1) {
      const from = (places[i] ?? 0) * unknowns;
      right[i] = wanted[row * unknowns + (places[i] ?? 0)] ?? 0;
      for (let j = 0; j <= i; j += 1) factor[i * size + j] = matrix[from + (places[j] ?? 0)] ?? 0;
      factor[i * size + i] = (factor[i * size + i] ?? 0) + added;
      largest = Math.max(largest, factor[i * size + i] ?? 0);
    }
    if (!factorInPlace(factor, size, LEAST_PIVOT * largest)) return null;
    substitute(factor, size, right);
    for (let i = 0; i < size; i += 1) solution[row * unknowns + (places[i] ?? 0)] = right[i] ?? 0;
  }
  return solution;
}

/** Lower factor in place of the lower half of a size x size matrix; false where a pivot is too small. */
function factorInPlace(matrix: Float64Array, size: number, least: number): boolean {
  for (let i = 0; i < size; i += 1) {
    const own = i * size;
    for (let j = 0; j <= i; j += 1) {
      const other = j * size;
      let sum = matrix[own + j] as number;
      for (let k = 0; k < j; k += 1)
        sum -= (matrix[own + k] as number) * (matrix[other + k] as number);
      if (i !== j) matrix[own + j] = sum / (matrix[other + j] as number);
      else if (!(sum > least)) return false;
      else matrix[own + i] = Math.sqrt(sum);
    }
  }
  return true;
}

/** Solves with the factor, then with its transpose, in place of the right-hand side. */
function substitute(factor: Float64Array, size: number, right: Float64Array): void {
  for (let i = 0; i < size; i += 1) {
    let sum = right[i] as number;
    for (let k = 0; k < i; k += 1) sum -= (factor[i * size + k] as number) * (right[k] as number);
    right[i] = sum / (factor[i * size + i] as number);
  }
  for (let i = size - 1; i >= 0; i -= 1) {
    let sum = right[i] as number;
    for (let k = i + 1; k < size; k += 1)
      sum -= (factor[k * size + i] as number) * (right[k] as number);
    right[i] = sum / (factor[i * size + i] as number);
  }
}
