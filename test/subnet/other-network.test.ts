import { expect, test } from "vitest";
import type { Graph } from "../../src/graph/graph.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import { proveSubnet } from "../../src/subnet/prove.ts";
import { keepAll } from "../../src/subnet/subnet.ts";
import { parseSubnet, subnetJson } from "../../src/subnet/subnet-file.ts";
import { networkBuilder } from "../helpers/networks.ts";

function chain(stride: number): Graph {
  const b = networkBuilder(2);
  const x = b.relu(b.conv("a", b.input("x", [1, 3, 8, 8]), { from: 3, to: 8, stride }));
  b.output(b.conv("h", x, { from: 8, to: 2 }));
  return b.graph();
}

test("a subnet file of a network with the same dims and another stride is refused", () => {
  const [one, two] = [findStructure(chain(1)), findStructure(chain(2))];
  expect(two.dims.map(({ name, size }) => [name, size])).toEqual(
    one.dims.map(({ name, size }) => [name, size]),
  );
  const file = subnetJson(one, keepAll(one));
  expect(parseSubnet(file, one, "s.json").subnet).toEqual(keepAll(one));
  expect(() => parseSubnet(file, two, "s.json")).toThrow(
    expect.objectContaining({ code: "subnet/wrong-structure" }),
  );
});

test("a Transpose without perm turns the axes around, for dims and for the cut", async () => {
  const b = networkBuilder(4);
  const x = b.input("x", [8, 3]);
  const wide = b.relu(b.node("MatMul", [x, b.weight("a", [3, 8])]));
  const turned = b.node("Transpose", [wide]);
  b.output(b.node("MatMul", [b.weight("c", [4, 8]), turned]));
  const graph = b.graph();
  const structure = findStructure(graph);
  const free = structure.dims.filter(({ pinned }) => pinned === null);
  expect(free.map(({ size }) => size)).toEqual([8]);
  const kept = structure.dims.map((dim) =>
    dim.pinned === null ? [0, 2, 5] : [...Array(dim.size).keys()],
  );
  const subnet = { kept, droppedBlocks: [], droppedLayers: [] };
  const proof = await proveSubnet(modelOf(graph), structure, subnet, { runs: 1 });
  expect(proof.maxRelative).toBeLessThan(1e-5);
});
