import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { randomFrom } from "../../../src/core/random.ts";
import { floatTensor } from "../../../src/graph/tensor.ts";
import { sumMoments } from "../../../src/subnet/correct/moments.ts";
import { openProducts, type Products } from "../../../src/subnet/correct/products.ts";
import { parsePattern } from "../../../src/subnet/sparse/pattern.ts";
import { type ScoreOf, searchSupport } from "../../../src/subnet/sparse/search.ts";
import type { SparseWeight } from "../../../src/subnet/sparse/weights.ts";

let products: Products;
beforeAll(async () => {
  products = await openProducts(1);
});
afterAll(() => products.close());

const byMagnitude: ScoreOf = (_, values) => Float64Array.from(values, Math.abs);
const SAMPLES = 400;

/** One row that reads four inputs, of which the first and the third are nearly the same. */
async function searched(weights: readonly number[], pattern: string, rounds: number) {
  const columns = weights.length;
  const random = randomFrom(1);
  const inputs = new Float32Array(columns * SAMPLES);
  for (let sample = 0; sample < SAMPLES; sample += 1)
    for (let at = 0; at < columns; at += 1)
      inputs[at * SAMPLES + sample] =
        at === 2 ? (inputs[sample] ?? 0) + 0.01 * random.normal() : random.normal();
  const sums = sumMoments(products, { groups: 1, unknowns: columns, outputs: 1 });
  const residuals = { samples: SAMPLES, data: new Float32Array(SAMPLES) };
  await sums.add({ samples: SAMPLES, data: inputs }, residuals);
  const values = Float32Array.from(weights);
  const weight = {
    ...{ name: "w", rows: 1, columns, taps: 1, rowAxis: 0, inputAxis: 1 },
    tensor: floatTensor([1, columns], values),
  } as unknown as SparseWeight;
  const options = { scoreOf: byMagnitude, kept: columns / 2, rounds, ridge: 1e-6, freeBias: true };
  const mask = await searchSupport(weight, values, sums.moments(), {
    ...options,
    ...{ pattern: parsePattern(pattern), products },
  });
  return [...mask];
}

describe("masks in rounds", () => {
  // Without the first weight the third does the work of both, and is then the largest.
  const WEIGHTS = [2, 3, 2.1, 2.5];

  test.each(["2:4", "none"])("pattern %s: at once, the largest weights stay", async (pattern) => {
    expect(await searched(WEIGHTS, pattern, 1)).toEqual([0, 1, 0, 1]);
  });

  test.each(["2:4", "none"])(
    "pattern %s: the second round judges the fitted weights",
    async (pattern) => {
      expect(await searched(WEIGHTS, pattern, 2)).toEqual([0, 1, 1, 0]);
    },
  );

  test("a pattern ends at its own number, whatever the rounds", async () => {
    const weights = Array.from({ length: 16 }, (_, at) => 1 + ((7 * at) % 16));
    for (const rounds of [1, 2, 3, 4, 9]) {
      const mask = await searched(weights, "2:8", rounds);
      for (const from of [0, 8])
        expect(mask.slice(from, from + 8).reduce((sum, bit) => sum + bit, 0)).toBe(2);
    }
  });
});
