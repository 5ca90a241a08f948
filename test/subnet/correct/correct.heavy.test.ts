import { describe, expect, test } from "vitest";
import { randomFrom } from "../../../src/core/random.ts";
import type { Graph } from "../../../src/graph/graph.ts";
import { inferShapes } from "../../../src/graph/shapes/infer.ts";
import { floatsOf } from "../../../src/graph/tensor.ts";
import { modelOf } from "../../../src/onnx/model.ts";
import { serializeModel } from "../../../src/onnx/write.ts";
import { type SampleBatch, unnamedBatch } from "../../../src/runtime/batches.ts";
import { findStructure } from "../../../src/structure/find-structure.ts";
import type { Structure } from "../../../src/structure/structure.ts";
import { type CorrectOptions, correctSubnet } from "../../../src/subnet/correct/correct.ts";
import { planCorrection } from "../../../src/subnet/correct/plan.ts";
import { cutGraph } from "../../../src/subnet/cut.ts";
import { randomSubnet } from "../../../src/subnet/random-subnet.ts";
import { keepAll, type Subnet } from "../../../src/subnet/subnet.ts";
import { bottleneckResnet, flattenVgg, NETWORKS, slicePadResnet } from "../../helpers/networks.ts";
import { imagesOf } from "../../helpers/samples.ts";
import { sharedGraph } from "../../helpers/shared.ts";
import { apart, firstBatch, normalImages, valuesOf } from "./helpers.ts";

const QUICK: CorrectOptions = { threads: 1, positions: 24 };

function shapeOf(graph: Graph): readonly number[] {
  return (graph.inputs[0]?.shape ?? []).slice(1).map(Number);
}

function correct(
  structure: Structure,
  subnet: Subnet,
  images: AsyncIterable<SampleBatch>,
  options: CorrectOptions = {},
) {
  const { graph } = structure;
  return correctSubnet(modelOf(graph), structure, subnet, images, { ...QUICK, ...options });
}

function bytes(graph: Graph): string {
  return Buffer.concat(serializeModel(modelOf(graph))).toString("base64");
}

describe.each(Object.entries(NETWORKS))("%s", (name, build) => {
  const graph = build();
  const structure = findStructure(graph);
  const random = randomFrom(name.length);
  const subnets = [0, 1].map(() => randomSubnet(structure, random, { minKept: 0.4 }));

  test("comes closer to the dense network on images that it has not seen", async () => {
    const output = graph.outputs[0]?.name ?? "";
    const fresh = await firstBatch(normalImages(10, shapeOf(graph), 77));
    const dense = (await valuesOf(graph, [output], fresh))[output] ?? new Float32Array();
    const distance = async (each: Graph): Promise<number> => {
      const values = (await valuesOf(each, [output], fresh))[output] ?? new Float32Array();
      return apart(dense, values);
    };
    let [before, after] = [0, 0];
    for (const subnet of subnets) {
      const cut = cutGraph(structure, subnet);
      const { graph: corrected, layers } = await correct(
        structure,
        subnet,
        normalImages(60, shapeOf(graph)),
      );
      for (const layer of layers) expect(layer.after).toBeLessThanOrEqual(layer.before * 1.0001);
      const shapes = [cut, corrected].map((each) => {
        const found = inferShapes(each, { batch: 2 });
        return each.nodes.map((node) => found.resolved(node.outputs[0] ?? ""));
      });
      expect(shapes[1]).toEqual(shapes[0]);
      before += await distance(cut);
      after += await distance(corrected);
    }
    expect(after).toBeLessThan(before);
  });

  test("stays as it is where nothing is pruned", async () => {
    const whole = keepAll(structure);
    const { graph: corrected } = await correct(structure, whole, normalImages(20, shapeOf(graph)));
    const fresh = await firstBatch(normalImages(4, shapeOf(graph), 78));
    const output = graph.outputs[0]?.name ?? "";
    const [a, b] = await Promise.all(
      [graph, corrected].map((each) => valuesOf(each, [output], fresh)),
    );
    const [dense, found] = [a?.[output], b?.[output]];
    expect(apart(dense ?? new Float32Array(), found ?? new Float32Array())).toBeLessThan(1e-4);
  });
});

