import { Matrix, QrDecomposition } from "ml-matrix";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { randomFrom } from "../../../src/core/random.ts";
import { factorPositive } from "../../../src/subnet/correct/cholesky.ts";
import { leastSquares } from "../../../src/subnet/correct/least-squares.ts";
import { type MomentShape, sumMoments } from "../../../src/subnet/correct/moments.ts";
import { openProducts, type Products } from "../../../src/subnet/correct/products.ts";

let products: Products;
beforeAll(async () => {
  products = await openProducts(1);
});
afterAll(async () => {
  await products.close();
});

interface Case extends MomentShape {
  readonly ridge: number;
  readonly freeBias: boolean;
}

const SAMPLES = 240;

/** Inputs with means of their own, and residuals that depend on them. */
function drawn({ groups, unknowns, outputs }: MomentShape, seed: number) {
  const random = randomFrom(seed);
  const inputs = new Float32Array(groups * unknowns * SAMPLES);
  for (let row = 0; row < groups * unknowns; row += 1) {
    const [mean, size] = [3 * random.normal(), 0.2 + random.next()];
    for (let at = 0; at < SAMPLES; at += 1)
      inputs[row * SAMPLES + at] = mean + size * random.normal();
  }
  const residuals = Float32Array.from({ length: groups * outputs * SAMPLES }, (_, index) => {
    const group = Math.floor(index / SAMPLES / outputs);
    const first = inputs[group * unknowns * SAMPLES + (index % SAMPLES)] ?? 0;
    return 0.7 * first + random.normal();
  });
  return { inputs, residuals };
}

/** The same minimum from the samples themselves: one row each, and one row per unknown for the ridge, by QR. */
function byRows(
  { unknowns, outputs, ridge, freeBias }: Case,
  group: number,
  { inputs, residuals }: ReturnType<typeof drawn>,
): { readonly weights: Matrix; readonly rows: Matrix } {
  const at = (data: Float32Array, row: number, sample: number): number =>
    data[row * SAMPLES + sample] ?? 0;
  const mean = (data: Float32Array, row: number): number =>
    freeBias
      ? Array.from({ length: SAMPLES }, (_, sample) => at(data, row, sample)).reduce(
          (a, b) => a + b,
        ) / SAMPLES
      : 0;
  const centred = (data: Float32Array, first: number, count: number): Matrix =>
    new Matrix(
      Array.from({ length: SAMPLES }, (_, sample) =>
        Array.from(
          { length: count },
          (__, row) => at(data, first + row, sample) - mean(data, first + row),
        ),
      ),
    );
  const rows = centred(inputs, group * unknowns, unknowns);
  const wanted = centred(residuals, group * outputs, outputs);
  const spread =
    rows.to1DArray().reduce((sum, value) => sum + value * value, 0) / SAMPLES / unknowns;
  const pull = Matrix.eye(unknowns, unknowns).mul(Math.sqrt(ridge * spread * SAMPLES));
  const whole = new Matrix([...rows.to2DArray(), ...pull.to2DArray()]);
  const target = new Matrix([
    ...wanted.to2DArray(),
    ...Matrix.zeros(unknowns, outputs).to2DArray(),
  ]);
  return { weights: new QrDecomposition(whole).solve(target), rows };
}

