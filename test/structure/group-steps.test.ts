import { describe, expect, test } from "vitest";
import type { Graph } from "../../src/graph/graph.ts";
import { missesStep, narrowerCounts } from "../../src/structure/dim-step.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import { networkBuilder } from "../helpers/networks.ts";

/** Two grouped convolutions with a channel shuffle between them. */
function shuffled(groups: number, width: number): Graph {
  const b = networkBuilder(7);
  const channels = groups * width;
  const x = b.input("x", [1, 3, 6, 6]);
  const conv = (name: string, input: string, from: number, own = groups): string =>
    b.relu(b.conv(name, input, { from, to: channels, groups: own, bn: false }));
  const first = conv("b", conv("a", x, 3, 1), channels);
  const apart = b.node("Reshape", [first, b.ints("split", [1, groups, width, 6, 6])]);
  const turned = b.node("Transpose", [apart], { attributes: { perm: [0, 2, 1, 3, 4] } });
  const mixed = b.node("Reshape", [turned, b.ints("merge", [1, channels, 6, 6])]);
  const pooled = b.node("Flatten", [b.node("GlobalAveragePool", [conv("c", mixed, channels)])]);
  b.output(b.gemm("fc", pooled, channels, 5));
  return b.graph();
}

describe("dims of groups have narrower widths at every step", () => {
  // Groups and channels of a group; then units, channels of a unit and widths at step 8, per prunable dim.
  test.each([
    [4, 16, { units: 4, unitChannels: 16, widths: [1, 2, 3] }],
    [4, 4, { units: 4, unitChannels: 4, widths: [2] }],
    [2, 12, { units: 2, unitChannels: 12, widths: [1] }],
    [3, 9, { units: 3, unitChannels: 9, widths: [1, 2] }],
  ])("two shuffled convolutions of %d groups of %d channels", (groups, width, wanted) => {
    const dims = findStructure(shuffled(groups, width)).dims.filter((dim) => dim.pinned === null);
    expect(dims.map((dim) => dim.name)).toEqual(["a", "b"]);
    for (const dim of dims) {
      const { size, unitChannels } = dim;
      expect({ units: size, unitChannels, widths: narrowerCounts(dim, 8) }).toEqual(wanted);
      expect(missesStep(dim, 8)).toBe(width > 8 && width % 8 !== 0);
    }
  });
});

test("a dim of single channels that no multiple of the step fits keeps its width", () => {
  const b = networkBuilder(8);
  const x = b.relu(b.conv("a", b.input("x", [1, 3, 4, 4]), { from: 3, to: 6 }));
  b.output(b.conv("h", x, { from: 6, to: 2 }));
  const [dim] = findStructure(b.graph()).dims;
  expect(dim === undefined ? null : narrowerCounts(dim, 8)).toEqual([]);
});