describe("what layers are corrected towards", () => {
  const structure = findStructure(slicePadResnet());
  const aims = (subnet: Subnet): ReadonlyMap<string, string> => {
    const options = { target: "stream", furtherLooks: 0 } as const;
    const { steps } = planCorrection(structure, subnet, cutGraph(structure, subnet), options);
    return new Map(steps.map(({ layer, wanted }) => [layer.weight, wanted]));
  };
  const [, second] = structure.blocks;

  test("the last layer of a block is corrected towards the sum, others towards their own output", () => {
    const plan = aims(keepAll(structure));
    expect(plan.get("layer0.0.conv2.weight")).toBe(structure.blocks[0]?.add);
    expect(plan.get("layer0.1.conv2.weight")).toBe(second?.add);
    expect(plan.get("fc.weight")).toBe(structure.layers.at(-1)?.id);
  });

  test("before a dropped block it is corrected towards that block's sum", () => {
    const plan = aims({ ...keepAll(structure), droppedBlocks: [1] });
    expect(plan.get("layer0.0.conv2.weight")).toBe(second?.add);
    expect(plan.has("layer0.1.conv2.weight")).toBe(false);
  });

  test("a stem before two dropped blocks is corrected towards the second one's sum", () => {
    const plan = aims({ ...keepAll(structure), droppedBlocks: [0, 1] });
    expect(plan.get("stem.weight")).toBe(second?.add);
  });

  test("a shortcut's convolution is corrected before the sum that it is part of", () => {
    const wider = findStructure(bottleneckResnet());
    const subnet = keepAll(wider);
    const { steps } = planCorrection(wider, subnet, cutGraph(wider, subnet), {
      target: "stream",
      furtherLooks: 0,
    });
    const order = steps.map(({ layer }) => layer.weight);
    expect(order.indexOf("layer1.0.downsample.weight")).toBeLessThan(
      order.indexOf("layer1.0.conv3.weight"),
    );
  });
});

describe("a correction", () => {
  const structure = findStructure(slicePadResnet());
  const shape = shapeOf(structure.graph);
  const subnet = randomSubnet(structure, randomFrom(4), { minKept: 0.5 });

  test("is the same for the same seed, whatever the labels say", async () => {
    async function* labelled() {
      for await (const batch of normalImages(40, shape))
        yield { ...batch, labels: new Int32Array(batch.size).fill(3) };
    }
    const [one, two, three] = [
      await correct(structure, subnet, normalImages(40, shape), { seed: 5 }),
      await correct(structure, subnet, labelled(), { seed: 5 }),
      await correct(structure, subnet, normalImages(40, shape), { seed: 6 }),
    ];
    expect(bytes(one.graph)).toBe(bytes(two.graph));
    expect(bytes(one.graph)).not.toBe(bytes(three.graph));
  });

  test("works on a single image, though no layer has enough samples", async () => {
    const { graph, images } = await correct(structure, subnet, normalImages(1, shape));
    expect(images).toBe(1);
    for (const tensor of graph.initializers.values()) {
      if (tensor.type === "float32") expect(floatsOf(tensor).every(Number.isFinite)).toBe(true);
    }
  });

  test("uses fewer images where their values would not fit", async () => {
    const notes: string[] = [];
    const { images } = await correct(structure, subnet, normalImages(40, shape), {
      images: 40,
      memoryBytes: 300_000,
      progress: { step: () => {}, note: (line) => notes.push(line) },
    });
    expect(images).toBeGreaterThan(0);
    expect(images).toBeLessThan(40);
    expect(notes[0]).toContain(`${images} are used`);
  });

  test("takes statistics again: what comes into each BatchNormalization has the mean and variance that it says", async () => {
    const { graph, renewed } = await correct(structure, subnet, normalImages(30, shape), {
      method: "bn",
    });
    const norms = graph.nodes.filter((node) => node.opType === "BatchNormalization");
    expect(renewed).toBe(norms.length);
    const whole: number[] = [];
    for await (const part of normalImages(30, shape)) whole.push(...imagesOf(part).data);
    const batch = unnamedBatch(Float32Array.from(whole), [30, ...shape], new Int32Array(30));
    const names = norms.map((node) => node.inputs[0] ?? "");
    const values = await valuesOf(graph, names, batch);
    for (const norm of norms) {
      const data = values[norm.inputs[0] ?? ""] ?? new Float32Array();
      const [mean, variance] = [3, 4].map((at) => {
        const tensor = graph.initializers.get(norm.inputs[at] ?? "");
        return tensor === undefined ? new Float32Array() : floatsOf(tensor);
      });
      const channels = mean?.length ?? 0;
      const run = data.length / 30 / channels;
      for (let channel = 0; channel < channels; channel += 1) {
        const own = data.filter((_, index) => Math.floor(index / run) % channels === channel);
        const average = own.reduce((a, b) => a + b, 0) / own.length;
        const spread = own.reduce((sum, value) => sum + (value - average) ** 2, 0) / own.length;
        expect(average).toBeCloseTo(mean?.[channel] ?? Number.NaN, 3);
        expect(spread / (variance?.[channel] ?? Number.NaN)).toBeCloseTo(1, 2);
      }
    }
  });
});

