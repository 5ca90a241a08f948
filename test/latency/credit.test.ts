import { describe, expect, test } from "vitest";
import { graphBuilder } from "../../src/graph/build.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { floatTensor } from "../../src/graph/tensor.ts";
import { creditEvents, creditedTimes } from "../../src/latency/measure/credit.ts";
import { profiledOps } from "../../src/latency/ops.ts";
import type { OpEvent } from "../../src/runtime/profile.ts";
import { findStructure } from "../../src/structure/find-structure.ts";

/** conv1 -> Relu -> conv2 -> + conv1's Relu -> Relu -> pool. */
function smallResidual(): Graph {
  const b = graphBuilder({ opset: 17, name: "small" });
  const conv = (name: string, input: string, from: number): string => {
    b.tensor(`${name}.w`, floatTensor([8, from, 3, 3], new Float32Array(72 * from).fill(0.1)));
    const attributes = { pads: [1, 1, 1, 1], kernel_shape: [3, 3] };
    return b.node("Conv", [input, `${name}.w`], {
      name: `/${name}/Conv`,
      outputs: [`/${name}/Conv_output_0`],
      attributes,
    });
  };
  const relu = (name: string, input: string): string =>
    b.node("Relu", [input], { name: `/${name}`, outputs: [`/${name}_output_0`] });
  const x = relu("Relu", conv("conv1", b.input("x", ["batch", 3, 8, 8]), 3));
  const y = conv("conv2", x, 8);
  const sum = b.node("Add", [y, x], { name: "/Add", outputs: ["/Add_output_0"] });
  b.output(b.node("GlobalAveragePool", [relu("Relu_1", sum)], { name: "/Pool" }));
  return b.graph();
}

const graph = smallResidual();
const ops = profiledOps(findStructure(graph));
const label = (index: number | null): string | null =>
  index === null ? null : (ops[index]?.label ?? null);
const credited = (events: readonly (readonly [string, string])[]): (string | null)[] => {
  const list = events.map(([name, opType]): OpEvent => ({ name, opType, durationUs: 10 }));
  return creditEvents(graph, ops, list).map(label);
};

describe("profiledOps", () => {
  test("puts cheap nodes to the operation that they follow, unless a choice parts them", () => {
    expect(ops.map(({ label: name, kind }) => `${name} ${kind}`)).toEqual([
      "/conv1/Conv Conv+Relu",
      "/conv2/Conv Conv+Add",
      "/Relu_1 Relu",
      "/Pool GlobalAveragePool",
    ]);
    expect(ops.map((op) => op.droppable)).toEqual([false, true, false, false]);
  });
});

describe("creditEvents", () => {
  test("knows nodes by their names, and by the values that blocked layouts name them for", () => {
    expect(
      credited([
        ["/conv1/Conv", "FusedConv"],
        ["/Relu_output_0_nchwc", "Conv"],
        ["/conv2/Conv_output_0_nchwc", "Conv"],
        ["/Add", "Add"],
        ["/Pool", "GlobalAveragePool"],
      ]),
    ).toEqual(["/conv1/Conv", "/conv1/Conv", "/conv2/Conv", "/conv2/Conv", "/Pool"]);
  });

  test("gives a convolution that is named for what was fused behind it its own time", () => {
    expect(credited([["/Relu_1_output_0_nchwc", "Conv"]])).toEqual(["/conv2/Conv"]);
    expect(credited([["/Relu_1", "Relu"]])).toEqual(["/Relu_1"]);
  });

  test("gives layout changes to the operation that they serve", () => {
    expect(
      credited([
        ["ReorderInput_token_1", "ReorderInput"],
        ["/conv2/Conv_output_0_nchwc", "Conv"],
        ["ReorderOutput_token_2", "ReorderOutput"],
        ["/Pool", "GlobalAveragePool"],
      ]),
    ).toEqual(["/conv2/Conv", "/conv2/Conv", "/conv2/Conv", "/Pool"]);
  });

  test("finds the node inside the name of an unknown fusion, and leaves no event without owner", () => {
    expect(
      credited([
        ["/conv2/Conv/SomeFusion/", "Mystery"],
        ["nothing known", "Mystery"],
      ]),
    ).toEqual(["/conv2/Conv", "/conv2/Conv"]);
  });

  test("sums times and events per operation", () => {
    const events: OpEvent[] = [
      { name: "/Relu_output_0_nchwc", opType: "Conv", durationUs: 40 },
      { name: "ReorderOutput", opType: "ReorderOutput", durationUs: 2 },
    ];
    const times = creditedTimes(
      ops,
      creditEvents(graph, ops, events),
      events.map((event) => event.durationUs),
    );
    expect(times[0]?.ms).toBeCloseTo(0.042, 9);
    expect(times[0]?.events).toBe(2);
    expect(times[1]).toEqual({ ms: 0, events: 0 });
  });
});
