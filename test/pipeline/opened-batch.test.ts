import { describe, expect, test } from "vitest";
import type { Graph } from "../../src/graph/graph.ts";
import { intTensor } from "../../src/graph/tensor.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { openedModel, refuseFixedBatch } from "../../src/pipeline/open/opened-batch.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import { openBatch } from "../../src/structure/open-batch.ts";
import { type NetworkBuilder, networkBuilder } from "../helpers/networks.ts";
import { TASK_NETWORKS } from "../helpers/task-networks.ts";
import { TRANSFORMERS } from "../helpers/transformers.ts";

const TOKENS = 4;
const WIDTH = 12;

/** The graph as an exporter writes it that traced one sample. */
function traced(graph: Graph): Graph {
  const fixed = (shape: Graph["inputs"][number]["shape"]) =>
    shape?.map((extent) => (typeof extent === "number" ? extent : 1)) ?? null;
  return {
    ...graph,
    inputs: graph.inputs.map((input) => ({ ...input, shape: fixed(input.shape) })),
  };
}

/** Attention on one sample, with the sizes that a trace writes; heads are merged with the batch. */
function tracedAttention(b: NetworkBuilder, x: string): string {
  const heads = 3;
  const part = (role: string): string => {
    const own = b.node("MatMul", [x, b.weight(`${role}.weight`, [WIDTH, WIDTH])]);
    const turned = b.node("Transpose", [own], { attributes: { perm: [1, 0, 2] } });
    const split = b.node("Reshape", [
      turned,
      b.ints(`${role}.heads`, [TOKENS, heads, WIDTH / heads]),
    ]);
    return b.node("Transpose", [split], { attributes: { perm: [1, 0, 2] } });
  };
  const keys = b.node("Transpose", [part("k")], { attributes: { perm: [0, 2, 1] } });
  const weights = b.node("Softmax", [b.node("MatMul", [part("q"), keys])], {
    attributes: { axis: -1 },
  });
  const mixed = b.node("Transpose", [b.node("MatMul", [weights, part("v")])], {
    attributes: { perm: [1, 0, 2] },
  });
  const rows = b.node("Reshape", [mixed, b.ints("rows", [TOKENS, WIDTH])]);
  const out = b.gemm("out", rows, WIDTH, WIDTH);
  const back = b.node("Reshape", [out, b.ints("back", [TOKENS, 1, WIDTH])]);
  return b.node("Transpose", [back], { attributes: { perm: [1, 0, 2] } });
}

function network(
  body: (b: NetworkBuilder, x: string) => string,
  shape = [1, TOKENS, WIDTH],
): Graph {
  const b = networkBuilder(11);
  b.output(body(b, b.input("x", shape)), null);
  return b.graph();
}

const NOTES: string[] = [];
const CONTEXT = {
  progress: { note: (text: string) => NOTES.push(text), step: () => {}, end: () => {} },
} as unknown as Parameters<typeof openedModel>[1];

describe("a batch that is fixed at 1 is opened", () => {
  const networks: readonly (readonly [string, Graph])[] = [
    ["attention with heads merged with the batch", network(tracedAttention)],
    [
      "a class token that was made for one sample",
      network((b, x) => {
        const tokens = b.node("Concat", [b.weight("class", [1, 1, WIDTH]), x], {
          attributes: { axis: 1 },
        });
        const first = b.node("Gather", [tokens, b.tensor("zero", intTensor([], [0]))], {
          attributes: { axis: 1 },
        });
        return b.gemm("head", first, WIDTH, 3);
      }),
    ],
    [
      "a Reshape before the classifier",
      network(
        (b, x) =>
          b.gemm(
            "fc",
            b.node("Reshape", [
              b.relu(b.conv("c", x, { from: 2, to: 4, bn: false })),
              b.ints("flat", [1, 4 * 9]),
            ]),
            36,
            5,
          ),
        [1, 2, 3, 3],
      ),
    ],
    [
      "a Resize to sizes of one sample",
      network(
        (b, x) =>
          b.node("Resize", [x, "", "", b.ints("sizes", [1, 2, 6, 6])], {
            attributes: { mode: "nearest" },
          }),
        [1, 2, 3, 3],
      ),
    ],
    ...Object.entries(TRANSFORMERS).map(
      ([name, make]) => [`the transformer ${name}`, findStructure(traced(make())).graph] as const,
    ),
  ];
  test.each(networks)("%s", async (_name, graph) => {
    NOTES.length = 0;
    const model = modelOf(graph);
    const opened = await openedModel(model, CONTEXT);
    expect(NOTES).toEqual([]);
    expect(opened).not.toBe(model);
    expect(opened.graph.inputs[0]?.shape?.[0]).toBe("batch");
    expect(() => refuseFixedBatch(opened, [64], "here")).not.toThrow();
  });
});

describe("a batch stays fixed, with the reason, where", () => {
  test.each([
    [
      "a Squeeze removes it",
      network((b, x) => b.node("Squeeze", [x, b.ints("axes", [0])])),
      /doesn't begin with one entry per sample|Squeeze/,
    ],
    [
      "a Resize makes one sample two",
      network(
        (b, x) =>
          b.node("Resize", [x, "", "", b.ints("sizes", [2, 2, 6, 6])], {
            attributes: { mode: "nearest" },
          }),
        [1, 2, 3, 3],
      ),
      /Resize/,
    ],
    [
      "it is more than one",
      network((b, x) => b.relu(x), [2, TOKENS, WIDTH]),
      /leading axis of extent 1/,
    ],
  ])("%s", async (_name, graph, reason) => {
    expect(openBatch(graph).reason).toMatch(reason);
    NOTES.length = 0;
    const model = modelOf(graph);
    expect(await openedModel(model, CONTEXT)).toBe(model);
    expect(NOTES.join()).toMatch(/stays fixed/);
    expect(() => refuseFixedBatch(model, [64], "here")).toThrow(/fixed to a batch of/);
  });

  test("samples mix: a mean over all of them is found by running", async () => {
    const graph = network((b, x) => {
      const mean = b.node("ReduceMean", [x], { attributes: { axes: [0], keepdims: 1 } });
      return b.node("Sub", [x, b.node("Mul", [mean, b.weight("half", [1, 1, WIDTH])])]);
    });
    expect(openBatch(graph).reason).toBeNull();
    NOTES.length = 0;
    const model = modelOf(graph);
    expect(await openedModel(model, CONTEXT)).toBe(model);
    expect(NOTES.join()).toMatch(/samples that run together change output/);
  });
});

describe("post-processing inside that keeps the batch fixed is left out, and that is said", () => {
  test.each(["nonMaxSuppression", "loopedFaces"] as const)("%s", async (name) => {
    const model = modelOf(TASK_NETWORKS[name]());
    NOTES.length = 0;
    const opened = await openedModel(model, CONTEXT);
    expect(NOTES.join()).toMatch(/before it (is|are) compared instead/);
    expect(opened.graph.inputs[0]?.shape?.[0]).toBe("batch");
    const ops = opened.graph.nodes.map(({ opType }) => opType);
    expect(ops).not.toContain("NonMaxSuppression");
    expect(ops).not.toContain("Loop");
    // Who asks for what would be lost gets the whole network.
    const lost = model.graph.outputs.at(-1)?.name ?? "";
    expect(await openedModel(model, CONTEXT, [lost])).toBe(model);
  });
});