describe("a correction is refused", () => {
  const structure = findStructure(flattenVgg());
  const shape = shapeOf(structure.graph);
  const subnet = keepAll(structure);
  async function* spoilt() {
    for await (const batch of normalImages(20, shape)) {
      imagesOf(batch).data.fill(Number.NaN, -1);
      yield batch;
    }
  }
  const aborted = new AbortController();
  aborted.abort();
  const cases: readonly (readonly [string, AsyncIterable<SampleBatch>, CorrectOptions, string])[] =
    [
      ["without images", normalImages(0, shape), {}, "correct/no-images"],
      ["on images of another size", normalImages(5, [3, 9, 9]), {}, "data/shape-mismatch"],
      ["on an image that holds no number", spoilt(), {}, "correct/bad-image"],
      [
        "when it is interrupted",
        normalImages(5, shape),
        { signal: aborted.signal },
        "correct/interrupted",
      ],
    ];
  test.each(cases)("%s", async (_, images, options, code) => {
    await expect(correct(structure, subnet, images, options)).rejects.toMatchObject({ code });
  });

  test("where statistics are asked of a network that has none", async () => {
    const initializers = new Map(structure.graph.initializers);
    const nodes = structure.graph.nodes.filter(({ opType }) => opType !== "BatchNormalization");
    const renamed = nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map((name) => {
        const norm = structure.graph.nodes.find(
          ({ opType, outputs }) => opType === "BatchNormalization" && outputs.includes(name),
        );
        return norm?.inputs[0] ?? name;
      }),
    }));
    const plain = findStructure({ ...structure.graph, nodes: renamed, initializers });
    const run = correct(plain, keepAll(plain), normalImages(5, shape), { method: "bn" });
    await expect(run).rejects.toMatchObject({ code: "correct/nothing" });
  });
});

const vit = sharedGraph("models/mnist_vit_mlde_op17.onnx");
test.skipIf(vit === null)(
  "a transformer's matrices come closer to the dense ones too (mnist_vit)",
  async () => {
    if (vit === null) return;
    const structure = findStructure(vit.graph);
    const subnet = randomSubnet(structure, randomFrom(1), { minKept: 0.6, dropBlocks: 0 });
    const shape = (structure.shapes.of(vit.graph.inputs[0]?.name ?? "") ?? []).slice(1);
    const { layers } = await correctSubnet(vit, structure, subnet, normalImages(60, shape), QUICK);
    expect(layers.length).toBeGreaterThan(6);
    const sum = (key: "before" | "after"): number =>
      layers.reduce((total, layer) => total + layer[key], 0);
    expect(sum("after")).toBeLessThan(sum("before"));
  },
);
