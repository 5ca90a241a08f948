import { describe, expect, test } from "vitest";
import { InputError } from "../../src/core/errors.ts";
import { graphBuilder } from "../../src/graph/build.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { floatTensor } from "../../src/graph/tensor.ts";
import { evaluateCount, macCount, parameterCount } from "../../src/structure/counts.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import type { Structure } from "../../src/structure/structure.ts";
import { structureHash, structureJson } from "../../src/structure/structure-json.ts";
import { NETWORKS, networkBuilder } from "../helpers/networks.ts";

function dimNamed(structure: Structure, name: string): Structure["dims"][number] {
  const dim = structure.dims.find((candidate) => candidate.name === name);
  if (dim === undefined) throw new Error(`no dim '${name}'`);
  return dim;
}

describe.each(Object.entries(NETWORKS))("in %s", (_name, make) => {
  const structure = findStructure(make());
  const names = [
    ...structure.graph.initializers.keys(),
    ...structure.graph.nodes.flatMap((node) => node.outputs),
  ];
  const shapeOf = (name: string): readonly number[] =>
    structure.shapes.of(name) ?? structure.graph.initializers.get(name)?.shape ?? [];

  test("every unit is in exactly one dim, and every unit of a dim is on one of its layers", () => {
    const seen = structure.dims.map((dim) => new Set<number>().add(-dim.size));
    for (const name of names) {
      for (const axis of shapeOf(name).keys()) {
        const units = structure.axis(name, axis);
        for (const level of units?.levels ?? []) {
          level.dims.forEach((dim, index) => {
            if (dim >= 0) seen[dim]?.add(level.units[index] ?? -1);
          });
        }
      }
    }
    for (const dim of structure.dims) {
      const units = [...(seen[dim.index] ?? [])].filter((unit) => unit >= 0);
      expect(units.sort((a, b) => a - b)).toEqual(Array.from({ length: dim.size }, (_, u) => u));
      expect(dim.producers.length).toBeGreaterThan(0);
    }
  });

  test("every axis is as long as its linear form says, and all units of a dim are equally often on it", () => {
    const dense = structure.dims.map((dim) => dim.size);
    for (const name of names) {
      for (const [axis, extent] of shapeOf(name).entries()) {
        const form = structure.count(name, axis);
        expect(evaluateCount(form, dense)).toBe(extent);
        const units = structure.axis(name, axis);
        for (const part of form.parts) {
          const perUnit = new Map<number, number>();
          units?.levels[0]?.dims.forEach((dim, index) => {
            const unit = units.levels[0]?.units[index] ?? -1;
            if (dim === part.dim) perUnit.set(unit, (perUnit.get(unit) ?? 0) + 1);
          });
          expect(new Set(perUnit.values())).toEqual(new Set([part.perUnit]));
        }
      }
    }
  });

  test("layers and blocks refer to each other", () => {
    for (const block of structure.blocks) {
      for (const index of block.layers) {
        expect(structure.layers[index]?.blocks).toContain(block.index);
      }
      expect(block.nodes.at(-1)).toBe(block.add);
    }
    expect(new Set(structure.layers.map((layer) => layer.name)).size).toBe(structure.layers.length);
  });
});

