import fc from "fast-check";
import { expect, test } from "vitest";
import type { GraphBuilder } from "../../src/graph/build.ts";
import { sliceRange } from "../../src/graph/shapes/layout.ts";
import { intTensor } from "../../src/graph/tensor.ts";
import { built, weights, worstGradient } from "../helpers/gradient-check.ts";

const SEED = 20261122;
const TOLERANCE = 1e-5;

test("slices give their gradient back to where they were cut, whatever the steps", async () => {
  const cuts = fc
    .record({
      extent: fc.integer({ min: 1, max: 7 }),
      start: fc.integer({ min: -8, max: 8 }),
      end: fc.integer({ min: -8, max: 8 }),
      step: fc.constantFrom(1, 2, 3, -1, -2, -3),
    })
    .filter(({ extent, start, end, step }) => sliceRange(extent, start, end, step).count > 0);
  await fc.assert(
    fc.asyncProperty(cuts, cuts, async (first, second) => {
      const graph = built((b) => {
        b.input("x", ["batch", first.extent, second.extent]);
        const bounds = [
          [first.start, second.start],
          [first.end, second.end],
          [1, -1],
          [first.step, second.step],
        ];
        const lists = bounds.map((list, i) => b.tensor(`list${i}`, intTensor([2], list)));
        return b.node("Slice", ["x", ...lists]);
      });
      expect(await worstGradient(graph)).toBeLessThan(TOLERANCE);
    }),
    { seed: SEED, numRuns: 40 },
  );
});

test.each([
  ["constant", [0, 1, 2, 0, 0, 3], 17],
  ["constant", [0, -1, 2, 0, 1, -1], 17],
  ["constant", [0, 1, 2, 0, 0, 3], 9],
  ["edge", [0, 1, 2, 0, 2, 3], 17],
  ["reflect", [0, 2, 1, 0, 1, 3], 17],
])("the gradient of Pad in mode %s by %j is right", async (mode, pads, opset) => {
  const graph = built((b) => {
    b.input("x", ["batch", 3, 5]);
    if (opset < 11) return b.node("Pad", ["x"], { attributes: { mode, pads } });
    return b.node("Pad", ["x", b.tensor("pads", intTensor([6], pads))], { attributes: { mode } });
  }, opset);
  expect(await worstGradient(graph)).toBeLessThan(TOLERANCE);
});

const ints = (b: GraphBuilder, name: string, values: readonly number[]): string =>
  b.tensor(name, intTensor([values.length], values));

test.each<[string, (b: GraphBuilder) => string]>([
  ["Transpose", (b) => b.node("Transpose", ["x"], { attributes: { perm: [2, 0, 1] } })],
  ["Transpose without an order", (b) => b.node("Transpose", ["x"])],
  ["Reshape", (b) => b.node("Reshape", ["x", ints(b, "shape", [0, -1, 2])])],
  ["Flatten", (b) => b.node("Flatten", ["x"])],
  ["Unsqueeze", (b) => b.node("Unsqueeze", ["x", ints(b, "axes", [1, -1])])],
  ["Expand", (b) => b.node("Mul", ["x", b.node("Expand", ["part", ints(b, "shape", [2, 3, 4])])])],
  ["Tile", (b) => b.node("Tile", ["x", ints(b, "repeats", [1, 2, 3])])],
  ["Concat", (b) => b.node("Concat", ["x", "part", "x"], { attributes: { axis: -1 } })],
  [
    "Cast",
    (b) =>
      b.node("Cast", [b.node("Cast", ["x"], { attributes: { to: 11 } })], {
        attributes: { to: 1 },
      }),
  ],
  ["Dropout that passes everything", (b) => b.node("Dropout", ["x"])],
  [
    "Gather of neighbours",
    (b) => b.node("Gather", ["x", ints(b, "i", [1, 2])], { attributes: { axis: 1 } }),
  ],
  [
    "Gather with repeats",
    (b) => b.node("Gather", ["x", ints(b, "i", [2, 0, 2, -1])], { attributes: { axis: -1 } }),
  ],
  [
    "Gather of one",
    (b) => b.node("Gather", ["x", b.tensor("i", intTensor([], [-1]))], { attributes: { axis: 1 } }),
  ],
  [
    "Gather of a table of indices",
    (b) =>
      b.node("Gather", ["x", b.tensor("i", intTensor([2, 2], [3, 1, 1, 0]))], {
        attributes: { axis: 2 },
      }),
  ],
])("the gradient of %s is right", async (_name, write) => {
  const graph = built((b) => {
    b.input("x", ["batch", 3, 4]);
    b.tensor("part", weights([2, 3, 1], 5));
    return b.node("Identity", [write(b)]);
  });
  expect(await worstGradient(graph)).toBeLessThan(TOLERANCE);
});

test("an embedding's gradient adds up where a word comes twice", async () => {
  const graph = built((b) => {
    const table = b.tensor("table", weights([3, 4], 1));
    return b.node("Gather", [table, b.input("words", ["batch", 5], "int64")]);
  });
  expect(await worstGradient(graph)).toBeLessThan(TOLERANCE);
});

test("a Split passes zeros for the part that the loss doesn't see", async () => {
  const graph = built((b) => {
    b.input("x", ["batch", 7]);
    const sizes = b.tensor("sizes", intTensor([3], [2, 1, 4]));
    b.node("Split", ["x", sizes], { attributes: { axis: 1 }, outputs: ["a", "b", "c"] });
    return b.node("Concat", ["c", "a"], { attributes: { axis: 1 } });
  });
  expect(await worstGradient(graph)).toBeLessThan(TOLERANCE);
});

test.each([
  ["DepthToSpace", "DCR"],
  ["DepthToSpace", "CRD"],
  ["SpaceToDepth", ""],
])("the gradient of %s %s is right", async (opType, mode) => {
  const graph = built((b) => {
    b.input("x", ["batch", 8, 2, 4]);
    const attributes = mode === "" ? { blocksize: 2 } : { blocksize: 2, mode };
    return b.node(opType, ["x"], { attributes });
  });
  expect(await worstGradient(graph)).toBeLessThan(TOLERANCE);
});
