import { expect, test } from "vitest";
import { randomFrom } from "../../src/core/random.ts";
import { graphBuilder } from "../../src/graph/build.ts";
import { weightsAsInitializers } from "../../src/graph/constants.ts";
import { floatsOf, floatTensor } from "../../src/graph/tensor.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { compareOutputs } from "../../src/runtime/compare.ts";
import { randomFeeds } from "../../src/runtime/feeds.ts";
import { openSession } from "../../src/runtime/session.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import { cutGraph } from "../../src/subnet/cut.ts";
import { randomSubnet } from "../../src/subnet/random-subnet.ts";
import { randomWeights } from "../../src/training/initialise.ts";
import { gather, layOut, scatter, trainableParameters } from "../../src/training/parameters.ts";
import { applyMask, keptWeights } from "../../src/training/soft-mask.ts";
import { NETWORKS } from "../helpers/networks.ts";
import { bytesOfModel } from "../helpers/ort.ts";
import { tinyNetwork } from "./images.ts";

test("weights, norms and biases are trained, only weights are decayed, statistics are left alone", () => {
  const graph = tinyNetwork();
  const found = trainableParameters(graph, [graph.outputs[0]?.name ?? ""]);
  const names = found.map(({ name }) => name);
  expect(names).toContain("stem.bn.weight");
  expect(names.some((name) => name.includes("running"))).toBe(false);
  const decayed = found.filter(({ decay }) => decay).map(({ name }) => name);
  expect(decayed).toEqual([
    "stem.weight",
    "inner.weight",
    "outer.weight",
    "fc1.weight",
    "fc2.weight",
  ]);
});

test("what prepares images, bounds, masks and weights that no trained value depends on are constants", () => {
  const b = graphBuilder();
  const tensor = (name: string, shape: readonly number[], value: number): string =>
    b.tensor(
      name,
      floatTensor(shape, new Float32Array(shape.reduce((a, c) => a * c, 1)).fill(value)),
    );
  const x = b.node("Mul", [b.input("x", ["batch", 4]), tensor("scale", [4], 2)]);
  const hidden = b.node("MatMul", [x, tensor("weight", [4, 4], 1)]);
  const shifted = b.node("Add", [hidden, tensor("bias", [4], 0)]);
  const mask = b.tensor("mask", floatTensor([2, 4], [0, 0, 0, -1e9, 0, 0, -1e9, -1e9]));
  const masked = b.node("Add", [shifted, mask]);
  b.output(
    b.node("Clip", [masked, tensor("low", [], 0), tensor("high", [], 6)], { outputs: ["y"] }),
  );
  b.output(b.node("MatMul", [x, tensor("other", [4, 2], 1)]));
  expect(trainableParameters(b.graph(), ["y"]).map(({ name }) => name)).toEqual(["weight", "bias"]);
});

test("tensors that are gathered and scattered are the same again", () => {
  const graph = tinyNetwork();
  const layout = layOut(trainableParameters(graph, [graph.outputs[0]?.name ?? ""]));
  const again = scatter(graph, layout, gather(graph, layout));
  for (const [name, tensor] of graph.initializers) {
    expect(again.initializers.get(name)?.bytes(), name).toEqual(tensor.bytes());
  }
});

test("random weights are He's for convolutions, quiet at the ends of branches, and repeat by their seed", () => {
  const graph = tinyNetwork({ width: 64 });
  const drawn = randomWeights(graph, 3);
  const values = (name: string): Float32Array => {
    const tensor = drawn.initializers.get(name);
    return tensor === undefined ? new Float32Array(0) : floatsOf(tensor);
  };
  const inner = values("inner.weight");
  const variance = inner.reduce((sum, value) => sum + value * value, 0) / inner.length;
  expect(variance / (2 / (8 * 9))).toBeCloseTo(1, 1);
  expect(new Set(values("inner.bn.weight"))).toEqual(new Set([1]));
  expect(new Set(values("outer.bn.weight"))).toEqual(new Set([Math.fround(0.2)]));
  expect(new Set(values("fc1.bias"))).toEqual(new Set([0]));
  expect(bytesOfModel(modelOf(randomWeights(graph, 3)))).toEqual(bytesOfModel(modelOf(drawn)));
  expect(bytesOfModel(modelOf(randomWeights(graph, 4)))).not.toEqual(bytesOfModel(modelOf(drawn)));
});

test.each([
  ["bottleneckResnet", 5],
  ["groupedResidual", 6],
  ["channelShuffle", 7],
] as const)(
  "%s with the weights outside of a subnet at zero computes what the cut network computes",
  async (name, seed) => {
    const graph = weightsAsInitializers(NETWORKS[name]());
    const structure = findStructure(graph);
    const subnet = { ...randomSubnet(structure, randomFrom(seed)), droppedLayers: [] };
    const layout = layOut(
      trainableParameters(
        graph,
        graph.outputs.map((output) => output.name),
      ),
    );
    const weights = gather(graph, layout);
    applyMask(weights, keptWeights(structure, subnet, layout));
    const sessions = await Promise.all(
      [scatter(graph, layout, weights), cutGraph(structure, subnet)].map((each) =>
        openSession(bytesOfModel(modelOf(each))),
      ),
    );
    const [soft, cut] = await Promise.all(
      sessions.map((session) => session.run(randomFeeds(session.inputs, { batch: 2, seed: 1 }))),
    );
    if (soft === undefined || cut === undefined) throw new Error("no outputs");
    expect(compareOutputs(cut, soft).maxRelative).toBeLessThan(1e-5);
    for (const session of sessions) await session.close();
  },
);
