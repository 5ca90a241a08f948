import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { randomFrom } from "../../../src/core/random.ts";
import { chosenRidge, distanceOn, fittedImages } from "../../../src/subnet/correct/held-out.ts";
import { joinedMoments } from "../../../src/subnet/correct/join-moments.ts";
import { leastSquares } from "../../../src/subnet/correct/least-squares.ts";
import { type Moments, sumMoments } from "../../../src/subnet/correct/moments.ts";
import { openProducts, type Products } from "../../../src/subnet/correct/products.ts";

let products: Products;
beforeAll(async () => {
  products = await openProducts(1);
});
afterAll(() => products.close());

interface Drawn {
  readonly samples: number;
  /** groups x unknowns x samples */
  readonly inputs: Float32Array;
  /** groups x outputs x samples */
  readonly residuals: Float32Array;
}

const SHAPE = { groups: 2, unknowns: 12, outputs: 3 } as const;

/** Residuals that depend on the inputs through the same matrix for every seed, and noise. */
function drawn(samples: number, noise: number, seed: number): Drawn {
  const { groups, unknowns, outputs } = SHAPE;
  const fixed = randomFrom(99);
  const map = Float64Array.from({ length: groups * outputs * unknowns }, fixed.normal);
  const random = randomFrom(seed);
  const inputs = new Float32Array(groups * unknowns * samples);
  for (let at = 0; at < inputs.length; at += 1) inputs[at] = random.normal() + 0.5;
  const residuals = new Float32Array(groups * outputs * samples);
  for (let row = 0; row < groups * outputs; row += 1) {
    const group = Math.floor(row / outputs);
    for (let sample = 0; sample < samples; sample += 1) {
      let value = 0.3 + noise * random.normal();
      for (let at = 0; at < unknowns; at += 1)
        value +=
          (map[row * unknowns + at] ?? 0) *
          (inputs[(group * unknowns + at) * samples + sample] ?? 0);
      residuals[row * samples + sample] = value;
    }
  }
  return { samples, inputs, residuals };
}

async function momentsOf(...parts: readonly Drawn[]): Promise<Moments> {
  const sums = sumMoments(products, SHAPE);
  for (const { samples, inputs, residuals } of parts)
    await sums.add({ samples, data: inputs.slice() }, { samples, data: residuals.slice() });
  return sums.moments();
}

describe.each([1, 2, 3])("random seed %i", (seed) => {
  test("the distance by moments is the one counted on the samples, for a change that no fit made", async () => {
    const data = drawn(50, 1, seed);
    const { groups, unknowns, outputs } = SHAPE;
    const random = randomFrom(seed + 10);
    const weights = Float64Array.from({ length: groups * outputs * unknowns }, random.normal);
    const bias = Float64Array.from({ length: groups * outputs }, random.normal);
    let counted = 0;
    for (let row = 0; row < groups * outputs; row += 1) {
      const group = Math.floor(row / outputs);
      for (let sample = 0; sample < 50; sample += 1) {
        let left = (data.residuals[row * 50 + sample] ?? 0) - (bias[row] ?? 0);
        for (let at = 0; at < unknowns; at += 1)
          left -=
            (weights[row * unknowns + at] ?? 0) *
            (data.inputs[(group * unknowns + at) * 50 + sample] ?? 0);
        counted += left ** 2 / 50;
      }
    }
    const found = await distanceOn(await momentsOf(data), { weights, bias }, products);
    expect(found / counted).toBeCloseTo(1, 4);
  });

  test("moments of two parts together are those of all samples", async () => {
    const [first, second] = [drawn(40, 1, seed), drawn(15, 1, seed + 20)];
    // The second part has other means.
    for (let at = 0; at < second.inputs.length; at += 1)
      second.inputs[at] = (second.inputs[at] ?? 0) + 1;
    const together = joinedMoments(await momentsOf(first), await momentsOf(second));
    const whole = await momentsOf(first, second);
    expect(together.samples).toBe(55);
    for (const key of ["inputMeans", "residualMeans", "inputs", "cross", "residuals"] as const)
      for (const [at, value] of together[key].entries())
        expect(value).toBeCloseTo(whole[key][at] ?? Number.NaN, 3);
  });

  test("few noisy samples raise the ridge, and unseen samples come closer for it", async () => {
    const halves = {
      fitted: await momentsOf(drawn(16, 6, seed)),
      held: await momentsOf(drawn(40, 6, seed + 30)),
    };
    const fit = (moments: Moments, ridge: number) =>
      leastSquares(moments, { ridge, freeBias: true, products });
    const ridge = await chosenRidge(halves, 0.01, fit, products);
    expect(ridge).toBeGreaterThan(0.01);
    const unseen = await momentsOf(drawn(2000, 6, seed + 40));
    const [asked, chosen] = await Promise.all([
      distanceOn(unseen, await fit(halves.fitted, 0.01), products),
      distanceOn(unseen, await fit(halves.fitted, ridge), products),
    ]);
    expect(chosen).toBeLessThan(asked);
  });

  test("with many samples the asked ridge stays, and no held sample asks for none", async () => {
    const fitted = await momentsOf(drawn(4000, 0.1, seed));
    const fit = (moments: Moments, ridge: number) =>
      leastSquares(moments, { ridge, freeBias: true, products });
    const held = await momentsOf(drawn(1000, 0.1, seed + 50));
    expect(await chosenRidge({ fitted, held }, 0.01, fit, products)).toBe(0.01);
    const none = { ...held, samples: 0 };
    expect(await chosenRidge({ fitted, held: none }, 0.01, fit, products)).toBe(0.01);
  });
});

test.each([9, 150])(
  "of %i unknowns, on the samples of the fit, the distance is what the fit says is left",
  async (unknowns) => {
    const random = randomFrom(unknowns);
    const draw = (count: number): Float32Array =>
      Float32Array.from({ length: count }, () => random.normal() + 1);
    const sums = sumMoments(products, { groups: 1, unknowns, outputs: 4 });
    await sums.add(
      { samples: 400, data: draw(unknowns * 400) },
      { samples: 400, data: draw(4 * 400) },
    );
    const moments = sums.moments();
    const update = await leastSquares(moments, { ridge: 0.1, freeBias: true, products });
    expect((await distanceOn(moments, update, products)) / update.after).toBeCloseTo(1, 6);
  },
);

test("a fifth of the images is held out, and none of fewer than ten", () => {
  const narrow = { groups: 1, unknowns: 64 };
  const numbers = [1, 9, 10, 12, 256];
  expect(numbers.map((images) => fittedImages(images, narrow))).toEqual([1, 9, 8, 10, 205]);
});

test("a layer whose moments take hundreds of megabytes holds none out: they are held once then", () => {
  expect(fittedImages(256, { groups: 1, unknowns: 4608 })).toBe(205);
  expect(fittedImages(256, { groups: 1, unknowns: 18_432 })).toBe(256);
  expect(fittedImages(256, { groups: 960, unknowns: 9 })).toBe(205);
});
