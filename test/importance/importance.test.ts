import { expect, test } from "vitest";
import { graphBuilder } from "../../src/graph/build.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { floatsOf, floatTensor, tensorFromBytes } from "../../src/graph/tensor.ts";
import {
  checkImportance,
  type DimImportance,
  type Importance,
  importanceText,
  parseImportance,
  rankUnits,
  scoreUnits,
  WEIGHT_METHODS,
} from "../../src/importance/importance.ts";
import { scoreNetwork } from "../../src/importance/score.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import {
  bottleneckResnet,
  denseConcat,
  flattenVgg,
  groupedResidual,
  invertedResidual,
  slicePadResnet,
} from "../helpers/networks.ts";

const NETWORKS = {
  bottleneckResnet,
  slicePadResnet,
  invertedResidual,
  denseConcat,
  groupedResidual,
  flattenVgg,
} as const;

/** Two 1x1 convolutions; weights chosen so that every score can be computed by hand. */
function handMade(): Graph {
  const b = graphBuilder();
  b.input("x", [1, 2, 4, 4]);
  b.tensor("w1", floatTensor([3, 2, 1, 1], [1, -2, 0, 3, -0.5, 0.5]));
  b.tensor("w2", floatTensor([2, 3, 1, 1], [1, 1, 1, 2, 2, 2]));
  for (const [name, values] of [
    ["gamma", [0.5, -2, 1]],
    ["beta", [9, 9, 9]],
    ["mean", [0, 0, 0]],
    ["var", [1, 1, 1]],
  ] as const) {
    b.tensor(name, floatTensor([3], values));
  }
  const first = b.node("Conv", ["x", "w1"], { name: "first" });
  const normed = b.node("BatchNormalization", [first, "gamma", "beta", "mean", "var"]);
  b.output(b.node("Conv", [b.node("Relu", [normed]), "w2"], { name: "second" }));
  return b.graph();
}

function dimOf(importance: Importance, name: string): DimImportance {
  const dim = importance.dims.find((candidate) => candidate.dim === name);
  if (dim === undefined) throw new Error(`no dim ${name}`);
  return dim;
}

test("scores are what one computes by hand", () => {
  const structure = findStructure(handMade());
  const scores = (options: Parameters<typeof scoreNetwork>[1]): readonly number[] =>
    dimOf(scoreNetwork(structure, options), "first").layers[0]?.scores ?? [];
  expect(scores({ method: "magnitude-l1", normalisation: "none" })).toEqual([3, 3, 1]);
  expect(scores({ method: "magnitude-l2", normalisation: "none" })).toEqual([5, 9, 0.5]);
  expect(scores({ method: "magnitude-l1", normalisation: "sum" })[2]).toBeCloseTo(1 / 7, 6);
  expect(scores({ method: "magnitude-l1", normalisation: "mean" })[2]).toBeCloseTo(3 / 7, 6);
  expect(scores({ method: "magnitude-l1" })[2]).toBeCloseTo(1 / 3, 6);
  expect(scores({ method: "bn-scale" })).toEqual([0.5, 2, 1]);
});

for (const [name, build] of Object.entries(NETWORKS)) {
  test(`${name}: each dim gets one score per unit from each layer that produces it, and no weight is lost`, () => {
    const structure = findStructure(build());
    for (const method of WEIGHT_METHODS) {
      if (method === "bn-scale" && name === "flattenVgg") continue;
      const importance = scoreNetwork(structure, { method });
      checkImportance(importance, structure, "test");
      expect(importance.dims.map((dim) => dim.dim)).toEqual(structure.dims.map((dim) => dim.name));
      const text = importanceText(importance);
      expect(parseImportance(JSON.parse(text), "test")).toEqual(importance);
      expect(text.split("\n").filter((line) => line.includes('"scores": ['))).toHaveLength(
        importance.dims.flatMap((dim) => dim.layers).length,
      );
    }
    const raw = scoreNetwork(structure, { method: "magnitude-l1", normalisation: "none" });
    const names = new Set(structure.layers.map((layer) => layer.weight.name));
    let weights = 0;
    for (const weight of names) {
      const tensor = structure.graph.initializers.get(weight);
      if (tensor !== undefined)
        weights += floatsOf(tensor).reduce((sum, w) => sum + Math.abs(w), 0);
    }
    const scored = raw.dims.reduce(
      (sum, dim) => sum + scoreUnits(dim).reduce((total, score) => total + score, 0),
      0,
    );
    expect(scored / weights).toBeCloseTo(1, 5);
  });
}

test("a residual stream is scored by all its layers, each with the block that would take it away", () => {
  const structure = findStructure(bottleneckResnet());
  const importance = scoreNetwork(structure, { method: "magnitude-l2" });
  const stream = importance.dims.find((dim) => dim.layers.length > 1);
  expect(stream?.layers.map((layer) => layer.layer)).toEqual(
    expect.arrayContaining(["layer0.0.conv3", "layer0.1.conv3"]),
  );
  const blockOf = (layer: string): string | null | undefined =>
    stream?.layers.find((candidate) => candidate.layer === layer)?.block;
  const blocks = structure.blocks.map((block) => block.name);
  expect(blocks).toContain(blockOf("layer0.0.conv3"));
  expect(blockOf("layer0.1.conv3")).not.toBe(blockOf("layer0.0.conv3"));
  expect(blockOf("layer0.0.downsample")).toBeNull();
});

