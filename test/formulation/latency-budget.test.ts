import { expect, test } from "vitest";
import { latencyBudget } from "../../src/formulation/network/latency-budget.ts";

test.each([
  ["50%", 4],
  ["12.5 %", 1],
  ["12ms", 12],
  ["0.3 s", 300],
  ["800us", 0.8],
  ["1e-3 s", 1],
])("the budget %s of a network of 8 ms is %d ms", async (text, expected) => {
  expect(await latencyBudget(text, 8)).toBeCloseTo(expected, 12);
});

test.each([
  "",
  "12",
  "0%",
  "-3ms",
  "5 kg",
  "fast",
  "1e999 s",
  "50%%",
  "120%",
  "100.5 %",
  "import('fs')",
])("'%s' is refused as a budget", async (text) => {
  await expect(latencyBudget(text, 8)).rejects.toThrow(
    expect.objectContaining({ code: "formulation/budget", exitCode: 2 }),
  );
});
