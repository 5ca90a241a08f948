import { CholeskyDecomposition, Matrix } from "ml-matrix";
import type { Products } from "./products.ts";

/** A factor of a positive definite matrix. */
export interface Factor {
  /** Square of the ratio of the largest to the smallest diagonal element: a lower bound on the matrix's condition number. */
  readonly condition: number;
  /** Solves `matrix * x = b` for every row of `rows` (count x size); the same shape comes back. */
  readonly solve: (rows: Float64Array) => Promise<Float64Array>;
}

const BLOCK = 128;

/**
 * Cholesky's factor in blocks: the diagonal ones by ml-matrix, all that is off the diagonal by the runtime's products in float64, so
 * that a matrix of some thousand rows takes seconds and no more memory than itself.
 *
 * @param matrix size x size, symmetric; it is overwritten
 * @returns null where the matrix is not positive definite
 */
export async function factorPositive(
  matrix: Float64Array,
  size: number,
  products: Products,
): Promise<Factor | null> {
  const bounds: (readonly [number, number])[] = [];
  for (let from = 0; from < size; from += BLOCK) bounds.push([from, Math.min(from + BLOCK, size)]);
  const inverses: Float64Array[] = [];
  let [least, most] = [Number.POSITIVE_INFINITY, 0];
  for (const [index, [from, to]] of bounds.entries()) {
    const factor = new CholeskyDecomposition(blockMatrix(matrix, size, from, to));
    if (!factor.isPositiveDefinite()) return null;
    const { lowerTriangularMatrix: lower } = factor;
    for (let at = 0; at < to - from; at += 1) {
      least = Math.min(least, lower.get(at, at));
      most = Math.max(most, lower.get(at, at));
    }
    const inverse = invertLower(lower);
    inverses.push(inverse);
    const below = bounds.slice(index + 1);
    const width = to - from;
    // Rows below the block become rows of the factor, and what they explain goes from the rest.
    const panel = cut(matrix, size, to, size, from, to);
    const solved =
      width === 0 || panel.length === 0 ? panel : await products.runDouble(panel, inverse, width);
    paste(matrix, size, to, from, width, solved);
    for (const [rowFrom, rowTo] of below) {
      const left = solved.subarray((rowFrom - to) * width, (rowTo - to) * width);
      const right = solved.subarray(0, (rowTo - to) * width);
      const product = await products.runDouble(left, right, width);
      subtract(matrix, size, rowFrom, to, rowTo - to, product);
    }
  }
  const condition = (most / least) ** 2;
  return { condition, solve: (rows) => solveRows(matrix, size, bounds, inverses, rows, products) };
}

async function solveRows(
  factor: Float64Array,
  size: number,
  bounds: readonly (readonly [number, number])[],
  inverses: readonly Float64Array[],
  rows: Float64Array,
  products: Products,
): Promise<Float64Array> {
  const count = rows.length / size;
  const solution = rows.slice();
  // Forward with the factor, then backward with its transpose, a block of unknowns at a time.
  for (const [index, [from, to]] of bounds.entries()) {
    if (from > 0) {
      const known = cut(solution, size, 0, count, 0, from);
      const explained = await products.runDouble(known, cut(factor, size, from, to, 0, from), from);
      subtract(solution, size, 0, from, to - from, explained);
    }
    const block = cut(solution, size, 0, count, from, to);
    const inverse = inverses[index] ?? new Float64Array();
    paste(solution, size, 0, from, to - from, await products.runDouble(block, inverse, to - from));
  }
  for (const [index, [from, to]] of [...bounds.entries()].reverse()) {
    if (to < size) {
      const known = cut(solution, size, 0, count, to, size);
      const below = transposed(cut(factor, size, to, size, from, to), to - from);
      subtract(
        solution,
        size,
        0,
        from,
        to - from,
        await products.runDouble(known, below, size - to),
      );
    }
    const block = cut(solution, size, 0, count, from, to);
    const inverse = transposed(inverses[index] ?? new Float64Array(), to - from);
    paste(solution, size, 0, from, to - from, await products.runDouble(block, inverse, to - from));
  }
  return solution;
}

function blockMatrix(values: Float64Array, size: number, from: number, to: number): Matrix {
  const block = new Matrix(to - from, to - from);
  for (let row = from; row < to; row += 1) {
    for (let column = from; column <= row; column += 1) {
      const value = values[row * size + column] ?? 0;
      block.set(row - from, column - from, value);
      block.set(column - from, row - from, value);
    }
  }
  return block;
}

/** Inverse of a lower triangular matrix, row-major. */
function invertLower(lower: Matrix): Float64Array {
  const size = lower.rows;
  const inverse = new Float64Array(size * size);
  for (let column = 0; column < size; column += 1) {
    inverse[column * size + column] = 1 / lower.get(column, column);
    for (let row = column + 1; row < size; row += 1) {
      let sum = 0;
      for (let at = column; at < row; at += 1)
        sum += lower.get(row, at) * (inverse[at * size + column] ?? 0);
      inverse[row * size + column] = -sum / lower.get(row, row);
    }
  }
  return inverse;
}

function cut(
  values: Float64Array,
  width: number,
  rowFrom: number,
  rowTo: number,
  from: number,
  to: number,
): Float64Array {
  const part = new Float64Array((rowTo - rowFrom) * (to - from));
  for (let row = rowFrom; row < rowTo; row += 1) {
    part.set(values.subarray(row * width + from, row * width + to), (row - rowFrom) * (to - from));
  }
  return part;
}

function paste(
  values: Float64Array,
  width: number,
  rowFrom: number,
  from: number,
  partWidth: number,
  part: Float64Array,
): void {
  for (let row = 0; row < part.length / partWidth; row += 1) {
    const source = part.subarray(row * partWidth, (row + 1) * partWidth);
    values.set(source, (rowFrom + row) * width + from);
  }
}

function subtract(
  values: Float64Array,
  width: number,
  rowFrom: number,
  from: number,
  partWidth: number,
  part: Float64Array,
): void {
  for (let row = 0; row < part.length / partWidth; row += 1) {
    const target = (rowFrom + row) * width + from;
    for (let at = 0; at < partWidth; at += 1) {
      values[target + at] = (values[target + at] ?? 0) - (part[row * partWidth + at] ?? 0);
    }
  }
}

function transposed(values: Float64Array, columns: number): Float64Array {
  const rows = values.length / columns;
  const turned = new Float64Array(values.length);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      turned[column * rows + row] = values[row * columns + column] ?? 0;
    }
  }
  return turned;
}
