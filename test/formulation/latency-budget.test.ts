import { expect, test } from "vitest";
import { latencyBudget, unchangeableOf } from "../../src/formulation/network/latency-budget.ts";

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

test("a share of what can be pruned leaves what no choice changes as it is", async () => {
  const dense = { latencyMs: 10, unchangeableMs: 6 };
  expect(await latencyBudget("60% of prunable", dense)).toBeCloseTo(6 + 0.6 * 4, 12);
  expect(await latencyBudget("100% of  prunable", dense)).toBeCloseTo(10, 12);
  expect(await latencyBudget("60%", dense)).toBeCloseTo(6, 12);
  expect(await latencyBudget("7ms", dense)).toBe(7);
  await expect(latencyBudget("60% of prunable", 10)).rejects.toThrow(
    /isn't known what can be pruned/,
  );
  await expect(latencyBudget("60% of it", dense)).rejects.toMatchObject({
    code: "formulation/budget",
  });
});

test("what no choice changes are the terms without axes, block and layer", () => {
  const cost = [Float64Array.of(3)];
  const term = { name: "t", block: null, layer: null, axes: [], gain: null, cost };
  const problem = {
    ...{ name: "p", dims: [], sums: [], blocks: [], layers: [], exclusiveLayers: [] },
    resources: [{ name: "latency", unit: "ms", limit: 9 }],
    terms: [
      term,
      { ...term, block: 0 },
      { ...term, layer: 0 },
      { ...term, axes: [{ kind: "dim" as const, index: 0 }] },
      { ...term, cost: [null] },
    ],
  };
  expect(unchangeableOf(problem)).toBe(3);
});