test("a unit of a grouped convolution is its whole group", () => {
  const structure = findStructure(groupedResidual());
  const importance = scoreNetwork(structure, { method: "magnitude-l1", normalisation: "none" });
  const layer = importance.dims
    .flatMap((dim) => dim.layers)
    .find((candidate) => candidate.layer === "block.0.b");
  const weight = structure.graph.initializers.get("block.0.b.weight");
  expect(layer?.scores).toHaveLength(4);
  if (weight === undefined) throw new Error("no weight");
  const values = floatsOf(weight);
  const perGroup = values.length / 4;
  for (const [group, score] of (layer?.scores ?? []).entries()) {
    const slice = values.subarray(group * perGroup, (group + 1) * perGroup);
    expect(score).toBeCloseTo(
      slice.reduce((sum, w) => sum + Math.abs(w), 0),
      4,
    );
  }
});

test("random scores repeat with their seed and change with it", () => {
  const structure = findStructure(bottleneckResnet());
  const draw = (seed: number): string =>
    JSON.stringify(scoreNetwork(structure, { method: "random", seed }));
  expect(draw(1)).toBe(draw(1));
  expect(JSON.parse(draw(1)).dims).not.toEqual(JSON.parse(draw(2)).dims);
});

test("units are ranked from the best, equal ones by index", () => {
  const dim: DimImportance = {
    dim: "d",
    units: 4,
    layers: [
      { layer: "a", block: null, scores: [1, 2, 0, 2] },
      { layer: "b", block: null, scores: [1, 0, 4, 0] },
    ],
  };
  expect([...scoreUnits(dim)]).toEqual([2, 2, 4, 2]);
  expect(rankUnits(scoreUnits(dim))).toEqual([2, 0, 1, 3]);
  expect([...scoreUnits({ ...dim, layers: [] })]).toEqual([0, 0, 0, 0]);
});

test("BatchNorm scales of a network without BatchNormalization are an error", () => {
  expect(() =>
    scoreNetwork(findStructure(flattenVggFolded()), { method: "bn-scale" }),
  ).toThrowError(expect.objectContaining({ code: "importance/no-normalisation", exitCode: 3 }));
});

function flattenVggFolded(): Graph {
  const b = graphBuilder();
  b.input("x", [1, 2, 4, 4]);
  b.tensor("w", floatTensor([3, 2, 1, 1], [1, 2, 3, 4, 5, 6]));
  b.output(b.node("Conv", ["x", "w"], { name: "only" }));
  return b.graph();
}

test("weights that are no floats are an error that names them", () => {
  const b = graphBuilder();
  b.input("x", [1, 2, 4, 4], "int32");
  b.tensor("whole", tensorFromBytes("int32", [3, 2, 1, 1], new Uint8Array(24)));
  b.output(b.node("Conv", ["x", "whole"], { name: "only" }), null, "int32");
  expect(() => scoreNetwork(findStructure(b.graph()), { method: "magnitude-l1" })).toThrowError(
    expect.objectContaining({ code: "importance/weight-type", where: "whole" }),
  );
});

test("weights of float16 are scored as the numbers that they are", () => {
  const half = new Uint16Array([0x3c00, 0xc000, 0x3800, 0x3800, 0, 0x4200]); // 1, -2, 0.5, 0.5, 0, 3
  const b = graphBuilder();
  b.input("x", [1, 2, 4, 4], "float16");
  b.tensor("half", tensorFromBytes("float16", [3, 2, 1, 1], new Uint8Array(half.buffer)));
  b.output(b.node("Conv", ["x", "half"], { name: "only" }), null, "float16");
  const scored = scoreNetwork(findStructure(b.graph()), {
    method: "magnitude-l1",
    normalisation: "none",
  });
  expect(scored.dims[0]?.layers[0]?.scores).toEqual([3, 1, 3]);
});

test("a damaged file and one of another network are refused with what is wrong", () => {
  const structure = findStructure(handMade());
  const good = scoreNetwork(structure, { method: "magnitude-l1" });
  const bad = (change: (copy: Record<string, unknown>) => void): (() => unknown) => {
    const copy: Record<string, unknown> = JSON.parse(JSON.stringify(good));
    change(copy);
    return () => parseImportance(copy, "importance.json");
  };
  for (const parse of [
    () => parseImportance(null, "importance.json"),
    bad((copy) => delete copy["dims"]),
    bad((copy) => {
      copy["schema"] = "mdp-importance/2";
    }),
    bad((copy) => {
      copy["dims"] = [
        { dim: "first", units: 2, layers: [{ layer: "first", block: null, scores: [1] }] },
      ];
    }),
    bad((copy) => {
      copy["dims"] = [
        { dim: "first", units: 1, layers: [{ layer: "first", block: null, scores: [-1] }] },
      ];
    }),
    bad((copy) => {
      copy["dims"] = [{ dim: "first", units: 2, order: [1, 1], layers: [] }];
    }),
  ]) {
    expect(parse).toThrowError(
      expect.objectContaining({ code: "importance/bad-file", where: "importance.json" }),
    );
  }
  const other = findStructure(bottleneckResnet());
  for (const [importance, network] of [
    [good, other],
    [scoreNetwork(other, { method: "magnitude-l1" }), structure],
    [{ ...good, dims: good.dims.map((dim) => ({ ...dim, units: dim.units + 1 })) }, structure],
  ] as const) {
    expect(() => checkImportance(importance, network, "importance.json")).toThrowError(
      expect.objectContaining({ code: "importance/other-network", exitCode: 3 }),
    );
  }
});
