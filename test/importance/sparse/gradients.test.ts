import { afterAll, beforeAll, expect, test } from "vitest";
import { randomFrom } from "../../../src/core/random.ts";
import { graphBuilder } from "../../../src/graph/build.ts";
import type { Graph } from "../../../src/graph/graph.ts";
import { floatsOf, floatTensor } from "../../../src/graph/tensor.ts";
import { trimmedMean } from "../../../src/importance/data/knowledge-scores.ts";
import { scoreWithData } from "../../../src/importance/data/score-data.ts";
import { mean, singularValues } from "../../../src/importance/knowledge/spectrum.ts";
import { gradientSums, standardisedSum } from "../../../src/importance/sparse/gradient-scores.ts";
import { modelOf } from "../../../src/onnx/model.ts";
import { unnamedBatch } from "../../../src/runtime/batches.ts";
import { findStructure } from "../../../src/structure/find-structure.ts";
import { openProducts, type Products } from "../../../src/subnet/correct/products.ts";
import { sparseWeights } from "../../../src/subnet/sparse/weights.ts";
import { valuesOf } from "../../subnet/correct/helpers.ts";

let products: Products;
beforeAll(async () => {
  products = await openProducts(1);
});
afterAll(() => products.close());

const BATCH = 5;
const random = randomFrom(21);
const normals = (count: number): Float32Array =>
  Float32Array.from({ length: count }, random.normal);

/** A smooth network, so that differences tell its gradient. */
function network(first: Float32Array, second: Float32Array, third: Float32Array): Graph {
  const b = graphBuilder({ opset: 17 });
  b.input("x", ["batch", 2, 4, 4]);
  b.tensor("w1", floatTensor([3, 2, 3, 3], first));
  b.tensor("w2", floatTensor([4, 3, 1, 1], second));
  b.tensor("w3", floatTensor([4, 3], third));
  const one = b.node("Tanh", [
    b.node("Conv", ["x", "w1"], { name: "one", attributes: { pads: [1, 1, 1, 1] } }),
  ]);
  const two = b.node("Sigmoid", [b.node("Conv", [one, "w2"], { name: "two" })]);
  const flat = b.node("Flatten", [b.node("GlobalAveragePool", [two])]);
  b.output(b.node("MatMul", [flat, "w3"], { name: "three" }), ["batch", 3]);
  return b.graph();
}

const WEIGHTS = [normals(54), normals(12), normals(12)] as const;
const IMAGES = unnamedBatch(normals(BATCH * 32), [BATCH, 2, 4, 4], new Int32Array(BATCH));

/** Sum over the layers of the mean singular value of their outputs, by the definition. */
async function knowledge(weights: readonly Float32Array[]): Promise<number> {
  const graph = network(...(weights as [Float32Array, Float32Array, Float32Array]));
  const ids = findStructure(graph).layers.map(({ id }) => id as string);
  const values = await valuesOf(graph, ids, IMAGES);
  let sum = 0;
  for (const id of ids) {
    const data = Float64Array.from(values[id] ?? []);
    sum += mean(await singularValues(data, BATCH, data.length / BATCH, products));
  }
  return sum;
}

async function* once() {
  yield IMAGES;
}

test("the gradient of the knowledge is that of differences, weight by weight", async () => {
  const graph = network(...WEIGHTS);
  const structure = findStructure(graph);
  const { weights } = sparseWeights(structure);
  const options = { batch: BATCH, images: BATCH, labels: "self", threads: 1 } as const;
  const { signed, magnitudes } = await gradientSums(
    modelOf(graph),
    structure,
    weights,
    "knowledge",
    once(),
    options,
  );
  for (const [index, weight] of weights.entries()) {
    const found = signed.get(weight.name) ?? new Float64Array();
    const { rows, columns, rowAxis } = weight;
    for (let at = 0; at < found.length; at += 7) {
      // Matrices of products lie transposed in their tensors.
      const place = rowAxis === 0 ? at : (at % columns) * rows + Math.floor(at / columns);
      const step = 1e-2;
      const sides = [];
      for (const by of [step, -step]) {
        const moved = WEIGHTS.map((values) => values.slice());
        const own = moved[index] ?? new Float32Array();
        own[place] = (own[place] ?? 0) + by;
        sides.push(await knowledge(moved));
      }
      const slope = ((sides[0] ?? 0) - (sides[1] ?? 0)) / (2 * step);
      const wanted = slope * (floatsOf(weight.tensor)[place] ?? 0);
      expect(Math.abs((found[at] ?? 0) - wanted)).toBeLessThan(2e-3 + 2e-2 * Math.abs(wanted));
      expect(magnitudes.get(weight.name)?.[at]).toBeCloseTo(Math.abs(found[at] ?? 0), 6);
    }
  }
});

test("images that are all the same give a singular Gram matrix, and finite scores", async () => {
  const graph = network(...WEIGHTS);
  const structure = findStructure(graph);
  const { weights } = sparseWeights(structure);
  const one = normals(32);
  const same = Float32Array.from({ length: BATCH * 32 }, (_, at) => one[at % 32] ?? 0);
  async function* repeated() {
    yield unnamedBatch(same, [BATCH, 2, 4, 4], new Int32Array(BATCH));
  }
  const options = { batch: BATCH, images: BATCH, labels: "self", threads: 1 } as const;
  const { magnitudes } = await gradientSums(
    modelOf(graph),
    structure,
    weights,
    "knowledge",
    repeated(),
    options,
  );
  for (const values of magnitudes.values()) expect([...values].every(Number.isFinite)).toBe(true);
});

test("fewer images than a batch are an error", async () => {
  const graph = network(...WEIGHTS);
  const structure = findStructure(graph);
  const { weights } = sparseWeights(structure);
  const options = { batch: 9, images: 5, labels: "self", threads: 1 } as const;
  await expect(
    gradientSums(modelOf(graph), structure, weights, "labels", once(), options),
  ).rejects.toThrowError(expect.objectContaining({ code: "importance/no-images", exitCode: 3 }));
});

test("AFR standardises over all weights of all layers together", () => {
  const left = new Map([
    ["a", Float64Array.of(1, 3)],
    ["b", Float64Array.of(5)],
  ]);
  const right = new Map([
    ["a", Float64Array.of(0, 0)],
    ["b", Float64Array.of(0)],
  ]);
  const sum = standardisedSum(left, right);
  const spread = Math.sqrt(8 / 3);
  expect(sum.get("a")?.[0]).toBeCloseTo(-2 / spread, 12);
  expect(sum.get("b")?.[0]).toBeCloseTo(2 / spread, 12);
});

test("a trimmed mean leaves the extremes out", () => {
  const values = Float64Array.from({ length: 10 }, (_, at) => at);
  values[3] = 1e6;
  expect(trimmedMean(values)).toBeCloseTo((1 + 2 + 4 + 5 + 6 + 7 + 8 + 9) / 8, 9);
});

test.each(["refer", "afr"] as const)("units get scores of %s, none below zero", async (method) => {
  const graph = network(...WEIGHTS);
  const structure = findStructure(graph);
  const scored = await scoreWithData(modelOf(graph), structure, {
    ...{ method, batches: once, images: BATCH, batch: BATCH, labels: "self" },
  });
  const scores = scored.dims.flatMap(({ layers }) => layers.flatMap((layer) => layer.scores));
  expect(scores.length).toBeGreaterThan(0);
  for (const score of scores) expect(score).toBeGreaterThanOrEqual(0);
  expect(new Set(scores).size).toBeGreaterThan(2);
});
