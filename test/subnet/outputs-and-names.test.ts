import { expect, test } from "vitest";
import { randomFrom } from "../../src/core/random.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { floatTensor } from "../../src/graph/tensor.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import { cutGraph } from "../../src/subnet/cut.ts";
import { maskedGraph } from "../../src/subnet/mask.ts";
import { proveCut } from "../../src/subnet/prove.ts";
import { randomSubnet } from "../../src/subnet/random-subnet.ts";
import { keepAll } from "../../src/subnet/subnet.ts";
import { networkBuilder } from "../helpers/networks.ts";

/** One number per image; with a bound, the same for every image. */
function regression(most: number | null): Graph {
  const b = networkBuilder(6);
  const x = b.relu(b.conv("a", b.input("x", [1, 3, 6, 6]), { from: 3, to: 8, bn: false }));
  const pooled = b.node("Flatten", [b.node("GlobalAveragePool", [x])]);
  const value = b.gemm("fc", pooled, 8, 1);
  const bounds = [most ?? 0, most ?? 0].map((bound, at) =>
    b.tensor(`bound${at}`, floatTensor([], [bound])),
  );
  b.output(most === null ? value : b.node("Clip", [value, ...bounds]), [1, 1]);
  return b.graph();
}

test("an output of one number is proven where it differs from input to input, and refused where it never does", async () => {
  const prove = (graph: Graph): Promise<unknown> => {
    const structure = findStructure(graph);
    const subnet = randomSubnet(structure, randomFrom(2), { minKept: 0.5 });
    const cut = cutGraph(structure, subnet);
    return proveCut(modelOf(graph), structure, subnet, cut, { seed: 1, runs: 2 });
  };
  await expect(prove(regression(null))).resolves.toMatchObject({ maxRelative: expect.any(Number) });
  await expect(prove(regression(0.25))).rejects.toThrowError(
    expect.objectContaining({ code: "subnet/cant-prove", exitCode: 6 }),
  );
});

test("a constant that surgery makes takes no name that the network has", async () => {
  const b = networkBuilder(7);
  const x = b.relu(b.conv("a", b.input("x", ["n", 3, 6, 6]), { from: 3, to: 12, bn: false }));
  b.node("Split", [x], {
    attributes: { axis: 1, num_outputs: 2 },
    outputs: ["left", "right"],
  });
  const sum = b.node("Add", ["left", "right"]);
  // The names that the sizes of the Split would get.
  const taken = ["left_split", "left_split_2"].map((name) => b.weight(name, [6, 1, 1]));
  const scaled = taken.reduce((value, name) => b.node("Mul", [value, name]), sum);
  b.output(b.conv("c", scaled, { from: 6, to: 4, bn: false }), ["n", 4, 6, 6]);
  const graph = { ...b.graph(), opsets: new Map([["", 18]]) };
  const structure = findStructure(graph);
  const random = randomFrom(3);
  for (let draw = 0; draw < 3; draw += 1) {
    const subnet = randomSubnet(structure, random, { minKept: 0.4 });
    const cut = cutGraph(structure, subnet);
    expect([...cut.initializers.keys()]).toEqual(expect.arrayContaining(taken));
    await proveCut(modelOf(graph), structure, subnet, cut, { seed: draw, runs: 1 });
  }
});

test("a subnet of another network is not masked", () => {
  const structure = findStructure(regression(null));
  const other = { ...keepAll(structure), kept: [] };
  expect(() => maskedGraph(structure, other)).toThrowError(
    expect.objectContaining({ exitCode: expect.any(Number) }),
  );
});

test("an index that is cast and reshaped on its way stays within the table that it reads", async () => {
  const b = networkBuilder(8);
  const ids = b.input("ids", [1, 4], "int64");
  const narrow = b.node("Cast", [ids], { attributes: { to: 6 } });
  const flat = b.node("Reshape", [narrow, b.ints("flat", [4])]);
  const rows = b.node("Gather", [b.weight("table", [3, 8]), flat]);
  const hidden = b.relu(b.gemm("a", rows, 8, 16));
  b.output(b.gemm("b", hidden, 16, 4), [4, 4]);
  const graph = b.graph();
  const structure = findStructure(graph);
  const subnet = randomSubnet(structure, randomFrom(4), { minKept: 0.5 });
  const cut = cutGraph(structure, subnet);
  // A table of three rows: a random index beyond it ends the run.
  for (let seed = 0; seed < 4; seed += 1) {
    await proveCut(modelOf(graph), structure, subnet, cut, { seed, runs: 2 });
  }
});