describe("a Slice-and-Pad shortcut", () => {
  const structure = findStructure(NETWORKS.slicePadResnet());

  test("carries the narrow stage's units in the middle of the wide stage's axis", () => {
    const units = structure.axis("layer1.0.conv2.weight", 0)?.levels[0];
    const narrow = dimNamed(structure, "stem").index;
    expect([...(units?.dims ?? [])].map((dim) => dim === narrow)).toEqual(
      Array.from({ length: 16 }, (_, channel) => channel >= 4 && channel < 12),
    );
    expect([...(units?.units ?? [])].slice(4, 12)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });
});

describe("a grouped convolution", () => {
  test("goes by whole groups, in its input and its output", () => {
    const structure = findStructure(NETWORKS.groupedResidual());
    const dim = dimNamed(structure, "block.0.a");
    expect([dim.size, dim.unitChannels]).toEqual([4, 4]);
    const layer = structure.layers.find((candidate) => candidate.name === "block.0.b");
    expect(layer?.input).toEqual({ fixed: 4, parts: [] });
    expect(layer?.groups).toBe(4);
  });
});

describe("what can't be pruned says why", () => {
  test("an op without a rule", () => {
    const b = networkBuilder(1);
    const x = b.conv("conv", b.input("x", ["batch", 3, 4, 4]), { from: 3, to: 8 });
    const y = b.node("LRN", [x], { attributes: { size: 3 }, name: "lrn" });
    b.output(b.conv("last", y, { from: 8, to: 4 }));
    const [dim] = findStructure(b.graph()).dims;
    expect(dim?.pinned).toBe("nothing is pruned through LRN 'lrn'");
  });

  test("a custom op, whose shape is unknown too", () => {
    const b = networkBuilder(1);
    const x = b.conv("conv", b.input("x", ["batch", 3, 4, 4]), { from: 3, to: 8 });
    b.output(b.node("Fancy", [x], { domain: "my.ops", name: "fancy" }));
    expect(findStructure(b.graph()).dims[0]?.pinned).toMatch(/Fancy 'fancy'/);
  });

  test("a Softmax over the channels", () => {
    const b = networkBuilder(1);
    const x = b.conv("conv", b.input("x", ["batch", 3, 4, 4]), { from: 3, to: 8 });
    const soft = b.node("Softmax", [x], { attributes: { axis: 1 }, name: "attend" });
    b.output(b.conv("last", soft, { from: 8, to: 4 }));
    expect(findStructure(b.graph()).dims[0]?.pinned).toBe(
      "Softmax 'attend' normalises over this axis",
    );
  });

  test("the network's output", () => {
    const structure = findStructure(NETWORKS.flattenVgg());
    expect(structure.dims.at(-1)?.pinned).toMatch(/^feeds the network's output/);
  });

  test("a subgraph that reads the value", () => {
    const b = networkBuilder(1);
    const x = b.conv("conv", b.input("x", ["batch", 3, 4, 4]), { from: 3, to: 8 });
    const y = b.conv("last", x, { from: 8, to: 4 });
    b.tensor("which", { type: "bool", shape: [], byteLength: 1, bytes: () => Uint8Array.of(1) });
    const branch: Graph = {
      ...graphBuilder().graph(),
      nodes: [
        {
          name: "",
          opType: "Identity",
          domain: "",
          inputs: [x],
          outputs: ["inner"],
          attributes: new Map(),
        },
      ],
      outputs: [{ name: "inner", type: "float32", shape: null }],
    };
    const attributes = { then_branch: { graph: branch }, else_branch: { graph: branch } };
    b.output(b.node("If", ["which"], { attributes, name: "if" }));
    b.output(y);
    expect(findStructure(b.graph()).dims[0]?.pinned).toBe("a subgraph of If 'if' reads it");
  });
});

describe("counts", () => {
  test("parameters and MACs of a convolution are as by hand", () => {
    const b = networkBuilder(1);
    const x = b.input("x", ["batch", 3, 8, 8]);
    b.output(b.conv("conv", x, { from: 3, to: 16, stride: 2 }));
    const structure = findStructure(b.graph());
    expect(parameterCount(structure)).toBe(16 * 3 * 9 + 2 * 16);
    expect(macCount(structure)).toBe(16 * 3 * 9 * 4 * 4);
  });

  test("are the same at any batch", () => {
    const graph = NETWORKS.invertedResidual();
    expect(macCount(findStructure(graph, { batch: 4 }))).toBe(macCount(findStructure(graph)));
  });
});

describe("the fingerprint", () => {
  test("does not see weights and does see shapes", () => {
    const hash = (graph: Graph): string => structureHash(findStructure(graph));
    expect(hash(NETWORKS.flattenVgg(1))).toBe(hash(NETWORKS.flattenVgg(2)));
    const b = networkBuilder(6);
    b.output(b.conv("conv1", b.input("input", ["batch", 3, 8, 8]), { from: 3, to: 8 }));
    const wider = networkBuilder(6);
    wider.output(wider.conv("conv1", wider.input("input", ["batch", 3, 8, 9]), { from: 3, to: 8 }));
    expect(hash(b.graph())).not.toBe(hash(wider.graph()));
  });

  test("is in the JSON, with every dim and its reason", () => {
    const structure = findStructure(NETWORKS.flattenVgg());
    const json = structureJson(structure);
    expect(json).toMatchObject({
      schema: "mdp-structure/1",
      structureHash: structureHash(structure),
    });
    expect(JSON.stringify(json)).toContain("feeds the network's output");
  });
});

test("an input of open size is refused with the way out, and accepted once it is bound", () => {
  const b = networkBuilder(1);
  b.output(b.conv("conv", b.input("x", ["batch", 3, "height", "width"]), { from: 3, to: 8 }));
  const graph = b.graph();
  expect(() => findStructure(graph)).toThrow(InputError);
  expect(() => findStructure(graph)).toThrow(
    expect.objectContaining({ code: "structure/open-shape" }),
  );
  expect(findStructure(graph, { bind: { height: 8, width: 8 } }).layers).toHaveLength(1);
});

test("a block inside a block knows its parent", () => {
  const b = networkBuilder(9);
  const x = b.relu(b.conv("stem", b.input("x", ["batch", 3, 6, 6]), { from: 3, to: 8 }));
  const first = b.relu(b.conv("outer.a", x, { from: 8, to: 8 }));
  const inner = b.add(
    "inner",
    b.conv("inner.a", b.relu(b.conv("inner.b", first, { from: 8, to: 8 })), { from: 8, to: 8 }),
    first,
  );
  const last = b.conv("outer.c", b.relu(inner), { from: 8, to: 8 });
  b.output(b.conv("head", b.add("outer", last, x), { from: 8, to: 4 }));
  const structure = findStructure(b.graph());
  expect(structure.blocks.map((block) => [block.name, block.parent])).toEqual([
    ["inner", 1],
    ["outer", null],
  ]);
  expect(dimNamed(structure, "inner.b").block).toBe(0);
  expect(dimNamed(structure, "outer.a").block).toBe(1);
  const within = structure.layers.find((layer) => layer.name === "inner.a");
  expect(within?.blocks).toEqual([1, 0]);
});

test("a convolution on the shortcut stays, and two equal branches are no block", () => {
  const b = networkBuilder(10);
  const x = b.relu(b.conv("stem", b.input("x", ["batch", 3, 6, 6]), { from: 3, to: 8 }));
  const long = b.conv("long.b", b.relu(b.conv("long.a", x, { from: 8, to: 8 })), {
    from: 8,
    to: 8,
  });
  const y = b.relu(b.add("block", b.conv("short", x, { from: 8, to: 8 }), long));
  const pair = b.add(
    "pair",
    b.conv("one", y, { from: 8, to: 8 }),
    b.conv("two", y, { from: 8, to: 8 }),
  );
  b.output(b.conv("head", pair, { from: 8, to: 4 }));
  const structure = findStructure(b.graph());
  expect(structure.blocks.map((block) => [block.name, block.branchInput])).toEqual([["block", 1]]);
});

test("a scalar or an extent of one couples nothing", () => {
  const b = networkBuilder(11);
  const x = b.conv("conv", b.input("x", ["batch", 3, 4, 4]), { from: 3, to: 8 });
  b.tensor("half", floatTensor([], [0.5]));
  const mask = b.conv("mask", x, { from: 8, to: 1 });
  const y = b.node("Mul", [b.node("Mul", [x, "half"]), mask]);
  b.output(b.conv("last", y, { from: 8, to: 4 }));
  const structure = findStructure(b.graph());
  expect(dimNamed(structure, "conv").pinned).toBeNull();
  expect(dimNamed(structure, "mask").pinned).toBe("has a single unit");
});

test("a Slice of pixels at places known only when the network runs leaves the channels prunable", () => {
  const b = networkBuilder(12);
  const input = b.input("x", ["batch", 3, 4, 4]);
  const x = b.conv("conv", input, { from: 3, to: 8 });
  const size = b.node("Shape", [b.node("NonZero", [input])]);
  const end = b.node("Slice", [size, b.ints("one", [1]), b.ints("two", [2])]);
  const y = b.node("Slice", [x, b.ints("start", [0]), end, b.ints("axis", [2])]);
  b.value(y, ["batch", 8, 4, 4]);
  b.output(b.node("GlobalAveragePool", [b.conv("last", y, { from: 8, to: 4 })]));
  expect(dimNamed(findStructure(b.graph()), "conv").pinned).toBeNull();
});
