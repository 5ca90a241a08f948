import { expect, test } from "vitest";
import { violations } from "../../src/mip/check.ts";
import { relativeGap } from "../../src/mip/solver.ts";
import { knapsack, product } from "../solvers/models.ts";

test("a point that keeps every row, bound and integrality has no violation", () => {
  expect(violations(knapsack, Float64Array.of(1, 0, 0, 1))).toEqual([]);
});

test.each([
  ["row", Float64Array.of(1, 1, 0, 1), "r0", 3],
  ["bound", Float64Array.of(0, 0, 0, -1), "x3", 1],
  ["integrality", Float64Array.of(0.5, 0, 0, 0), "x0", 0.5],
] as const)("a broken %s is named with its amount", (kind, values, name, amount) => {
  expect(violations(knapsack, values)).toEqual([{ kind, name, amount }]);
});

test("a missing or undefined number is a violation, never a pass", () => {
  expect(violations(product, new Float64Array(5).fill(Number.NaN)).length).toBeGreaterThan(5);
});

test("a gap without a proven bound is infinite, and zero where bound and objective agree", () => {
  expect(relativeGap(5, Number.POSITIVE_INFINITY)).toBe(Number.POSITIVE_INFINITY);
  expect(relativeGap(-4, -4)).toBe(0);
  expect(relativeGap(100, 101)).toBeCloseTo(0.01, 12);
});

test("what is off by the tolerance, and no more, is no violation", () => {
  expect(violations(knapsack, Float64Array.of(0.25, 0, 0, 0), 0.25)).toEqual([]);
  expect(violations(knapsack, Float64Array.of(0, 0, 0, 1.25), 0.25)).toEqual([]);
  expect(violations(knapsack, Float64Array.of(0.25, 0, 0, 0), 0.125)).toHaveLength(1);
});

test("a row or column that is not there has no name", () => {
  expect(() => knapsack.columnName(-1)).toThrowError(
    expect.objectContaining({ code: "mip/no-such-index" }),
  );
  expect(() => knapsack.columnName(knapsack.columnCount)).toThrowError(
    expect.objectContaining({ code: "mip/no-such-index" }),
  );
});
