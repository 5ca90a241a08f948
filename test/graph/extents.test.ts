import fc from "fast-check";
import { expect, test } from "vitest";
import {
  broadcastShapes,
  exactQuotient,
  plus,
  productOfAll,
  times,
} from "../../src/graph/shapes/extents.ts";

const SEED = 11;
const SYMBOLS = { batch: 7, height: 5, "n.1": 3 } as const;

/** The number that an extent stands for once the symbols have values. */
function value(extent: number | string | null): number {
  if (extent === null) return Number.NaN;
  return String(extent)
    .split("*")
    .reduce(
      (product, part) =>
        product * (part in SYMBOLS ? SYMBOLS[part as keyof typeof SYMBOLS] : Number(part)),
      1,
    );
}

const extent = fc
  .tuple(fc.integer({ min: 1, max: 12 }), fc.subarray(Object.keys(SYMBOLS)))
  .map(([factor, symbols]) => times(factor, symbols.reduce<number | string | null>(times, 1)));

test("sums, products and quotients of symbols are those of the numbers that they stand for", () => {
  let skipped = 0;
  fc.assert(
    fc.property(extent, extent, (left, right) => {
      expect(value(times(left, right))).toBe(value(left) * value(right));
      expect(exactQuotient(times(left, right), right)).toBe(left);
      const sum = plus(left, right);
      if (sum === null) skipped += 1;
      else expect(value(sum)).toBe(value(left) + value(right));
    }),
    { seed: SEED, numRuns: 300 },
  );
  expect(skipped).toBeGreaterThan(0);
  expect(skipped).toBeLessThan(300);
});

test("a quotient that leaves a rest, and anything unknown, is unknown", () => {
  expect([exactQuotient("3*batch", 2), exactQuotient(4, "batch"), exactQuotient(4, 0)]).toEqual([
    null,
    null,
    null,
  ]);
  expect([times(null, 2), plus("batch", "height"), productOfAll(["batch", null])]).toEqual([
    null,
    null,
    null,
  ]);
  expect([times("batch", 0.5), times("batch", -1), times(null, 0)]).toEqual([null, null, 0]);
});

test("a formula that an exporter wrote as a name is one symbol", () => {
  expect(times("floor(height*2) + 1", 1)).toBe("floor(height*2) + 1");
  expect(times("floor(height*2) + 1", 3)).toBeNull();
  expect(exactQuotient("floor(height*2)", "floor(height*2)")).toBe(1);
});

test("shapes broadcast from the right, and 1 gives way", () => {
  expect(broadcastShapes([["batch", 1, 4], [3, 1], []])).toEqual(["batch", 3, 4]);
  expect(broadcastShapes([["batch"], [8]])).toEqual([8]);
  expect(broadcastShapes([["batch"], ["height"]])).toEqual([null]);
  expect(broadcastShapes([[2], [3]])).toBeUndefined();
});
