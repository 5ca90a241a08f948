import { expect, test } from "vitest";
import { checkSelection, evaluate } from "../../src/formulation/problem/evaluate.ts";
import type { Problem, Selection } from "../../src/formulation/problem/problem.ts";
import { residual } from "./programs.ts";

const kept: Selection = { options: [1, 0], droppedBlocks: new Set(), droppedLayers: new Set() };
const code = (what: string): unknown => expect.objectContaining({ code: `formulation/${what}` });

test("a kept network earns and costs the sum of its tables", () => {
  // stem 9 + widen[16, 8] 4 + depthwise[8] 2; 3 + 3 + joined(24) 1.5 + 1 + 0.5 fixed.
  expect(evaluate(residual, kept)).toEqual({ objective: 15, usage: [9] });
});

test("a dropped block takes its dims, layers and inner blocks with it", () => {
  const dropped = {
    options: [1, -1],
    droppedBlocks: new Set([0, 1]),
    droppedLayers: new Set<number>(),
  };
  expect(evaluate(residual, dropped)).toEqual({ objective: 9, usage: [3.5] });
});

test("a dropped layer ties its dims and pays for the foreign ranking", () => {
  const tied = { ...kept, options: [0, 0], droppedLayers: new Set([0]) };
  expect(evaluate(residual, tied)).toEqual({ objective: 6 + 2 - 1, usage: [2 + 1 + 1 + 0.5] });
});

test.each<[string, Partial<Selection>, string]>([
  ["too few options", { options: [1] }, "selection-shape"],
  ["an option that isn't there", { options: [2, 0] }, "selection-shape"],
  ["a kept dim without an option", { options: [1, -1] }, "selection-shape"],
  ["a dropped dim with an option", { droppedBlocks: new Set([0, 1]) }, "selection-shape"],
  ["an unknown block", { droppedBlocks: new Set([7]) }, "selection-shape"],
  ["an unknown layer", { droppedLayers: new Set([7]) }, "selection-shape"],
  [
    "a block kept inside a dropped one",
    { options: [1, -1], droppedBlocks: new Set([0]) },
    "block-nesting",
  ],
  ["a broken tie", { droppedLayers: new Set([0]) }, "tie-broken"],
  [
    "a dropped layer in a dropped block",
    { droppedBlocks: new Set([1]), droppedLayers: new Set([1]) },
    "layer-in-dropped-block",
  ],
])("%s is refused", (_name, change, what) => {
  expect(() => checkSelection(residual, { ...kept, ...change })).toThrow(code(what));
});

test("two dropped layers that exclude each other are refused", () => {
  const problem: Problem = { ...residual, exclusiveLayers: [[0, 1]] };
  const both = { ...kept, options: [0, 0], droppedLayers: new Set([0, 1]) };
  expect(() => checkSelection(problem, both)).toThrow(code("exclusive-layers"));
});

test("a selection over a limit is refused, one at the limit but for rounding is not", () => {
  expect(() => checkSelection(residual, kept)).toThrow(code("over-limit"));
  const limited = (limit: number): Problem => ({
    ...residual,
    resources: [{ name: "latency", unit: "ms", limit }],
  });
  expect(checkSelection(limited(9 - 1e-12), kept).usage).toEqual([9]);
  expect(() => checkSelection(limited(9 - 1e-6), kept)).toThrow(code("over-limit"));
});

test("an objective that the tables don't bear out is refused", () => {
  const problem = { ...residual, resources: [] };
  expect(checkSelection(problem, kept, 15 + 1e-9).objective).toBe(15);
  expect(() => checkSelection(problem, kept, 15.01)).toThrow(code("objective-differs"));
  expect(() => checkSelection(problem, kept, Number.NaN)).toThrow(code("objective-differs"));
});
