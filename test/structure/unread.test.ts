import { expect, test } from "vitest";
import type { Graph } from "../../src/graph/graph.ts";
import { floatTensor } from "../../src/graph/tensor.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { parameterCount } from "../../src/structure/counts.ts";
import { narrowerCounts } from "../../src/structure/dim-step.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import { cutGraph } from "../../src/subnet/cut.ts";
import { proveSubnet } from "../../src/subnet/prove.ts";
import { allUnits } from "../../src/subnet/subnet.ts";
import { type NetworkBuilder, networkBuilder } from "../helpers/networks.ts";

type Choose = (b: NetworkBuilder, x: string) => string;

/** A convolution of 16 channels, of which the next one gets 8. */
function halved(choose: Choose, opset = 17): Graph {
  const b = networkBuilder(3, opset);
  const x = b.relu(b.conv("a", b.input("x", [1, 3, 6, 6]), { from: 3, to: 16 }));
  const y = b.relu(b.conv("b", choose(b, x), { from: 8, to: 4 }));
  b.output(b.gemm("fc", b.node("Flatten", [b.node("GlobalAveragePool", [y])]), 4, 5));
  return b.graph();
}

const slice: Choose = (b, x) =>
  b.node("Slice", [x, b.ints("from", [4]), b.ints("to", [12]), b.ints("along", [1])]);
const split: Choose = (b, x) => {
  const node = { attributes: { axis: 1 }, outputs: ["left", "right"] };
  b.node("Split", [x, b.ints("sizes", [8, 8])], node);
  b.relu("right");
  return "left";
};
const gather: Choose = (b, x) =>
  b.node("Gather", [x, b.ints("odd", [1, 3, 5, 7, 9, 11, 13, 15])], { attributes: { axis: 1 } });
const sliceByAttributes: Choose = (b, x) =>
  b.node("Slice", [x], { attributes: { starts: [8], ends: [16], axes: [1] } });

test.each([
  ["a Slice", slice, 17],
  ["a Slice of opset 9", sliceByAttributes, 9],
  ["a Split whose other half ends in a Relu", split, 17],
  ["a Gather", gather, 17],
])("units that %s leaves out are unread, and all of them may go", async (_, choose, opset) => {
  const graph = halved(choose, opset);
  const structure = findStructure(graph);
  const unread = structure.dims.filter((dim) => dim.isUnread);
  expect(unread.map(({ size }) => size)).toEqual([8]);
  expect(unread.map((dim) => narrowerCounts(dim, 4))).toEqual([[0, 4]]);
  const kept = structure.dims.map((dim) => (dim.isUnread ? [] : allUnits(dim)));
  const subnet = { kept, droppedBlocks: [], droppedLayers: [] };
  await proveSubnet(modelOf(graph), structure, subnet, { runs: 1 });
  const cut = cutGraph(structure, subnet);
  expect(cut.initializers.get("a.weight")?.shape).toEqual([8, 3, 3, 3]);
});

test("what takes part in a mean, is an output or is contracted counts as read", () => {
  const mean: Choose = (b, x) => {
    const first = b.node("Transpose", [x], { attributes: { perm: [0, 2, 3, 1] } });
    const norm = b.node("LayerNormalization", [first, b.weight("g", [16])]);
    return slice(b, b.node("Transpose", [norm], { attributes: { perm: [0, 3, 1, 2] } }));
  };
  const output: Choose = (b, x) => slice(b, b.output(x));
  const summed: Choose = (b, x) => {
    b.output(b.node("ReduceSum", [x, b.ints("over", [1])]));
    return slice(b, x);
  };
  for (const choose of [mean, output, summed]) {
    expect(findStructure(halved(choose)).dims.some((dim) => dim.isUnread)).toBe(false);
  }
});

test("bounds, exponents, values of a Pad and scales of a Resize are no parameters", () => {
  const parameters = (more: Choose): number =>
    parameterCount(findStructure(halved((b, x) => more(b, slice(b, x)))));
  const own = parameters((_, x) => x);
  const numbers = (b: NetworkBuilder, count: number): string => b.weight("setting", [count]);
  expect(parameters((b, x) => b.node("Clip", [x, numbers(b, 1)]))).toBe(own);
  expect(parameters((b, x) => b.node("Pow", [x, numbers(b, 1)]))).toBe(own);
  expect(parameters((b, x) => b.node("Mul", [x, numbers(b, 1)]))).toBe(own + 1);
  const padded: Choose = (b, x) =>
    b.node("Pad", [x, b.ints("p", [0, 0, 1, 1, 0, 0, 1, 1]), numbers(b, 1)]);
  expect(parameters(padded)).toBe(own);
  const resized: Choose = (b, x) =>
    b.node("Resize", [x, "", b.tensor("scales", floatTensor([4], Float32Array.of(1, 1, 2, 2)))]);
  expect(parameters(resized)).toBe(own);
});
