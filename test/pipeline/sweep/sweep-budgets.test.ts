import { expect, test } from "vitest";
import { sweepBudgets } from "../../../src/pipeline/sweep/sweep-budgets.ts";

const RANGE = { from: "90%", to: "20%", points: 8 };

test("a range is evenly spaced, from the largest budget down, whichever end is given first", async () => {
  const budgets = await sweepBudgets(RANGE, 200, false);
  expect(budgets.map(({ text }) => text)).toEqual([
    "90%",
    "80%",
    "70%",
    "60%",
    "50%",
    "40%",
    "30%",
    "20%",
  ]);
  expect(budgets[0]?.limit).toBeCloseTo(180, 9);
  expect(budgets[7]?.limit).toBeCloseTo(40, 9);
  expect(await sweepBudgets({ ...RANGE, from: "20%", to: "90%" }, 200, false)).toEqual(budgets);
});

test("one point is the first end", async () => {
  expect(await sweepBudgets({ ...RANGE, points: 1 }, 10, false)).toEqual([
    { text: "90%", limit: 9 },
  ]);
});

test("a list keeps what was written, in milliseconds or shares, largest first", async () => {
  const budgets = await sweepBudgets({ ...RANGE, budgets: "2ms, 50%,800us" }, 6, false);
  expect(budgets.map(({ text }) => text)).toEqual(["50%", "2ms", "800us"]);
  expect(budgets.map(({ limit }) => Number(limit.toPrecision(12)))).toEqual([3, 2, 0.8]);
});

test("an instance has a unit of its own, so that its budgets are shares or plain numbers", async () => {
  expect(await sweepBudgets({ ...RANGE, budgets: "700,50%" }, 1000, true)).toEqual([
    { text: "700", limit: 700 },
    { text: "50%", limit: 500 },
  ]);
});

test.each([
  ["formulation/budget", { budgets: "90%,banana" }, false],
  ["formulation/budget", { budgets: "90%,,50%" }, false],
  ["formulation/budget", { budgets: "0ms" }, false],
  ["cli/instance-budget", { budgets: "12ms" }, true],
  ["cli/instance-budget", { budgets: "-3" }, true],
  ["cli/not-a-count", { points: 0 }, false],
  ["cli/not-a-count", { points: 2.5 }, false],
  ["cli/empty-range", { from: "40%", to: "40%" }, false],
])("%s: %o", async (code, change, inOwnUnit) => {
  await expect(sweepBudgets({ ...RANGE, ...change }, 10, inOwnUnit)).rejects.toThrow(
    expect.objectContaining({ code, exitCode: 2 }),
  );
});
