import { eigs } from "mathjs";
import { SVD } from "svd-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { randomFrom } from "../../../src/core/random.ts";
import { symmetricEigenvalues } from "../../../src/importance/knowledge/eigenvalues.ts";
import {
  inverseRoot,
  polarFactor,
  singularFromGram,
  singularValues,
  symmetricEigen,
} from "../../../src/importance/knowledge/spectrum.ts";
import { openProducts, type Products } from "../../../src/subnet/correct/products.ts";

let products: Products;
beforeAll(async () => {
  products = await openProducts(1);
});
afterAll(() => products.close());

const random = randomFrom(11);
const normals = (count: number): Float64Array =>
  Float64Array.from({ length: count }, random.normal);

function product(left: Float64Array, right: Float64Array, inner: number): Float64Array {
  const [rows, columns] = [left.length / inner, right.length / inner];
  return Float64Array.from({ length: rows * columns }, (_, at) => {
    const [row, column] = [Math.floor(at / columns), at % columns];
    let sum = 0;
    for (let k = 0; k < inner; k += 1)
      sum += (left[row * inner + k] ?? 0) * (right[k * columns + column] ?? 0);
    return sum;
  });
}

/** Rows x columns matrices, ordinary and degenerate. */
const MATRICES: readonly (readonly [string, number, number, Float64Array])[] = [
  ["wide", 6, 20, normals(120)],
  ["tall", 20, 6, normals(120)],
  ["square", 9, 9, normals(81)],
  ["one row", 1, 7, normals(7)],
  ["of rank 2", 8, 12, product(normals(16), normals(24), 2)],
  ["zero", 4, 6, new Float64Array(24)],
  ["with a repeated row", 3, 5, Float64Array.of(1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 0, 1, 0, 1, 0)],
  ["with equal singular values", 3, 3, Float64Array.of(2, 0, 0, 0, 2, 0, 0, 0, 2)],
  ["of very different sizes", 3, 4, Float64Array.of(1e4, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1e-2, 0)],
];

/** By another library, whose matrices have at least as many rows as columns. */
function bySvd(matrix: Float64Array, rows: number, columns: number): number[] {
  const isTall = rows >= columns;
  const list = Array.from({ length: isTall ? rows : columns }, (_, i) =>
    Array.from({ length: isTall ? columns : rows }, (__, j) =>
      isTall ? (matrix[i * columns + j] ?? 0) : (matrix[j * columns + i] ?? 0),
    ),
  );
  return [...SVD(list).q].sort((a, b) => b - a);
}

describe.each(MATRICES)("a matrix %s", (_name, rows, columns, matrix) => {
  test("has the singular values that a second library finds", async () => {
    const found = await singularValues(matrix, rows, columns, products);
    const wanted = bySvd(matrix, rows, columns);
    expect(found).toHaveLength(Math.min(rows, columns));
    const room = 1e-7 * Math.max(1e-300, wanted[0] ?? 0);
    for (const [at, value] of found.entries())
      expect(Math.abs(value - (wanted[at] ?? 0))).toBeLessThanOrEqual(room);
  });

  test("times its polar factor gives the sum of its singular values, and no step of a weight gives more than it says", async () => {
    const factor = await polarFactor(matrix, rows, columns, products);
    const inner = factor.reduce((sum, value, at) => sum + value * (matrix[at] ?? 0), 0);
    const values = await singularValues(matrix, rows, columns, products);
    const total = values.reduce((sum, value) => sum + value, 0);
    expect(inner).toBeCloseTo(total, 5);
    // U V' has no singular value above 1, so that it is a subgradient.
    const own = await singularValues(factor, rows, columns, products);
    for (const value of own) expect(value).toBeLessThan(1 + 1e-6);
  });
});

test("eigenvalues of symmetric matrices are those of a second library, with vectors that belong to them", () => {
  for (const size of [1, 2, 5, 12]) {
    const half = normals(size * size);
    const matrix = half.map(
      (value, at) => value + (half[(at % size) * size + Math.floor(at / size)] ?? 0),
    );
    const { values, vectors } = symmetricEigen(matrix, size);
    const rows = Array.from({ length: size }, (_, row) => [
      ...matrix.slice(row * size, (row + 1) * size),
    ]);
    const other = [...(eigs(rows).values as number[])].sort((a, b) => b - a);
    for (const [at, value] of values.entries()) {
      expect(value).toBeCloseTo(other[at] ?? 0, 7);
      const vector = vectors.slice(at * size, (at + 1) * size);
      const image = product(matrix, vector, size);
      for (const [row, entry] of image.entries())
        expect(entry).toBeCloseTo(value * (vector[row] ?? 0), 7);
    }
  }
});

describe("eigenvalues without vectors are those with them", () => {
  const turned = (size: number, of: (row: number, column: number) => number): Float64Array =>
    Float64Array.from({ length: size * size }, (_, at) => {
      const [row, column] = [Math.floor(at / size), at % size];
      return of(Math.max(row, column), Math.min(row, column));
    });
  const drawn = (size: number): Float64Array => {
    const values = normals(size * size);
    return turned(size, (row, column) => values[row * size + column] ?? 0);
  };
  test.each([
    ["of one element", 1, Float64Array.of(-3)],
    ["indefinite", 40, drawn(40)],
    ["zero", 6, new Float64Array(36)],
    ["diagonal", 5, turned(5, (row, column) => (row === column ? row - 2 : 0))],
    ["tridiagonal", 30, turned(30, (row, column) => [2, -1][row - column] ?? 0)],
    ["of one value everywhere", 20, turned(20, () => 1)],
    ["in two parts", 4, Float64Array.of(1, 2, 0, 0, 2, 1, 0, 0, 0, 0, 1, 2, 0, 0, 2, 1)],
    ["of huge numbers", 12, drawn(12).map((value) => value * 1e150)],
    ["of tiny numbers", 12, drawn(12).map((value) => value * 1e-150)],
  ])("of a matrix %s", (_name, size, matrix) => {
    const { values } = symmetricEigen(matrix, size);
    const largest = Math.max(...values.map(Math.abs));
    const found = symmetricEigenvalues(matrix, size);
    for (const [at, value] of found.entries())
      expect(Math.abs(value - (values[at] ?? 0))).toBeLessThanOrEqual(1e-13 * size * largest);
  });
});

test("a singular Gram matrix has a pseudo-inverse root: its square times the Gram is a projection", () => {
  const rows = product(normals(10), normals(24), 2);
  const turned = Float64Array.from(
    { length: 60 },
    (_, at) => rows[(at % 5) * 12 + Math.floor(at / 5)] ?? 0,
  );
  const gram = product(rows, turned, 12);
  const eigen = symmetricEigen(gram, 5);
  expect(singularFromGram(eigen).filter((value) => value > 0)).toHaveLength(2);
  const root = inverseRoot(eigen);
  const projection = product(product(root, root, 5), gram, 5);
  const twice = product(projection, projection, 5);
  for (const [at, value] of twice.entries()) expect(value).toBeCloseTo(projection[at] ?? 0, 6);
});

test("infinite numbers are refused", async () => {
  const matrix = Float64Array.of(1, Number.NaN, 2, 3);
  await expect(singularValues(matrix, 2, 2, products)).rejects.toThrowError(
    expect.objectContaining({ code: "importance/not-finite" }),
  );
});
