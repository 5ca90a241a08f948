import { expect, test } from "vitest";
import { type AttributeLiteral, graphBuilder } from "../../src/graph/build.ts";
import type { Op } from "../../src/graph/op.ts";
import { opOf } from "../../src/graph/read-op.ts";
import { floatTensor, intTensor } from "../../src/graph/tensor.ts";

/** What the last node of a small graph does; "w" is a weight [8, 2, 3, 3], "list" the integers [1, 2]. */
function read(
  opType: string,
  options: {
    readonly attributes?: Readonly<Record<string, AttributeLiteral>>;
    readonly inputs?: readonly string[];
    readonly opset?: number;
    readonly outputs?: number;
    readonly domain?: string;
  } = {},
): Op {
  const { inputs = [], opset = 17, ...rest } = options;
  const b = graphBuilder({ opset });
  b.input("x", ["batch", 4, 8, 8]);
  b.tensor("w", floatTensor([8, 2, 3, 3], new Float32Array(144)));
  b.tensor("list", intTensor([2], [1, 2]));
  b.node(opType, ["x", ...inputs], rest);
  const graph = b.graph();
  const [node] = graph.nodes;
  if (node === undefined) throw new Error("no node");
  return opOf(node, graph);
}

test("a convolution's attributes default by the rank of its weight", () => {
  expect(read("Conv", { inputs: ["w"], attributes: { group: 2 } })).toEqual({
    kind: "conv",
    group: 2,
    kernelShape: [3, 3],
    strides: [1, 1],
    dilations: [1, 1],
    pads: [0, 0, 0, 0],
    autoPad: "NOTSET",
  });
});

test("Gemm's flags and factors are read, and default to the plain product", () => {
  expect(read("Gemm", { inputs: ["w"] })).toEqual({
    kind: "gemm",
    alpha: 1,
    beta: 1,
    transA: false,
    transB: false,
  });
  expect(read("Gemm", { inputs: ["w"], attributes: { transB: 1, alpha: 0.5 } })).toMatchObject({
    transB: true,
    alpha: 0.5,
  });
});

test("axes come from the attribute before the opset that made them an input, and from the input after", () => {
  const attributes = { axes: [1, 2] };
  for (const [op, since] of [
    ["Squeeze", 13],
    ["Unsqueeze", 13],
    ["ReduceSum", 13],
    ["ReduceMean", 18],
  ] as const) {
    expect(read(op, { opset: since - 1, attributes })).toMatchObject({ axes: [1, 2] });
    expect(read(op, { opset: since, inputs: ["list"] })).toMatchObject({ axes: [1, 2] });
  }
});

test("Slice, Pad and Split give the same in both of their forms", () => {
  const old = read("Slice", { opset: 9, attributes: { starts: [1, 2], ends: [1, 2] } });
  expect(old).toEqual({ kind: "slice", starts: [1, 2], ends: [1, 2], axes: [0, 1], steps: [1, 1] });
  expect(read("Slice", { inputs: ["list", "list"] })).toEqual(old);
  expect(read("Pad", { opset: 10, attributes: { pads: [1, 2] } })).toEqual(
    read("Pad", { inputs: ["list"] }),
  );
  expect(read("Split", { opset: 12, attributes: { axis: 1, split: [1, 2] } })).toEqual(
    read("Split", { inputs: ["list"], attributes: { axis: 1 } }),
  );
});

test("sizes that are computed at run time are null, and what is known beside them stays", () => {
  expect(read("Slice", { inputs: ["x", "list", "list"] })).toEqual({
    kind: "slice",
    starts: null,
    ends: null,
    axes: [1, 2],
    steps: null,
  });
  expect(read("Reshape", { inputs: ["x"] })).toEqual({
    kind: "reshape",
    target: null,
    allowZero: false,
  });
  expect(read("Split", { inputs: ["x"] })).toMatchObject({ sizes: null, sizesKnown: false });
  expect(read("Split", { outputs: 2 })).toMatchObject({ sizes: null, sizesKnown: true });
});

test("Softmax normalises all later axes together before opset 13", () => {
  expect(read("Softmax", { opset: 12 })).toEqual({
    kind: "softmax",
    axis: 1,
    log: false,
    flattened: true,
  });
  expect(read("LogSoftmax")).toEqual({ kind: "softmax", axis: -1, log: true, flattened: false });
});

test("BatchNormalization is in training where it says so, or where it has more outputs before opset 14", () => {
  expect(read("BatchNormalization", { opset: 13, outputs: 5 })).toMatchObject({ training: true });
  expect(read("BatchNormalization", { opset: 13 })).toMatchObject({
    training: false,
    epsilon: 1e-5,
  });
  expect(read("BatchNormalization", { attributes: { training_mode: 1 } })).toMatchObject({
    training: true,
  });
});

test("ops without a reader of their own are unary, elementwise or opaque", () => {
  expect(read("HardSwish")).toEqual({ kind: "unary", function: "HardSwish" });
  expect(read("Add", { inputs: ["x"] })).toEqual({ kind: "elementwise", function: "Add" });
  expect(read("NotYetKnown")).toEqual({ kind: "opaque", opType: "NotYetKnown", domain: "" });
  expect(read("Conv", { domain: "acme" })).toEqual({
    kind: "opaque",
    opType: "Conv",
    domain: "acme",
  });
});
