import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { randomFrom } from "../../src/core/random.ts";
import { sliceTensor } from "../../src/graph/slice-tensor.ts";
import { floatsOf, floatTensor } from "../../src/graph/tensor.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import type { Structure } from "../../src/structure/structure.ts";
import { cutGraph } from "../../src/subnet/cut.ts";
import { dropParts } from "../../src/subnet/drop.ts";
import { proveSubnet } from "../../src/subnet/prove.ts";
import { randomSubnet } from "../../src/subnet/random-subnet.ts";
import { checkSubnet, keepAll, type Subnet } from "../../src/subnet/subnet.ts";
import { parseSubnet, rangesOf, subnetJson } from "../../src/subnet/subnet-file.ts";
import {
  bottleneckResnet,
  flattenVgg,
  networkBuilder,
  slicePadResnet,
} from "../helpers/networks.ts";

const vgg = findStructure(flattenVgg());
const resnet = findStructure(slicePadResnet());

function withKept(structure: Structure, dim: number, units: readonly number[]): Subnet {
  const { kept } = keepAll(structure);
  return { ...keepAll(structure), kept: kept.map((all, index) => (index === dim ? units : all)) };
}

function refusal(structure: Structure, subnet: Subnet): unknown {
  try {
    checkSubnet(structure, subnet);
    return null;
  } catch (error) {
    return error;
  }
}

describe("a subnet is refused", () => {
  const pinned = vgg.dims.findIndex((dim) => dim.pinned !== null);
  const cases: readonly (readonly [string, Subnet, string])[] = [
    ["with units out of order", withKept(vgg, 0, [2, 1]), "subnet/bad-units"],
    ["with a unit that isn't there", withKept(vgg, 0, [0, 8]), "subnet/bad-units"],
    ["with an empty dim", withKept(vgg, 0, []), "subnet/empty-dim"],
    ["with a pinned dim pruned", withKept(vgg, pinned, [0, 1]), "subnet/pinned-dim"],
    ["of another network", { ...keepAll(vgg), kept: [] }, "subnet/wrong-structure"],
    [
      "that drops a layer that must stay",
      { ...keepAll(vgg), droppedLayers: [0] },
      "subnet/bad-drop",
    ],
    [
      "that drops a block that isn't there",
      { ...keepAll(vgg), droppedBlocks: [0] },
      "subnet/bad-units",
    ],
    [
      "that drops a layer with different units on its sides",
      { ...withKept(vgg, 0, [0, 1]), droppedLayers: [1] },
      "subnet/untied",
    ],
  ];
  test.each(cases)("%s", (_name, subnet, code) => {
    expect(refusal(vgg, subnet)).toMatchObject({ code });
  });

  test("but an empty dim inside a dropped block is fine", () => {
    const dim = resnet.dims.findIndex((candidate) => candidate.block === 0);
    const subnet = { ...withKept(resnet, dim, []), droppedBlocks: [0] };
    expect(refusal(resnet, subnet)).toBeNull();
    expect(refusal(resnet, { ...subnet, droppedBlocks: [] })).toMatchObject({
      code: "subnet/empty-dim",
    });
  });
});

describe("dropping", () => {
  test("a block leaves its shortcut, and the Relu behind it is not doubled", () => {
    const graph = dropParts(resnet, { ...keepAll(resnet), droppedBlocks: [0] });
    const count = (type: string, nodes = graph.nodes): number =>
      nodes.filter((node) => node.opType === type).length;
    expect(count("Add")).toBe(count("Add", resnet.graph.nodes) - 1);
    expect(count("Conv")).toBe(count("Conv", resnet.graph.nodes) - 2);
    // The Relu inside the branch goes, and of the two around the Add one.
    expect(count("Relu")).toBe(count("Relu", resnet.graph.nodes) - 2);
  });

  test("a block whose Add is the network's output keeps the output's name", async () => {
    const b = networkBuilder(3);
    const x = b.conv("stem", b.input("x", ["batch", 3, 4, 4]), { from: 3, to: 4 });
    b.output(b.add("block", b.conv("a", x, { from: 4, to: 4 }), x));
    const graph = b.graph();
    const structure = findStructure(graph);
    const subnet = { ...keepAll(structure), droppedBlocks: [0] };
    const cut = cutGraph(structure, subnet);
    expect(cut.outputs).toEqual(graph.outputs);
    expect(cut.nodes.map((node) => node.opType)).toEqual([
      "Conv",
      "BatchNormalization",
      "Identity",
    ]);
    const proof = await proveSubnet(modelOf(graph), structure, subnet);
    expect(proof.maxRelative).toBeLessThanOrEqual(1e-5);
  });

  test("every block and every layer on its own equals the masked original", async () => {
    for (const graph of [bottleneckResnet(), slicePadResnet(), flattenVgg()]) {
      const structure = findStructure(graph);
      const alone = [
        ...structure.blocks.map((block) => ({ droppedBlocks: [block.index], droppedLayers: [] })),
        ...structure.layers.flatMap((layer) =>
          layer.drop === null ? [] : [{ droppedBlocks: [], droppedLayers: [layer.index] }],
        ),
        { droppedBlocks: structure.blocks.map((block) => block.index), droppedLayers: [] },
      ];
      for (const dropped of alone) {
        const subnet = { ...keepAll(structure), ...dropped };
        const proof = await proveSubnet(modelOf(graph), structure, subnet, { runs: 1 });
        expect(proof.maxRelative).toBeLessThanOrEqual(1e-5);
      }
    }
  });
});

