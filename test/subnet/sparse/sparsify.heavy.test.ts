import { describe, expect, test } from "vitest";
import { floatsOf, floatTensor } from "../../../src/graph/tensor.ts";
import { scoreOf } from "../../../src/importance/sparse/scores.ts";
import { modelOf, withGraph } from "../../../src/onnx/model.ts";
import { serializeModel } from "../../../src/onnx/write.ts";
import { unnamedBatch } from "../../../src/runtime/batches.ts";
import { findStructure } from "../../../src/structure/find-structure.ts";
import { openProducts } from "../../../src/subnet/correct/products.ts";
import { applyMasks } from "../../../src/subnet/sparse/mask.ts";
import { proveSparse } from "../../../src/subnet/sparse/prove.ts";
import type { ScoreOf } from "../../../src/subnet/sparse/search.ts";
import { maskNetwork, sparsifyNetwork } from "../../../src/subnet/sparse/sparsify.ts";
import { sparseWeights, weightCount } from "../../../src/subnet/sparse/weights.ts";
import { keepAll } from "../../../src/subnet/subnet.ts";
import { NETWORKS } from "../../helpers/networks.ts";
import { apart, firstBatch, normalImages, valuesOf } from "../correct/helpers.ts";

const byMagnitude: ScoreOf = (_, values) => Float64Array.from(values, Math.abs);

describe.each(Object.entries(NETWORKS))("%s", (_name, build) => {
  const graph = build();
  const structure = findStructure(graph);
  const { weights } = sparseWeights(structure);
  const choices = weights.map((weight) => ({
    ...{ weight, kept: Math.ceil(0.5 * weightCount(weight)) },
    pattern: { kind: "none" } as const,
  }));
  const shape = (graph.inputs[0]?.shape ?? []).slice(1).map(Number);
  const model = modelOf(graph);

  test("without repair, a score that reads moments is given them, and what stays keeps its value", async () => {
    const read = new Set<string>();
    const byInputs: ScoreOf = (weight, values, moments) => {
      if (moments !== null) read.add(weight.name);
      // The contrary of magnitude, so that a fall back to it would be seen.
      return Float64Array.from(values, (value) =>
        moments === null ? Math.abs(value) : -Math.abs(value),
      );
    };
    const images = normalImages(20, shape);
    const options = { scoreOf: byInputs, threads: 1, positions: 24, repairs: false };
    const whole = keepAll(structure);
    const made = await sparsifyNetwork(model, structure, whole, choices, images, options);
    expect(read.size).toBeGreaterThan(0);
    for (const { weight } of choices) {
      const before = floatsOf(weight.tensor);
      const after = floatsOf(made.graph.initializers.get(weight.name) ?? weight.tensor);
      for (const [index, value] of before.entries()) expect([0, value]).toContain(after[index]);
      if (!read.has(weight.name)) continue;
      const kept = [...after].filter((value) => value !== 0).map(Math.abs);
      const gone = [...before].filter((_, index) => after[index] === 0).map(Math.abs);
      expect(Math.max(...kept)).toBeLessThanOrEqual(Math.min(...gone) + 1e-12);
    }
  });

  test("fitted zeros come closer to the dense network than zeros alone, on images that were not seen, and are proven", async () => {
    const straight = await maskNetwork(graph, choices, byMagnitude);
    const images = normalImages(300, shape);
    const options = { scoreOf: byMagnitude, threads: 1, positions: 24 };
    const fitted = await sparsifyNetwork(
      model,
      structure,
      keepAll(structure),
      choices,
      images,
      options,
    );
    const output = graph.outputs[0]?.name ?? "";
    const fresh = await firstBatch(normalImages(10, shape, 77));
    const [dense, before, after] = await Promise.all(
      [graph, straight.graph, fitted.graph].map(
        async (each) => (await valuesOf(each, [output], fresh))[output] ?? new Float32Array(),
      ),
    );
    const distance = (values: Float32Array | undefined): number =>
      apart(dense ?? new Float32Array(), values ?? new Float32Array());
    expect(distance(after)).toBeLessThan(distance(before));
    for (const { weight, kept } of choices) {
      const tensor = fitted.graph.initializers.get(weight.name);
      const nonzeros = [...floatsOf(tensor ?? floatTensor([], [0]))].filter((value) => value !== 0);
      expect(nonzeros.length).toBeLessThanOrEqual(kept);
    }
    const file = Buffer.concat(serializeModel(withGraph(model, fitted.graph)));
    const proof = await proveSparse(
      ...([
        model,
        file,
        fitted.graph,
        graph.initializers,
        weights,
        fitted.masks,
        structure,
      ] as const),
      { seed: 1, runs: 1 },
    );
    expect(proof.maxRelative).toBeLessThanOrEqual(1e-5);
    expect(proof.zeros).toBe(
      choices.reduce((sum, { weight, kept }) => sum + weightCount(weight) - kept, 0),
    );
  });
});

