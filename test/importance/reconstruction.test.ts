import { Matrix, SVD } from "ml-matrix";
import { expect, test } from "vitest";
import { graphBuilder } from "../../src/graph/build.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { floatsOf, floatTensor } from "../../src/graph/tensor.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { openSession } from "../../src/runtime/session.ts";
import { NETWORKS, networkBuilder } from "../helpers/networks.ts";
import { bytesOfModel } from "../helpers/ort.ts";
import { imagesOf } from "../helpers/samples.ts";
import { randomBatches, scoresIn, scoresOn } from "../helpers/scored.ts";

/** Two convolutions; few enough positions that all of them are looked at. */
function twoLayers(kernel: 1 | 3): Graph {
  const b = networkBuilder(21);
  const input = b.input("input", ["batch", 3, 4, 4]);
  const hidden = b.relu(b.conv("one", input, { from: 3, to: 4, bn: false }));
  b.value("hidden", null);
  b.output(b.conv("two", hidden, { from: 4, to: 3, kernel, bn: false }));
  return b.graph();
}

/** Rows of the second convolution's input: patches with zeros beyond the edge, and 1 for the bias. */
function patches(values: ArrayLike<number>, images: number, kernel: number): number[][] {
  const reach = (kernel - 1) / 2;
  const offsets = Array.from({ length: kernel }, (_, index) => index - reach);
  const at = (image: number, channel: number, y: number, x: number): number =>
    y < 0 || y > 3 || x < 0 || x > 3 ? 0 : (values[((image * 4 + channel) * 4 + y) * 4 + x] ?? 0);
  return Array.from({ length: images * 16 }, (_, row) => {
    const [image, y, x] = [row >> 4, (row >> 2) & 3, row & 3];
    const patch = [0, 1, 2, 3].flatMap((channel) =>
      offsets.flatMap((dy) => offsets.map((dx) => at(image, channel, y + dy, x + dx))),
    );
    return [...patch, 1];
  });
}

for (const kernel of [1, 3] as const) {
  test(`a unit's score is what an explicit refit of the next layer's ${kernel}x${kernel} weights can't restore`, async () => {
    const graph = twoLayers(kernel);
    const batches = randomBatches(4, [8, 3, 4, 4], 3, 5);
    const scores = await scoresOn(graph, batches, { method: "reconstruction" });
    const rows: number[][] = [];
    for (const batch of batches) {
      const hidden = await valuesAt(graph, "Relu1_out", imagesOf(batch).data);
      rows.push(...patches(hidden, batch.size, kernel));
    }
    const inputs = new Matrix(rows);
    const taps = kernel * kernel;
    const weight = graph.initializers.get("two.weight");
    if (weight === undefined) throw new Error("no weight");
    const weights = floatsOf(weight);
    const linear = new Matrix(
      Array.from({ length: 3 }, (_, output) =>
        Array.from({ length: 4 * taps + 1 }, (_unused, column) =>
          column === 4 * taps ? 0 : (weights[output * 4 * taps + column] ?? 0),
        ),
      ),
    );
    const target = inputs.mmul(linear.transpose());
    const expected = [0, 1, 2, 3].map((unit) => {
      const kept = Array.from({ length: 4 * taps + 1 }, (_, column) => column).filter(
        (column) => column === 4 * taps || Math.floor(column / taps) !== unit,
      );
      const left = inputs.subMatrixColumn(kept);
      const fit = new SVD(left, { autoTranspose: true }).solve(target);
      const residual = Matrix.sub(target, left.mmul(fit));
      return residual.mul(residual).sum() / variance(target);
    });
    for (const [unit, score] of scoresIn(scores, "one", "two").entries()) {
      expect(score / (expected[unit] ?? 0)).toBeGreaterThan(0.97);
      expect(score / (expected[unit] ?? 0)).toBeLessThan(1.03);
    }
  });
}

function variance(values: Matrix): number {
  let sum = 0;
  for (let column = 0; column < values.columns; column += 1) {
    const own = values.getColumn(column);
    const mean = own.reduce((total, value) => total + value, 0) / own.length;
    sum += own.reduce((total, value) => total + (value - mean) ** 2, 0);
  }
  return sum;
}

async function valuesAt(graph: Graph, name: string, images: Float32Array): Promise<number[]> {
  const open: Graph = { ...graph, outputs: [{ name, type: "float32", shape: null }] };
  const session = await openSession(bytesOfModel(modelOf(open)));
  const shape = [images.length / 48, 3, 4, 4];
  const outputs = await session.run({ input: { type: "float32", shape, data: images } });
  await session.close();
  return Array.from((outputs[name]?.data ?? []) as ArrayLike<number>, Number);
}

test("a unit that is a sum of two others is worth nothing", async () => {
  const b = graphBuilder();
  b.input("input", ["batch", 2, 4, 4]);
  b.tensor("w1", floatTensor([3, 2, 1, 1], [1, 0, 0, 1, 1, 1]));
  b.tensor("w2", floatTensor([2, 3, 1, 1], [1, 2, 3, -1, 0.5, 2]));
  const first = b.node("Conv", ["input", "w1"], { name: "first" });
  b.output(b.node("Conv", [first, "w2"], { name: "second" }));
  const batches = randomBatches(4, [8, 2, 4, 4], 2, 6);
  const scores = await scoresOn(b.graph(), batches, { method: "reconstruction" });
  // Any of the three can be made of the other two; what is left is the ridge.
  for (const score of scoresIn(scores, "first", "second")) expect(score).toBeLessThan(5e-3);
});

test("a residual stream is scored by what reads it, and grouped convolutions by what reads them", async () => {
  const batches = randomBatches(2, [4, 3, 8, 8], 5, 7);
  const scores = await scoresOn(NETWORKS.groupedResidual(), batches, { method: "reconstruction" });
  const stream = scores.dims.find((dim) => dim.dim === "stem");
  expect(stream?.layers.map(({ layer }) => layer)).toEqual(["block.0.a", "block.1.a", "fc"]);
  const inner = scores.dims.find((dim) => dim.dim === "block.0.a");
  expect(inner?.layers.map(({ layer }) => layer)).toEqual(["block.0.c"]);
  expect(inner?.units).toBe(4);
});
