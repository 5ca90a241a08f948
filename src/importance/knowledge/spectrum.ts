/**
 * Singular values of wide matrices, from the Gram matrix of their shorter side: sigma_i = sqrt(lambda_i(A A')). What lies below
 * 1e-8 of the largest is rounding, and counts as zero.
 */
import { EigenvalueDecomposition, Matrix } from "ml-matrix";
import { InputError } from "../../core/errors.ts";
import type { Products } from "../../subnet/correct/products.ts";
import { symmetricEigenvalues } from "./eigenvalues.ts";

/** Eigenvalues of a symmetric matrix, falling, with an eigenvector per row. */
export interface SymmetricEigen {
  readonly values: Float64Array;
  /** size x size; row i belongs to value i. */
  readonly vectors: Float64Array;
}

/** @param matrix size x size; only its symmetric part counts */
export function symmetricEigen(matrix: ArrayLike<number>, size: number): SymmetricEigen {
  const symmetric = new Matrix(size, size);
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column <= row; column += 1) {
      const value = ((matrix[row * size + column] ?? 0) + (matrix[column * size + row] ?? 0)) / 2;
      symmetric.set(row, column, value);
      symmetric.set(column, row, value);
    }
  }
  const found = new EigenvalueDecomposition(symmetric, { assumeSymmetric: true });
  const given = found.realEigenvalues;
  const order = Array.from(given.keys()).sort((a, b) => (given[b] ?? 0) - (given[a] ?? 0));
  const vectors = new Float64Array(size * size);
  for (const [row, from] of order.entries()) {
    for (let at = 0; at < size; at += 1)
      vectors[row * size + at] = found.eigenvectorMatrix.get(at, from);
  }
  return { values: Float64Array.from(order, (at) => given[at] ?? 0), vectors };
}

/** Eigenvalues of a Gram matrix below this share of the largest are rounding. */
const RANK_TOLERANCE = 1e-14;

/** Singular values of a matrix from an eigendecomposition of its Gram matrix, falling. */
export function singularFromGram({ values }: Pick<SymmetricEigen, "values">): Float64Array {
  const least = RANK_TOLERANCE * values.length * (values[0] ?? 0);
  return values.map((value) => (value > least ? Math.sqrt(value) : 0));
}

/**
 * (A A')^(-1/2) of the Gram matrix A A', its pseudo-inverse where it is singular: its product with A is U V', the derivative of
 * the sum of A's singular values.
 */
export function inverseRoot({ values, vectors }: SymmetricEigen): Float64Array {
  const size = values.length;
  const least = RANK_TOLERANCE * size * (values[0] ?? 0);
  const root = new Float64Array(size * size);
  for (const [index, value] of values.entries()) {
    if (!(value > least)) continue;
    const factor = 1 / Math.sqrt(value);
    for (let row = 0; row < size; row += 1) {
      const left = factor * (vectors[index * size + row] ?? 0);
      for (let column = 0; column < size; column += 1) {
        const at = row * size + column;
        root[at] = (root[at] ?? 0) + left * (vectors[index * size + column] ?? 0);
      }
    }
  }
  return root;
}

/** Longest side of a Gram matrix that is decomposed: it takes seconds, with eigenvectors half a minute, and the time grows with the cube. */
export const LARGEST_GRAM = 1024;

/** A matrix's Gram matrix of its shorter side. */
interface Gram {
  /** size x size */
  readonly matrix: Float64Array;
  readonly size: number;
  /** Whether the rows are the shorter side. */
  readonly ofRows: boolean;
}

async function gramOf(
  matrix: Float64Array,
  rows: number,
  columns: number,
  products: Products,
): Promise<Gram> {
  const ofRows = rows <= columns;
  const size = Math.min(rows, columns);
  if (matrix.some((value) => !Number.isFinite(value))) throw notFinite();
  const wide = ofRows ? matrix : transposed(matrix, rows, columns);
  const gram = await products.runDouble(wide, wide, Math.max(rows, columns));
  return { matrix: gram, size, ofRows };
}

/**
 * Singular values of a rows x columns matrix, falling.
 * @throws InputError `importance/not-finite`
 */
export async function singularValues(
  matrix: Float64Array,
  rows: number,
  columns: number,
  products: Products,
): Promise<Float64Array> {
  const gram = await gramOf(matrix, rows, columns, products);
  return singularFromGram({ values: symmetricEigenvalues(gram.matrix, gram.size) });
}

/** U V' of a matrix's decomposition U S V', over its rank: the derivative of the sum of its singular values. */
export async function polarFactor(
  matrix: Float64Array,
  rows: number,
  columns: number,
  products: Products,
): Promise<Float64Array> {
  const { matrix: gram, size, ofRows } = await gramOf(matrix, rows, columns, products);
  const root = inverseRoot(symmetricEigen(gram, size));
  // runDouble multiplies with the transpose of its right operand.
  return ofRows
    ? products.runDouble(root, transposed(matrix, rows, columns), rows)
    : products.runDouble(matrix, root, columns);
}

export function transposed(matrix: Float64Array, rows: number, columns: number): Float64Array {
  const turned = new Float64Array(matrix.length);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1)
      turned[column * rows + row] = matrix[row * columns + column] ?? 0;
  }
  return turned;
}

export function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

function notFinite(): InputError {
  return new InputError({
    code: "importance/not-finite",
    message: "A matrix whose singular values are asked for holds NaN or infinities.",
    where: "singular values",
    hint: "Check that the images are prepared as the network was trained (mdp eval shows its accuracy).",
  });
}
