import { describe, expect, test } from "vitest";
import { randomFrom } from "../../src/core/random.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import { proveSubnet } from "../../src/subnet/prove.ts";
import { randomSubnet } from "../../src/subnet/random-subnet.ts";
import { type NetworkBuilder, networkBuilder } from "../helpers/networks.ts";

/** A node whose lists of integers are attributes before opset `since` and inputs from then on. */
function sized(
  b: NetworkBuilder,
  opset: number,
  since: number,
  opType: string,
  input: string,
  lists: Readonly<Record<string, readonly number[]>>,
  other: { readonly attributes?: Readonly<Record<string, number>>; readonly outputs?: number } = {},
): string {
  const name = `${opType}_${Object.values(lists).flat().join("_")}`;
  if (opset < since) {
    return b.node(opType, [input], {
      ...other,
      name,
      attributes: { ...other.attributes, ...lists },
    });
  }
  const inputs = Object.entries(lists).map(([role, list]) => b.ints(`${name}.${role}`, list));
  return b.node(opType, [input, ...inputs], { ...other, name });
}

/** Channels that are split, sliced, padded, gathered, flattened and added, in the forms of the opset. */
function movingNetwork(opset: number): Graph {
  const b = networkBuilder(opset, opset);
  const x = b.relu(b.conv("stem", b.input("x", ["batch", 3, 6, 6]), { from: 3, to: 12 }));
  const halves = sized(
    b,
    opset,
    13,
    "Split",
    x,
    { split: [4, 8] },
    { attributes: { axis: 1 }, outputs: 2 },
  );
  const left = b.relu(b.conv("left", halves, { from: 4, to: 8 }));
  const slice = sized(b, opset, 10, "Slice", `${halves}1`, { starts: [2], ends: [8], axes: [1] });
  const right = b.relu(b.conv("right", slice, { from: 6, to: 4 }));
  const padded = sized(b, opset, 11, "Pad", right, { pads: [0, 3, 0, 0, 0, 1, 0, 0] });
  const sum = b.relu(b.add("sum", left, padded));
  const pooled = b.node("AveragePool", [sum], {
    attributes: { kernel_shape: [2, 2], strides: [2, 2] },
  });
  const flat = b.node("Reshape", [pooled, b.ints("flat", [0, 72])]);
  const hidden = b.relu(b.gemm("hidden", flat, 72, 6));
  const tall = sized(b, opset, 13, "Unsqueeze", hidden, { axes: [2] });
  b.output(b.gemm("fc", sized(b, opset, 13, "Squeeze", tall, { axes: [2] }), 6, 3));
  return b.graph();
}

describe.each([7, 8, 9, 10, 11, 12, 13, 17, 18, 21, 23, 25])("at opset %i", (opset) => {
  const graph = movingNetwork(opset);
  const structure = findStructure(graph);

  test("sizes in attributes and inputs are rewritten, and the subnets are proven (seed 4)", async () => {
    const random = randomFrom(4);
    expect(structure.dims.filter((dim) => dim.pinned === null).length).toBeGreaterThan(4);
    for (let draw = 0; draw < 8; draw += 1) {
      const subnet = randomSubnet(structure, random);
      const proof = await proveSubnet(modelOf(graph), structure, subnet, { seed: draw, runs: 1 });
      expect(proof.maxRelative).toBeLessThanOrEqual(1e-5);
    }
  });
});
