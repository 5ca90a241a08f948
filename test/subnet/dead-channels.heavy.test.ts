import { describe, expect, test } from "vitest";
import type { Graph, Tensor } from "../../src/graph/graph.ts";
import { zeroAlong } from "../../src/graph/slice-tensor.ts";
import { producerOf } from "../../src/graph/traversal.ts";
import { modelOf, withGraph } from "../../src/onnx/model.ts";
import { serializeModel } from "../../src/onnx/write.ts";
import { compareOutputs } from "../../src/runtime/compare.ts";
import { randomFeeds } from "../../src/runtime/feeds.ts";
import { openSession } from "../../src/runtime/session.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import type { Dim, Structure } from "../../src/structure/structure.ts";
import { cutGraph } from "../../src/subnet/cut.ts";
import { keepAll } from "../../src/subnet/subnet.ts";
import { slicePadResnet } from "../helpers/networks.ts";
import { sharedGraph } from "../helpers/shared.ts";

/** Makes one unit of a dim dead: every layer that produces it, with its bias and BatchNormalization, gives zero there. */
function withDeadUnit(structure: Structure, dim: Dim, unit: number): Graph {
  const { graph } = structure;
  const initializers = new Map<string, Tensor>(graph.initializers);
  const silence = (name: string | undefined, axis: number): void => {
    const tensor = name === undefined ? undefined : initializers.get(name);
    const units = structure.axis(name ?? "", axis)?.levels[0];
    if (name === undefined || tensor === undefined || units === undefined) return;
    const dead = [...units.units.keys()].filter(
      (index) => units.dims[index] === dim.index && units.units[index] === unit,
    );
    initializers.set(name, zeroAlong(tensor, axis, dead));
  };
  for (const layer of structure.layers.filter((layer) => dim.producers.includes(layer.id))) {
    silence(layer.weight.name, layer.weight.outputAxis);
    silence(producerOf(graph).get(layer.id)?.inputs[2], 0);
    const norm = producerOf(graph).get(layer.normalisation ?? "");
    for (const parameter of norm?.inputs.slice(1, 3) ?? []) silence(parameter, 0);
  }
  return { ...graph, initializers };
}

async function relativeDifference(left: Graph, right: Graph): Promise<number> {
  const outputs = [];
  for (const graph of [left, right]) {
    const model = withGraph(modelOf(graph), graph);
    const session = await openSession(Buffer.concat(serializeModel(model)), {
      optimisation: "disabled",
    });
    outputs.push(await session.run(randomFeeds(session.inputs, { seed: 3, batch: 2 })));
    await session.close();
  }
  const [first, second] = outputs;
  if (first === undefined || second === undefined) throw new Error("nothing was run");
  return compareOutputs(first, second).maxRelative;
}

const networks = {
  "the small slice-and-pad ResNet": slicePadResnet(),
  "CIFAR ResNet-20 (skipped without ../shared)": sharedGraph("models/cifar10_resnet20_op13_bn.onnx")
    ?.graph,
  "CIFAR ResNet-20 folded (skipped without ../shared)": sharedGraph(
    "models/cifar10_resnet20_op13_folded.onnx",
  )?.graph,
  "CIFAR ResNet-56 (skipped without ../shared)": sharedGraph("models/cifar10_resnet56_op13_bn.onnx")
    ?.graph,
  "CIFAR ResNet-56 folded (skipped without ../shared)": sharedGraph(
    "models/cifar10_resnet56_op13_folded.onnx",
  )?.graph,
};

describe.each(Object.entries(networks))("%s", (_name, graph) => {
  test.skipIf(graph === undefined)(
    "removing a dead channel changes nothing, in any dim",
    async () => {
      if (graph === undefined) return;
      const structure = findStructure(graph);
      const prunable = structure.dims.filter((dim) => dim.pinned === null);
      const step = Math.ceil(prunable.length / 10);
      for (const dim of prunable.filter((_, index) => index % step === 0)) {
        const unit = Math.floor(dim.size / 3);
        const dead = withDeadUnit(structure, dim, unit);
        const kept = keepAll(structure).kept.map((units, index) =>
          index === dim.index ? units.filter((other) => other !== unit) : units,
        );
        const subnet = { kept, droppedBlocks: [], droppedLayers: [] };
        const smaller = cutGraph(findStructure(dead), subnet);
        expect(await relativeDifference(dead, smaller)).toBeLessThanOrEqual(1e-5);
      }
    },
  );
});
