import { describe, expect, test } from "vitest";
import { nodeId } from "../../../src/graph/graph.ts";
import { profiledOps } from "../../../src/latency/ops.ts";
import { creditLayers } from "../../../src/latency/remote/runners/trtexec/credit-layers.ts";
import { findStructure } from "../../../src/structure/find-structure.ts";
import { bottleneckResnet } from "../../helpers/networks.ts";

const structure = findStructure(bottleneckResnet());
const { graph } = structure;
const ops = profiledOps(structure);
const names = graph.nodes.map((_, index) => `node${index}`);
const opOfNode = new Map(ops.flatMap((op, index) => op.nodes.map((id) => [id, index] as const)));
const opAt = (index: number): number => {
  const node = graph.nodes[index];
  return (node === undefined ? undefined : opOfNode.get(nodeId(node))) ?? -1;
};
const convs = graph.nodes.flatMap((node, index) => (node.opType === "Conv" ? [index] : []));
const [first = 0, second = 0, third = 0] = convs;

const credit = (
  times: readonly (readonly [string, number])[],
  nodes: Readonly<Record<string, readonly string[]>> = {},
): number[] =>
  creditLayers(
    graph,
    names,
    ops,
    times.map(([name, ms]) => ({ name, ms })),
    Object.entries(nodes).map(([name, onnxNodes]) => ({ name, type: null, onnxNodes })),
  ).map(({ ms }) => ms);

describe("creditLayers", () => {
  test("gives a fused layer to the convolution in it", () => {
    const times = credit([[`node${first} + node${first + 1}`, 2]]);
    expect(times[opAt(first)]).toBe(2);
    expect(times.reduce((sum, ms) => sum + ms, 0)).toBe(2);
  });

  test("gives element-wise layers in PWN(...) to the operation they are part of", () => {
    const relu = graph.nodes.findIndex((node) => node.opType === "Relu");
    expect(credit([[`PWN(node${relu})`, 1]])[opAt(relu)]).toBe(1);
    const nested = credit([[`node${second} + PWN(PWN(node${relu}), node${relu + 1})`, 3]]);
    expect(nested[opAt(second)]).toBe(3);
  });

  test("gives a copy that changes the layout to the layer it serves", () => {
    const times = credit([
      [`Reformatting CopyNode for Input Tensor 0 to node${second} + node${second + 1}`, 0.5],
      [`node${second} + node${second + 1}`, 2],
      [`Reformatting CopyNode for Output Tensor 0 to node${third}`, 0.25],
    ]);
    expect(times[opAt(second)]).toBe(2.5);
    expect(times[opAt(third)]).toBe(0.25);
  });

  test("believes the engine's own list of nodes more than a made-up name", () => {
    const made = "__myl_ConvAddRelu_myl0_3";
    expect(credit([[made, 4]], { [made]: [`node${third}`, `node${third + 1}`] })[opAt(third)]).toBe(
      4,
    );
  });

  test("divides what was compiled as one among its convolutions by their work", () => {
    const times = credit([[`{ForeignNode[node${first}...node${third}]}`, 6]]);
    const shares = [first, second, third].map((index) => times[opAt(index)] ?? 0);
    expect(shares.reduce((sum, ms) => sum + ms, 0)).toBeCloseTo(6, 10);
    expect(Math.min(...shares)).toBeGreaterThan(0);
    const pair = credit([[`node${first} || node${second}`, 6]]);
    expect((pair[opAt(first)] ?? 0) + (pair[opAt(second)] ?? 0)).toBeCloseTo(6, 10);
  });

  test("gives a layer that names nobody to the one before it, and loses no time", () => {
    const times = credit([
      [`node${first}`, 1],
      ["(Unnamed Layer* 12) [Shuffle]", 0.5],
      ["", 0.25],
    ]);
    expect(times[opAt(first)]).toBe(1.75);
    expect(credit([["nothing known", 1]]).every((ms) => ms === 0)).toBe(true);
  });
});