test.each([
  ["few", 6, true],
  ["many", 300, false],
] as const)(
  "a layer that keeps all weights and sees %s samples per input",
  async (_name, count, stays) => {
    const graph = NETWORKS.flattenVgg();
    const structure = findStructure(graph);
    const shape = (graph.inputs[0]?.shape ?? []).slice(1).map(Number);
    const { weights } = sparseWeights(structure);
    const last = weights.at(-1);
    if (last === undefined) throw new Error("no weights");
    const choices = weights.slice(0, -1).map((weight) => ({
      ...{ weight, kept: Math.ceil(0.5 * weightCount(weight)), pattern: { kind: "none" } as const },
    }));
    const options = { scoreOf: byMagnitude, threads: 1 };
    const images = normalImages(count, shape);
    const whole = keepAll(structure);
    const made = await sparsifyNetwork(
      ...([modelOf(graph), structure, whole, choices, images, options] as const),
    );
    const after = floatsOf(made.graph.initializers.get(last.name) ?? last.tensor);
    const isSame = [...floatsOf(last.tensor)].every((value, at) => value === after[at]);
    expect(isSame).toBe(stays);
  },
);

test.each(["magnitude", "wanda", "obs"] as const)(
  "images that are all the same have a singular Gram matrix: scored by %s, all numbers stay finite and the share is met",
  async (score) => {
    const graph = NETWORKS.flattenVgg();
    const structure = findStructure(graph);
    const shape = (graph.inputs[0]?.shape ?? []).slice(1).map(Number);
    const values = new Float32Array(shape.reduce((product, extent) => product * extent, 12)).fill(
      1,
    );
    async function* same() {
      yield unnamedBatch(values, [12, ...shape], new Int32Array(12).fill(-1));
    }
    const pattern = { kind: "none" } as const;
    const choices = sparseWeights(structure).weights.map((weight) => ({
      ...{ weight, pattern, kept: Math.ceil(0.4 * weightCount(weight)) },
    }));
    const products = await openProducts(1);
    try {
      const options = { scoreOf: scoreOf(score, products), threads: 1, rounds: 2, ridge: 0 };
      const whole = keepAll(structure);
      const made = await sparsifyNetwork(
        ...([modelOf(graph), structure, whole, choices, same(), options] as const),
      );
      expect(made.layers.some(({ ridge }) => ridge > 0)).toBe(true);
      for (const { weight, kept } of choices) {
        const found = [...floatsOf(made.graph.initializers.get(weight.name) ?? weight.tensor)];
        expect(found.every(Number.isFinite)).toBe(true);
        expect(found.filter((value) => value !== 0).length).toBeLessThanOrEqual(kept);
      }
    } finally {
      await products.close();
    }
  },
);

describe("a proof fails", () => {
  const graph = NETWORKS.flattenVgg();
  const structure = findStructure(graph);
  const { weights } = sparseWeights(structure);
  const model = modelOf(graph);
  const [weight] = weights;
  if (weight === undefined) throw new Error("no weight");
  const mask = Uint8Array.from({ length: weightCount(weight) }, (_, at) => at % 2);
  const masks = new Map([[weight.name, mask]]);
  const sparse = applyMasks(graph, weights, masks);
  const prove = (written: typeof graph, computed: typeof graph) =>
    proveSparse(
      ...([model, Buffer.concat(serializeModel(withGraph(model, written))), computed] as const),
      ...([graph.initializers, weights, masks, structure, { seed: 1, runs: 1 }] as const),
    );
  const changed = (at: number, value: number) => {
    const tensor = sparse.initializers.get(weight.name);
    const values = Float32Array.from(floatsOf(tensor ?? floatTensor([], [0])));
    values[at] = value;
    const initializers = new Map(sparse.initializers);
    initializers.set(weight.name, floatTensor(tensor?.shape ?? [], values));
    return { ...sparse, initializers };
  };

  test("for nothing that is as it should be", async () => {
    expect((await prove(sparse, sparse)).identical).toBe(true);
  });
  test("where one element is not zero that its mask removes", async () => {
    const sabotaged = changed(0, 1e-6);
    await expect(prove(sabotaged, sabotaged)).rejects.toThrowError(
      expect.objectContaining({ code: "sparsify/not-zero", exitCode: 6 }),
    );
  });
  test("where a kept element comes back otherwise", async () => {
    await expect(prove(changed(1, 0.123), sparse)).rejects.toThrowError(
      expect.objectContaining({ code: "sparsify/not-as-computed", exitCode: 6 }),
    );
  });
  test("where a constant is missing", async () => {
    const initializers = new Map(sparse.initializers);
    initializers.set("extra", floatTensor([1], [1]));
    await expect(prove(sparse, { ...sparse, initializers })).rejects.toThrowError(
      expect.objectContaining({ code: "sparsify/not-as-computed" }),
    );
  });
  test("where the network itself is another", async () => {
    const nodes = sparse.nodes.map((node) =>
      node.opType === "Relu" ? { ...node, opType: "Tanh" } : node,
    );
    await expect(prove({ ...sparse, nodes }, sparse)).rejects.toThrowError(
      expect.objectContaining({ code: "sparsify/outputs-differ", exitCode: 6 }),
    );
  });
});