describe("moments in parts give the minimum that QR finds on the samples themselves", () => {
  const cases: readonly (readonly [string, Case])[] = [
    ["one group", { groups: 1, unknowns: 12, outputs: 5, ridge: 0.01, freeBias: true }],
    ["without a bias", { groups: 1, unknowns: 12, outputs: 5, ridge: 0.01, freeBias: false }],
    ["depthwise", { groups: 7, unknowns: 9, outputs: 1, ridge: 0.01, freeBias: true }],
    ["groups", { groups: 3, unknowns: 18, outputs: 4, ridge: 0.3, freeBias: true }],
    ["hardly any ridge", { groups: 1, unknowns: 20, outputs: 3, ridge: 1e-7, freeBias: true }],
  ];
  test.each(cases)("%s", async (_, options) => {
    const { groups, unknowns, outputs } = options;
    const data = drawn(options, 5);
    const sums = sumMoments(products, options);
    for (let from = 0; from < SAMPLES; from += 80) {
      const part = (values: Float32Array) => ({
        samples: 80,
        data: Float32Array.from({ length: values.length / 3 }, (__, index) => {
          const row = Math.floor(index / 80);
          return values[row * SAMPLES + from + (index % 80)] ?? 0;
        }),
      });
      await sums.add(part(data.inputs), part(data.residuals));
    }
    const update = await leastSquares(sums.moments(), { ...options, products });
    expect(update.ridge).toBe(options.ridge);
    expect(update.after).toBeLessThan(update.before);
    for (let group = 0; group < groups; group += 1) {
      const { weights } = byRows(options, group, data);
      for (let output = 0; output < outputs; output += 1) {
        for (let unknown = 0; unknown < unknowns; unknown += 1) {
          const found = update.weights[(group * outputs + output) * unknowns + unknown];
          expect(found).toBeCloseTo(weights.get(unknown, output), 4);
        }
      }
    }
  });

  test("the shift brings the mean residual to zero", async () => {
    const shape = { groups: 1, unknowns: 6, outputs: 2 };
    const data = drawn(shape, 6);
    const means = (values: Float32Array, rows: number): number[] =>
      Array.from(
        { length: rows },
        (_, row) =>
          values.subarray(row * SAMPLES, (row + 1) * SAMPLES).reduce((a, b) => a + b, 0) / SAMPLES,
      );
    const [inputMeans, residualMeans] = [means(data.inputs, 6), means(data.residuals, 2)];
    const sums = sumMoments(products, shape);
    await sums.add(
      { samples: SAMPLES, data: data.inputs },
      { samples: SAMPLES, data: data.residuals },
    );
    const update = await leastSquares(sums.moments(), { ridge: 1, freeBias: true, products });
    residualMeans.forEach((mean, output) => {
      const moved = inputMeans.reduce(
        (sum, value, unknown) => sum + value * (update.weights[output * 6 + unknown] ?? 0),
        update.bias[output] ?? 0,
      );
      expect(moved).toBeCloseTo(mean, 4);
    });
  });

  test("inputs that depend on each other raise the ridge instead of giving nonsense", async () => {
    const shape = { groups: 1, unknowns: 3, outputs: 1 };
    const random = randomFrom(3);
    const first = Float32Array.from({ length: SAMPLES }, random.normal);
    const data = new Float32Array([...first, ...first, ...first]);
    const sums = sumMoments(products, shape);
    await sums.add({ samples: SAMPLES, data }, { samples: SAMPLES, data: first.slice() });
    const update = await leastSquares(sums.moments(), { ridge: 0, freeBias: true, products });
    expect(update.ridge).toBeGreaterThan(0);
    expect(update.weights.reduce((a, b) => a + b)).toBeCloseTo(1, 4);
  });

  test("inputs that never change leave the weights as they are and still move the bias", async () => {
    const sums = sumMoments(products, { groups: 1, unknowns: 2, outputs: 1 });
    const residuals = new Float32Array(10).fill(3);
    await sums.add(
      { samples: 10, data: new Float32Array(20).fill(1) },
      { samples: 10, data: residuals },
    );
    const update = await leastSquares(sums.moments(), { ridge: 0.01, freeBias: true, products });
    expect([...update.weights]).toEqual([0, 0]);
    expect(update.bias[0]).toBeCloseTo(3, 6);
  });
});

describe("Cholesky in blocks", () => {
  test.each([1, 7, 128, 129, 300])("solves %i unknowns", async (size) => {
    const random = randomFrom(size);
    const draws = Float64Array.from({ length: size * (size + 5) }, random.normal);
    const matrix = await products.runDouble(draws, draws, size + 5);
    const rows = Float64Array.from({ length: 3 * size }, random.normal);
    const factor = await factorPositive(matrix.slice(), size, products);
    const solution = (await factor?.solve(rows)) ?? new Float64Array();
    // The matrix is symmetric, so that rows times it are rows times its transpose.
    const back = await products.runDouble(solution, matrix, size);
    for (const [index, value] of back.entries()) expect(value).toBeCloseTo(rows[index] ?? 0, 6);
  });

  test("says where a matrix is not positive definite", async () => {
    const matrix = Float64Array.from([1, 2, 2, 1]);
    expect(await factorPositive(matrix, 2, products)).toBeNull();
  });
});
