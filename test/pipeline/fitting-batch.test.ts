import { expect, test } from "vitest";
import type { Graph } from "../../src/graph/graph.ts";
import { withFittingBatch } from "../../src/pipeline/train/fitting-batch.ts";
import { DEFAULT_RECIPE } from "../../src/training/recipe.ts";
import { networkBuilder } from "../helpers/networks.ts";

const RECIPE = { ...DEFAULT_RECIPE, batch: [64] };

function network(batch: number | string, side: number): Graph {
  const b = networkBuilder(5);
  b.output(b.relu(b.conv("c", b.input("x", [batch, 3, side, side]), { from: 3, to: 8 })));
  return b.graph();
}

test("a batch that fits is taken as it is", () => {
  expect(withFittingBatch(RECIPE, network("batch", 8), 128)).toEqual({
    ...{ recipe: RECIPE, note: null },
  });
});

test("few samples make two steps an epoch, one sample makes one", () => {
  const { recipe, note } = withFittingBatch(RECIPE, network("batch", 8), 21);
  expect(recipe).toMatchObject({ batch: [10], accumulate: 1 });
  expect(note).toContain("21");
  expect(withFittingBatch(RECIPE, network("batch", 8), 1).recipe.batch).toEqual([1]);
});

test("a network that fixes its batch sums gradients up to 32 samples, or half of the samples", () => {
  expect(withFittingBatch(RECIPE, network(2, 8), 1000).recipe).toMatchObject({
    ...{ batch: [2], accumulate: 16 },
  });
  const few = withFittingBatch(RECIPE, network(1, 8), 9);
  expect(few.recipe).toMatchObject({ batch: [1], accumulate: 4 });
  expect(few.note).toMatch(/1 sample at a time, 4 per step.*fixed/);
});

test("large pictures are taken so that a step's values fit in 2 GiB", () => {
  // Convolution, BatchNormalization and Relu: 3 values of 8 channels of 4 bytes, with gradients and what lies between.
  const side = 1024;
  const bytes = 3 * 3 * 8 * 4 * side * side;
  const { recipe, note } = withFittingBatch(RECIPE, network("batch", side), 1000);
  expect(recipe.batch).toEqual([Math.floor(2 ** 31 / bytes)]);
  expect(recipe.batch[0]).toBeLessThan(64);
  expect(note).toContain("2 GiB");
});
