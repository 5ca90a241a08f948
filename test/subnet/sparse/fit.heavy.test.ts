import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { randomFrom } from "../../../src/core/random.ts";
import type { Moments } from "../../../src/subnet/correct/moments.ts";
import { openProducts, type Products } from "../../../src/subnet/correct/products.ts";
import { conjugateGradients } from "../../../src/subnet/sparse/conjugate-gradients.ts";
import { fitOnSupport } from "../../../src/subnet/sparse/fit.ts";
import { choleskyRows } from "../../../src/subnet/sparse/support-rows.ts";

let products: Products;
beforeAll(async () => {
  products = await openProducts(1);
});
afterAll(() => products.close());

const SAMPLES = 400;

/** Moments of random inputs and residuals, with the samples themselves. */
function problem(seed: number, unknowns: number, outputs: number, groups = 1) {
  const random = randomFrom(seed);
  const draw = (count: number): Float64Array => Float64Array.from({ length: count }, random.normal);
  const inputs: Float64Array[] = [];
  const residuals: Float64Array[] = [];
  for (let group = 0; group < groups; group += 1) {
    // Inputs that depend on each other, with means of their own.
    const mix = draw(unknowns * unknowns);
    const x = new Float64Array(unknowns * SAMPLES);
    for (let sample = 0; sample < SAMPLES; sample += 1) {
      const z = draw(unknowns);
      for (let row = 0; row < unknowns; row += 1) {
        let sum = 0.5 * row;
        for (let at = 0; at < unknowns; at += 1)
          sum += (mix[row * unknowns + at] ?? 0) * (z[at] ?? 0);
        x[row * SAMPLES + sample] = sum;
      }
    }
    inputs.push(x);
    residuals.push(draw(outputs * SAMPLES).map((value) => value + 0.3));
  }
  const mean = (data: Float64Array, row: number): number => {
    let sum = 0;
    for (let at = 0; at < SAMPLES; at += 1) sum += data[row * SAMPLES + at] ?? 0;
    return sum / SAMPLES;
  };
  const covariance = (a: Float64Array, i: number, b: Float64Array, j: number): number => {
    let sum = 0;
    for (let at = 0; at < SAMPLES; at += 1)
      sum += ((a[i * SAMPLES + at] ?? 0) - mean(a, i)) * ((b[j * SAMPLES + at] ?? 0) - mean(b, j));
    return sum / SAMPLES;
  };
  const each = <T>(of: (group: number) => T[]): T[] =>
    Array.from({ length: groups }, (_, group) => of(group)).flat();
  const range = (count: number): number[] => Array.from({ length: count }, (_, at) => at);
  const x = (group: number): Float64Array => inputs[group] ?? new Float64Array();
  const r = (group: number): Float64Array => residuals[group] ?? new Float64Array();
  const moments: Moments = {
    ...{ samples: SAMPLES, groups, unknowns, outputs },
    inputMeans: Float64Array.from(each((g) => range(unknowns).map((i) => mean(x(g), i)))),
    residualMeans: Float64Array.from(each((g) => range(outputs).map((i) => mean(r(g), i)))),
    inputs: Float64Array.from(
      each((g) =>
        range(unknowns).flatMap((i) => range(unknowns).map((j) => covariance(x(g), i, x(g), j))),
      ),
    ),
    cross: Float64Array.from(
      each((g) =>
        range(outputs).flatMap((i) => range(unknowns).map((j) => covariance(r(g), i, x(g), j))),
      ),
    ),
    residuals: Float64Array.from(
      each((g) => range(outputs).map((i) => covariance(r(g), i, r(g), i))),
    ),
  };
  const weights = draw(groups * outputs * unknowns);
  const support = Uint8Array.from(weights, () => (random.next() < 0.5 ? 1 : 0));
  /** Mean squared distance of what is wanted from what a change gives, summed over the rows, from the samples. */
  const loss = (change: Float64Array, bias: Float64Array): number => {
    let sum = 0;
    for (let group = 0; group < groups; group += 1) {
      for (let row = 0; row < outputs; row += 1) {
        const at = group * outputs + row;
        for (let sample = 0; sample < SAMPLES; sample += 1) {
          let left = (r(group)[row * SAMPLES + sample] ?? 0) - (bias[at] ?? 0);
          for (let i = 0; i < unknowns; i += 1)
            left -= (change[at * unknowns + i] ?? 0) * (x(group)[i * SAMPLES + sample] ?? 0);
          sum += left ** 2 / SAMPLES;
        }
      }
    }
    return sum;
  };
  return { moments, weights, support, loss };
}

describe.each([1, 2, 3])("least squares on a support, random seed %i", (seed) => {
  const groups = seed;
  const { moments, weights, support, loss } = problem(seed, 9, 4, groups);
  const fit = (ridge: number) =>
    fitOnSupport(moments, weights, support, { ridge, freeBias: true, products });

  test("makes the weights off the support zero and says what is left, as counted on the samples", async () => {
    const update = await fit(0);
    for (const [at, value] of update.weights.entries()) {
      if (support[at] === 0) expect(value + (weights[at] ?? 0)).toBe(0);
    }
    expect(update.after).toBeCloseTo(loss(update.weights, update.bias), 6);
  });

  test("is the least: no step along a kept weight or a bias brings the samples nearer", async () => {
    const update = await fit(0);
    const least = loss(update.weights, update.bias);
    for (let at = 0; at < update.weights.length; at += 1) {
      if (support[at] === 0) continue;
      for (const step of [-1e-3, 1e-3]) {
        const other = update.weights.slice();
        other[at] = (other[at] ?? 0) + step;
        expect(loss(other, update.bias)).toBeGreaterThan(least);
      }
    }
    const shifted = update.bias.slice();
    shifted[0] = (shifted[0] ?? 0) + 1e-3;
    expect(loss(update.weights, shifted)).toBeGreaterThan(least);
  });
});

test.each([4, 5])("conjugate gradients and Cholesky agree, random seed %i", async (seed) => {
  const { moments, support } = problem(seed, 40, 12);
  const { inputs: matrix, cross: wanted, unknowns, outputs } = moments;
  const system = { matrix, unknowns, outputs, support, wanted };
  const added = 0.01 * (matrix[0] ?? 1);
  const direct = choleskyRows(system, added);
  const steps = await conjugateGradients(system, added, products);
  expect(direct).not.toBeNull();
  const largest = Math.max(...(direct ?? []).map(Math.abs));
  for (const [at, value] of steps.entries())
    expect(Math.abs(value - (direct?.[at] ?? Number.NaN))).toBeLessThan(1e-5 * largest);
});

test("inputs that copy each other get a larger ridge instead of nonsense", async () => {
  const { moments, weights } = problem(6, 6, 2);
  const { inputs } = moments;
  // The last input becomes the first one.
  for (let at = 0; at < 6; at += 1) {
    inputs[30 + at] = inputs[at] ?? 0;
    inputs[at * 6 + 5] = inputs[at * 6] ?? 0;
  }
  inputs[35] = inputs[0] ?? 0;
  moments.cross[5] = moments.cross[0] ?? 0;
  moments.cross[11] = moments.cross[6] ?? 0;
  const support = new Uint8Array(12).fill(1);
  const update = await fitOnSupport(moments, weights, support, {
    ridge: 0,
    freeBias: true,
    products,
  });
  expect(update.ridge).toBeGreaterThan(0);
  expect([...update.weights].every(Number.isFinite)).toBe(true);
});
