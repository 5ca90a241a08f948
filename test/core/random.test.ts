import { expect, test } from "vitest";
import { randomFrom, shuffled } from "../../src/core/random.ts";

test("the same seed gives the same sequence", () => {
  const draw = (seed: number): number[] => {
    const random = randomFrom(seed);
    return Array.from({ length: 5 }, () => random.integer(1_000_000));
  };
  expect(draw(7)).toEqual(draw(7));
  expect(draw(7)).not.toEqual(draw(8));
});

test("uniform numbers fill their interval evenly", () => {
  const random = randomFrom(1);
  const bins = new Array<number>(10).fill(0);
  for (let draw = 0; draw < 20_000; draw += 1) {
    const bin = random.integer(10);
    bins[bin] = (bins[bin] ?? 0) + 1;
  }
  for (const count of bins) expect(Math.abs(count - 2000)).toBeLessThan(200);
});

test("normal numbers have mean 0 and variance 1", () => {
  const random = randomFrom(2);
  const draws = Array.from({ length: 20_000 }, () => random.normal());
  const mean = draws.reduce((sum, x) => sum + x, 0) / draws.length;
  const variance = draws.reduce((sum, x) => sum + (x - mean) ** 2, 0) / draws.length;
  expect(Math.abs(mean)).toBeLessThan(0.03);
  expect(Math.abs(variance - 1)).toBeLessThan(0.05);
});

test("shuffling keeps every item once and leaves the input as it was", () => {
  const items = [1, 2, 3, 4, 5, 6, 7, 8];
  const result = shuffled(items, randomFrom(3));
  expect([...result].sort()).toEqual(items);
  expect(result).not.toEqual(items);
  expect(items).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
});
