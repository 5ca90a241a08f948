import { expect, test } from "vitest";
import { graphBuilder } from "../../src/graph/build.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { floatTensor } from "../../src/graph/tensor.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import { cutGraph } from "../../src/subnet/cut.ts";
import { keepAll } from "../../src/subnet/subnet.ts";

/** Two convolutions with a depthwise one between them, each but the last clamped to its bounds. */
function clamped(first: readonly number[], second: readonly number[], opset = 17): Graph {
  const b = graphBuilder({ opset, name: "clamped" });
  const conv = (name: string, input: string, shape: readonly number[], group = 1): string => {
    const size = shape.reduce((product, extent) => product * extent, 1);
    b.tensor(`${name}.w`, floatTensor(shape, new Float32Array(size).fill(0.1)));
    return b.node("Conv", [input, `${name}.w`], { attributes: { pads: [1, 1, 1, 1], group } });
  };
  const clip = (name: string, input: string, bounds: readonly number[]): string => {
    if (opset < 11) {
      const [min = 0, max = 0] = bounds;
      return b.node("Clip", [input], { attributes: { min: { float: min }, max: { float: max } } });
    }
    const names = bounds.map((bound, index) =>
      b.tensor(`${name}.${index}`, floatTensor([], [bound])),
    );
    return b.node("Clip", [input, ...names]);
  };
  const x = clip("a", conv("conv", b.input("x", [1, 3, 8, 8]), [8, 3, 3, 3]), first);
  const y = clip("b", conv("depthwise", x, [8, 1, 3, 3], 8), second);
  b.output(conv("last", y, [4, 8, 3, 3]));
  return b.graph();
}

function clipsWithoutDepthwise(graph: Graph): number {
  const structure = findStructure(graph);
  const layer = structure.layers.findIndex(({ groups }) => groups === 8);
  const cut = cutGraph(structure, { ...keepAll(structure), droppedLayers: [layer] });
  return cut.nodes.filter((node) => node.opType === "Clip").length;
}

test("where a dropped layer leaves a Clip behind a Clip to the same bounds, one goes", () => {
  expect(clipsWithoutDepthwise(clamped([0, 6], [0, 6]))).toBe(1);
});

test("bounds that are attributes, as before opset 11, are compared as well", () => {
  expect(clipsWithoutDepthwise(clamped([0, 6], [0, 6], 6))).toBe(1);
  expect(clipsWithoutDepthwise(clamped([0, 6], [0, 5], 6))).toBe(2);
  expect(clipsWithoutDepthwise(clamped([0, 6], [1, 6], 6))).toBe(2);
});

test("a Clip to other bounds stays", () => {
  expect(clipsWithoutDepthwise(clamped([0, 6], [0, 5]))).toBe(2);
  expect(clipsWithoutDepthwise(clamped([0, 6], [1, 6]))).toBe(2);
  expect(clipsWithoutDepthwise(clamped([0, 6], [0]))).toBe(2);
  expect(clipsWithoutDepthwise(clamped([0], [0, 6]))).toBe(2);
  expect(clipsWithoutDepthwise(clamped([0], [0]))).toBe(1);
});
