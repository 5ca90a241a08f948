import { expect, test } from "vitest";
import { randomFrom } from "../../src/core/random.ts";
import { floatTensor } from "../../src/graph/tensor.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import { structureJson } from "../../src/structure/structure-json.ts";
import { proveSubnet } from "../../src/subnet/prove.ts";
import { randomSubnet } from "../../src/subnet/random-subnet.ts";
import { networkBuilder } from "../helpers/networks.ts";

test("where shapes begin to be unknown is named, with what lies behind and what to do; the rest is listed", () => {
  const b = networkBuilder(31);
  const x = b.input("x", ["batch", 3, 8, 8]);
  const image = b.relu(b.conv("a", x, { from: 3, to: 6, bn: false }));
  const odd = b.node("Mystery", [image], { domain: "acme", name: "odd" });
  b.output(b.relu(b.conv("b", b.relu(odd), { from: 6, to: 5, bn: false })));
  const structure = findStructure(b.graph());
  expect(structure.unknown).toHaveLength(1);
  expect(structure.unknown[0]).toMatchObject({ node: "odd_out", behind: 3 });
  expect(structure.unknown[0]?.text).toMatch(
    /Mystery 'odd': the op of the domain 'acme' is not known here and the file declares no shape .*value_info.*--bind/,
  );
  expect(structure.dims.map(({ name, size, pinned }) => [name, size, pinned])).toEqual([
    ["a", 6, "Mystery 'odd' is of the domain 'acme', whose ops are not known here"],
    ["b", 5, expect.stringMatching(/the shape of 'Relu\d_out' at Conv .* is unknown/)],
  ]);
  expect(structureJson(structure)).toMatchObject({ unknown: [{ node: "odd_out" }] });
});

test("behind an op that is not known but whose shape is declared, everything is pruned as ever", async () => {
  const b = networkBuilder(32);
  const x = b.input("x", ["batch", 3, 8, 8]);
  const image = b.relu(b.conv("a", x, { from: 3, to: 6, bn: false }));
  const odd = b.node("Trilu", [image], { domain: "com.microsoft", outputs: ["odd"] });
  b.value(odd, ["batch", 6, 8, 8]);
  const inner = b.relu(b.conv("b", odd, { from: 6, to: 5, bn: false }));
  b.output(b.conv("c", inner, { from: 5, to: 4, bn: false }));
  const graph = b.graph();
  const structure = findStructure(graph);
  expect(structure.unknown).toEqual([]);
  expect(structure.dims.map(({ name, pinned }) => [name, pinned === null])).toEqual([
    ["a", false],
    ["b", true],
    ["c", false],
  ]);
  const proof = await proveSubnet(
    modelOf(graph),
    structure,
    randomSubnet(structure, randomFrom(1)),
  );
  expect(proof.maxRelative).toBeLessThanOrEqual(1e-5);
});

test("a shape that the file declares wrongly is noted, and the network is pruned by what its nodes give", async () => {
  const b = networkBuilder(33);
  const x = b.input("x", ["batch", 3, 8, 8]);
  const image = b.relu(b.conv("a", x, { from: 3, to: 6, bn: false }));
  b.value(image, ["batch", 7, 8, 8]);
  b.output(b.conv("b", image, { from: 6, to: 4, bn: false }), ["batch", 9, 8, 8]);
  const graph = b.graph();
  const structure = findStructure(graph);
  expect(structure.notes).toHaveLength(2);
  expect(structure.notes[0]).toMatch(
    /declares '.*' as \[batch, 7, 8, 8\], but Relu .* gives \[1, 6, 8, 8\]|declares/,
  );
  const proof = await proveSubnet(
    modelOf(graph),
    structure,
    randomSubnet(structure, randomFrom(2)),
  );
  expect(proof.maxRelative).toBeLessThanOrEqual(1e-5);
});

test("open sizes that were given a length are cut, and stay open in the smaller network", async () => {
  const b = networkBuilder(34);
  const x = b.input("x", ["batch", 3, "H", "W"]);
  const image = b.relu(b.conv("a", x, { from: 3, to: 6, stride: 2, bn: false }));
  const scales = b.tensor("scales", floatTensor([4], [1, 1, 2, 2]));
  const large = b.node("Resize", [image, "", scales], { attributes: { mode: "nearest" } });
  b.output(b.conv("b", large, { from: 6, to: 4, bn: false }));
  const graph = b.graph();
  expect(() => findStructure(graph)).toThrow(/needs every extent/);
  const structure = findStructure(graph, { bind: { H: 10, W: 12 } });
  expect(structure.bind).toEqual({ H: 10, W: 12 });
  const random = randomFrom(3);
  for (let draw = 0; draw < 3; draw += 1) {
    const subnet = randomSubnet(structure, random);
    const proof = await proveSubnet(modelOf(graph), structure, subnet, { seed: draw });
    expect(proof.maxRelative).toBeLessThanOrEqual(1e-5);
  }
});

test("an op whose number of results depends on the data is named as such", () => {
  const b = networkBuilder(32);
  const x = b.relu(b.conv("a", b.input("x", [1, 3, 8, 8]), { from: 3, to: 6, bn: false }));
  const places = b.node("Transpose", [b.node("NonZero", [x])]);
  const found = b.node("Cast", [places], { attributes: { to: 1 } });
  b.output(b.node("MatMul", [found, b.weight("w", [4, 5])]), null);
  const said = findStructure(b.graph()).unknown.map(({ text }) => text);
  expect(said.join("\n")).toContain("how many results it gives depends on the data");
});
