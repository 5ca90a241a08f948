import { expect, test } from "vitest";
import type { Graph } from "../../src/graph/graph.ts";
import {
  contractionMacs,
  dimsAlong,
  droppedNodes,
  freeCount,
  macCount,
  parameterCount,
} from "../../src/structure/counts.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import { networkBuilder } from "../helpers/networks.ts";

/** Three input channels, five that are an output too and stay, and eight that may go, on one axis. */
function joined(): { readonly graph: Graph; readonly value: string } {
  const b = networkBuilder(1);
  const x = b.input("x", [1, 3, 6, 6]);
  const fixed = b.conv("fixed", x, { from: 3, to: 5, bn: false });
  const free = b.conv("free", x, { from: 3, to: 8, bn: false });
  const value = b.node("Concat", [x, fixed, free], { attributes: { axis: 1 } });
  b.output(b.conv("last", value, { from: 16, to: 2, bn: false }));
  b.output(fixed, [1, 5, 6, 6]);
  return { graph: b.graph(), value };
}

test("dims that stay count as fixed where only the free ones are asked for", () => {
  const { graph, value } = joined();
  const structure = findStructure(graph);
  const free = structure.dims.findIndex(({ pinned, size }) => pinned === null && size === 8);
  expect(free).toBeGreaterThanOrEqual(0);
  expect(freeCount(structure, value, 1)).toEqual({ fixed: 8, parts: [{ dim: free, perUnit: 1 }] });
  expect(freeCount(structure, value, 2)).toEqual({ fixed: 6, parts: [] });
  expect(dimsAlong(null)).toEqual(new Set());
  const along = dimsAlong(structure.axis(value, 1));
  expect(along.has(free)).toBe(true);
  expect(along.has(-1)).toBe(false);
  expect([...along].every((dim) => structure.dims[dim] !== undefined)).toBe(true);
});

test("parameters and multiply-accumulates are those counted by hand, dense and cut", () => {
  const structure = findStructure(joined().graph);
  const free = structure.dims.findIndex(({ pinned, size }) => pinned === null && size === 8);
  const units = structure.dims.map(({ size }, dim) => (dim === free ? 2 : size));
  const parameters = (kept: number): number =>
    5 * (27 + 1) + kept * (27 + 1) + 2 * (9 * (8 + kept) + 1);
  const macs = (kept: number): number => 36 * (5 * 27 + kept * 27 + 2 * 9 * (8 + kept));
  expect(parameterCount(structure)).toBe(parameters(8));
  expect(parameterCount(structure, { units })).toBe(parameters(2));
  expect(macCount(structure)).toBe(macs(8));
  expect(macCount(structure, { units })).toBe(macs(2));
});

test("a product of two activations counts its rows, columns and what is summed", () => {
  const b = networkBuilder(2);
  const x = b.input("x", [1, 6, 4]);
  const product = (name: string, width: number): string =>
    b.node("MatMul", [x, b.weight(`${name}.w`, [4, width])]);
  const keys = b.node("Transpose", [product("k", 8)], { attributes: { perm: [0, 2, 1] } });
  const scores = b.node("MatMul", [product("q", 8), keys]);
  b.output(b.node("MatMul", [scores, product("v", 5)]), [1, 6, 5]);
  const structure = findStructure(b.graph());
  expect(structure.contractions.map((each) => contractionMacs(structure, each))).toEqual([
    6 * 6 * 8,
    6 * 6 * 5,
  ]);
  expect(macCount(structure)).toBe(6 * 4 * (8 + 8 + 5) + 6 * 6 * 8 + 6 * 6 * 5);
});

test("a dropped layer takes its normalisation along, a dropped block leaves its sum", () => {
  const b = networkBuilder(3);
  const first = b.relu(b.conv("a", b.input("x", [1, 3, 6, 6]), { from: 3, to: 8 }));
  const inner = b.relu(b.conv("b", first, { from: 8, to: 8 }));
  const sum = b.add("sum", b.conv("c", inner, { from: 8, to: 8 }), first);
  b.output(b.conv("d", b.relu(sum), { from: 8, to: 4 }));
  const structure = findStructure(b.graph());
  const [block] = structure.blocks;
  const dropped = droppedNodes(structure, { droppedBlocks: [0] });
  expect(block?.nodes.filter((node) => !dropped.has(node))).toEqual([block?.add]);
  const layer = structure.layers.findIndex(({ weight }) => weight.name === "b.weight");
  const own = structure.layers[layer];
  expect(droppedNodes(structure, { droppedLayers: [layer] })).toEqual(
    new Set([own?.id, own?.normalisation]),
  );
  const perConv = 8 * 8 * 9;
  expect(macCount(structure) - macCount(structure, { droppedBlocks: [0] })).toBe(2 * 36 * perConv);
  expect(parameterCount(structure) - parameterCount(structure, { droppedLayers: [layer] })).toBe(
    perConv + 2 * 8,
  );
});