describe("slicing", () => {
  test("takes what indexing element by element takes, for any shape and element size", () => {
    const shapes = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(shapes, fc.infiniteStream(fc.nat()), fc.boolean(), (shape, draws, wide) => {
        const draw = (bound: number): number => (draws.next().value ?? 0) % bound;
        const total = shape.reduce((a, b) => a * b, 1);
        const selection = shape.map((extent) =>
          draw(3) === 0
            ? null
            : Array.from({ length: extent }, (_, i) => i).filter(() => draw(2) === 0),
        );
        const values = Array.from({ length: total }, (_, i) => i);
        const data = wide ? Float64Array.from(values) : Uint16Array.from(values);
        const bytes = new Uint8Array(data.buffer);
        const tensor = {
          type: wide ? ("float64" as const) : ("float16" as const),
          shape,
          byteLength: bytes.byteLength,
          bytes: () => bytes,
        };
        const sliced = sliceTensor(tensor, selection);
        const found = sliced.bytes().slice().buffer;
        const elements = wide ? new Float64Array(found) : new Uint16Array(found);
        expect([...elements]).toEqual(pick(shape, selection));
        expect(sliced.byteLength).toBe(elements.byteLength);
      }),
      { seed: 11, numRuns: 200 },
    );
  });

  test("leaves the tensor itself alone", () => {
    const tensor = floatTensor([2, 2], [1, 2, 3, 4]);
    expect([...floatsOf(sliceTensor(tensor, [null, [1]]))]).toEqual([2, 4]);
    expect([...floatsOf(tensor)]).toEqual([1, 2, 3, 4]);
    expect(sliceTensor(tensor, [null, null])).toBe(tensor);
  });
});

/** Flat indices of the selected elements, by going through all index tuples. */
function pick(
  shape: readonly number[],
  selection: readonly (readonly number[] | null)[],
): number[] {
  return shape.reduce<number[]>(
    (bases, extent, axis) =>
      bases.flatMap((base) =>
        (selection[axis] ?? Array.from({ length: extent }, (_, i) => i)).map(
          (i) => base * extent + i,
        ),
      ),
    [0],
  );
}

describe("a subnet file", () => {
  test("gives back the subnet and the notes that were written", () => {
    const random = randomFrom(5);
    for (let draw = 0; draw < 20; draw += 1) {
      const subnet = randomSubnet(resnet, random);
      const notes = {
        networkHash: "abc",
        prediction: { latencyMs: 1.5 },
        solve: { status: "optimal" },
      };
      const text = JSON.stringify(subnetJson(resnet, subnet, notes));
      expect(parseSubnet(JSON.parse(text), resnet, "s.json")).toEqual({ subnet, notes });
    }
  });

  test("writes indices as ranges", () => {
    expect(rangesOf([0, 1, 2, 5, 7, 8])).toBe("0-2,5,7-8");
    expect(rangesOf([])).toBe("");
  });

  test.each([
    ["that is no subnet", {}, "subnet/bad-file"],
    ["of another network", subnetJson(vgg, keepAll(vgg)), "subnet/wrong-structure"],
    [
      "with a block that isn't there",
      { ...subnetJson(resnet, keepAll(resnet)), droppedBlocks: ["nowhere"] },
      "subnet/bad-file",
    ],
    [
      "with broken ranges",
      {
        ...subnetJson(resnet, keepAll(resnet)),
        dims: resnet.dims.map((dim) => ({ dim: dim.name, units: 1, kept: 1, indices: "3-1" })),
      },
      "subnet/bad-file",
    ],
  ])("%s is refused", (_name, content, code) => {
    expect(() => parseSubnet(content, resnet, "s.json")).toThrow(expect.objectContaining({ code }));
  });
});
