import { describe, expect, test } from "vitest";
import { randomFrom } from "../../src/core/random.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { macCount, parameterCount } from "../../src/structure/counts.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import { cutGraph } from "../../src/subnet/cut.ts";
import { proveCut, proveSubnet } from "../../src/subnet/prove.ts";
import { randomSubnet } from "../../src/subnet/random-subnet.ts";
import { keepAll, type Subnet, unitCounts } from "../../src/subnet/subnet.ts";
import { NETWORKS } from "../helpers/networks.ts";

const SEED = 20;
const cases = Object.entries(NETWORKS).map(([name, make]) => ({ name, graph: make() }));

function kept(subnet: Subnet): Parameters<typeof parameterCount>[1] {
  return { ...subnet, units: unitCounts(subnet) };
}

describe.each(cases)("surgery on $name", ({ graph }) => {
  const model = modelOf(graph);
  const structure = findStructure(graph);

  test("keeping everything gives the same graph, and the same bits", async () => {
    expect(cutGraph(structure, keepAll(structure))).toBe(graph);
    const proof = await proveSubnet(model, structure, keepAll(structure), { runs: 1 });
    expect(proof.identical).toBe(true);
  });

  test(`20 random subnets equal the masked original (seed ${SEED})`, async () => {
    const random = randomFrom(SEED);
    for (let draw = 0; draw < 20; draw += 1) {
      const subnet = randomSubnet(structure, random, { minKept: 0.2 });
      const proof = await proveSubnet(model, structure, subnet, { seed: draw, runs: 1 });
      expect(proof.maxRelative).toBeLessThanOrEqual(1e-5);
    }
  });

  test("the smallest subnet equals the masked original", async () => {
    const kept = structure.dims.map((dim) =>
      dim.pinned === null ? [dim.size - 1] : (keepAll(structure).kept[dim.index]?.slice() ?? []),
    );
    const subnet = { kept, droppedBlocks: [], droppedLayers: [] };
    const proof = await proveSubnet(model, structure, subnet, { runs: 1 });
    expect(proof.maxRelative).toBeLessThanOrEqual(1e-5);
  });

  test("what is counted before surgery is found after it", () => {
    const random = randomFrom(SEED + 1);
    for (let draw = 0; draw < 5; draw += 1) {
      const subnet = randomSubnet(structure, random, { minKept: 0.2 });
      const cut = findStructure(cutGraph(structure, subnet));
      expect(parameterCount(cut)).toBe(parameterCount(structure, kept(subnet)));
      expect(macCount(cut)).toBe(macCount(structure, kept(subnet)));
    }
  });
});

test("a smaller network with two channels of a weight swapped does not pass the proof", async () => {
  const graph = NETWORKS.bottleneckResnet();
  const structure = findStructure(graph);
  const subnet = randomSubnet(structure, randomFrom(SEED), {
    minKept: 0.5,
    dropBlocks: 0,
    dropLayers: 0,
  });
  const cut = cutGraph(structure, subnet);
  await expect(
    proveCut(modelOf(graph), structure, subnet, swapped(cut, "layer1.1.conv2.weight"), { runs: 1 }),
  ).rejects.toMatchObject({ code: "subnet/proof-failed" });
});

function swapped(graph: Graph, name: string): Graph {
  const tensor = graph.initializers.get(name);
  if (tensor === undefined) return graph;
  const row = tensor.byteLength / (tensor.shape[0] ?? 1);
  const bytes = tensor.bytes().slice();
  bytes.copyWithin(0, row, 2 * row);
  bytes.set(tensor.bytes().subarray(0, row), row);
  const initializers = new Map(graph.initializers).set(name, { ...tensor, bytes: () => bytes });
  return { ...graph, initializers };
}
