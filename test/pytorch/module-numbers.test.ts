import { describe, expect, test } from "vitest";
import { randomFrom } from "../../src/core/random.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { readModel } from "../../src/onnx/read.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import { cutGraph } from "../../src/subnet/cut.ts";
import { randomSubnet } from "../../src/subnet/random-subnet.ts";
import { NETWORKS } from "../helpers/networks.ts";
import { OP_USES, opNetwork } from "../helpers/op-networks.ts";
import type { ModuleRun } from "../helpers/run-module.ts";
import { sharedGraph, sharedPath } from "../helpers/shared.ts";
import { torchPython } from "../helpers/torch.ts";
import { torchForTests } from "../helpers/torch-process.ts";

const python = await torchPython();
const inTorch = torchForTests(python);

function run(name: string, graph: Graph, backward = false): Promise<ModuleRun> {
  return inTorch({ name, graph, backward });
}

/** The keys of the state_dict are those written, features exist, the batch is open, and outputs agree. */
function expectSame({ found, relative }: ModuleRun): void {
  expect(found).toMatchObject({ missing: [], unexpected: [], features: [], idle: [] });
  expect(found.error).toBeUndefined();
  expect(found.batch.every((size) => size === 3)).toBe(true);
  expect(relative).toBeLessThan(1e-5);
}

function drawn(graph: Graph, seed: number): Graph {
  const structure = findStructure(graph);
  return cutGraph(structure, randomSubnet(structure, randomFrom(seed), { minKept: 0.2 }));
}

const DEFAULT = new URL("../../src/data/default/shapes-resnet.onnx", import.meta.url).pathname;

describe.skipIf(python === null)(
  "a module gives in PyTorch what the network gives in onnxruntime",
  () => {
    test.each(Object.keys(NETWORKS) as (keyof typeof NETWORKS)[])(
      "%s, dense and three random subnets, and every parameter gets a gradient",
      async (name) => {
        const graph = NETWORKS[name]();
        expectSame(await run(name, graph, true));
        for (const seed of [1, 2, 3]) expectSame(await run(name, drawn(graph, seed), true));
      },
      60_000,
    );

    test("the embedded default, dense and a random subnet", async () => {
      const { graph } = readModel(DEFAULT);
      expectSame(await run("default", graph, true));
      expectSame(await run("default", drawn(graph, 4), true));
    });

    test.each(Object.keys(OP_USES))(
      "the op of %s",
      async (name) => {
        expectSame(await run(name, opNetwork(name)));
      },
      60_000,
    );

    test
      .skipIf(sharedPath("models") === null)
      .each([
        "models/cifar10_resnet20_op13_bn.onnx",
        "models/cifar10_resnet20_op13_folded.onnx",
        "models/mnist_vit_mlde_op17.onnx",
      ])(
      "%s, dense and a random subnet",
      async (path) => {
        const graph = sharedGraph(path)?.graph;
        if (graph === undefined) throw new Error(`no ${path}`);
        expectSame(await run(path, graph));
        expectSame(await run(path, drawn(graph, 5)));
      },
      60_000,
    );
  },
);
