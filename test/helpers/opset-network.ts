import { randomFrom } from "../../src/core/random.ts";
import { type AttributeLiteral, type GraphBuilder, graphBuilder } from "../../src/graph/build.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { floatTensor, intTensor } from "../../src/graph/tensor.ts";

/** A list as an attribute before opset `since`, and as an input from then on. */
function listNode(
  b: GraphBuilder,
  opset: number,
  op: string,
  data: string,
  list: { readonly name: string; readonly values: readonly number[]; readonly since: number },
  attributes: Readonly<Record<string, AttributeLiteral>> = {},
  outputs = 1,
): string {
  if (opset < list.since) {
    const all = { ...attributes, [list.name]: list.values };
    return b.node(op, [data], { attributes: all, outputs });
  }
  const input = b.tensor(
    `${op}.${list.name}.${data}`,
    intTensor([list.values.length], list.values),
  );
  return b.node(op, [data, input], { attributes, outputs });
}

function clip(b: GraphBuilder, opset: number, data: string): string {
  if (opset < 11) {
    return b.node("Clip", [data], { attributes: { min: { float: 0 }, max: { float: 6 } } });
  }
  const bounds = [b.tensor("low", floatTensor([], [0])), b.tensor("high", floatTensor([], [6]))];
  return b.node("Clip", [data, ...bounds]);
}

function pad(b: GraphBuilder, opset: number, data: string): string {
  const list = { name: "pads", values: [0, 0, 1, 1, 0, 0, 1, 2], since: 11 };
  return listNode(b, opset, "Pad", data, list, { mode: "constant" });
}

function slice(b: GraphBuilder, opset: number, data: string): string {
  const lists = { starts: [1, 0], ends: [-1, 2 ** 53], axes: [2, 3] };
  if (opset < 10) return b.node("Slice", [data], { attributes: lists });
  const inputs = Object.entries(lists).map(([name, values]) =>
    b.tensor(name, intTensor([2], values)),
  );
  return b.node("Slice", [data, ...inputs]);
}

function enlarge(b: GraphBuilder, opset: number, data: string): string {
  const scales = b.tensor("scales", floatTensor([4], [1, 1, 2, 2]));
  const attributes = { mode: "nearest" };
  if (opset < 9) {
    return b.node("Upsample", [data], {
      attributes: { ...attributes, scales: { floats: [1, 1, 2, 2] } },
    });
  }
  if (opset < 10) return b.node("Upsample", [data, scales], { attributes });
  if (opset < 11) return b.node("Resize", [data, scales], { attributes });
  return b.node("Resize", [data, b.tensor("roi", floatTensor([0], [])), scales], { attributes });
}

/**
 * A small network of the ops whose form changed between opsets 7 and 25 (attributes that became inputs), in the form of the
 * given one. Input "x" is [batch, 3, 12, 10].
 */
export function opsetNetwork(opset: number): Graph {
  const random = randomFrom(opset);
  const weights = (...shape: number[]): ReturnType<typeof floatTensor> => {
    const count = shape.reduce((product, extent) => product * extent, 1);
    return floatTensor(
      shape,
      Float32Array.from({ length: count }, () => 0.1 + random.next() / 4),
    );
  };
  const b = graphBuilder({ opset, name: `opset${opset}` });
  b.input("x", ["batch", 3, 12, 10]);
  const padded = pad(b, opset, "x");
  const conv = b.node("Conv", [padded, b.tensor("w", weights(8, 3, 3, 3))], {
    attributes: { strides: [2, 2] },
  });
  const norms = ["s", "o", "m", "v"].map((name) => b.tensor(name, weights(8)));
  const normed = b.node("BatchNormalization", [conv, ...norms]);
  const dropped = b.node("Dropout", [clip(b, opset, normed)]);
  const part = listNode(
    b,
    opset,
    "Split",
    dropped,
    { name: "split", values: [3, 5], since: 13 },
    { axis: 1 },
    2,
  );
  const larger = enlarge(b, opset, slice(b, opset, part));
  const joined = b.node("Concat", [larger, larger], { attributes: { axis: 1 } });
  const pooled = b.node("AveragePool", [joined], {
    attributes: { kernel_shape: [3, 3], strides: [2, 2] },
  });
  const mean = listNode(
    b,
    opset,
    "ReduceMean",
    pooled,
    { name: "axes", values: [2], since: 18 },
    { keepdims: 0 },
  );
  const sum = listNode(b, opset, "ReduceSum", mean, { name: "axes", values: [-1], since: 13 });
  const squeezed = listNode(b, opset, "Squeeze", sum, { name: "axes", values: [2], since: 13 });
  const unsqueezed = listNode(b, opset, "Unsqueeze", squeezed, {
    name: "axes",
    values: [2, 3],
    since: 13,
  });
  const flat = b.node("Flatten", [unsqueezed]);
  const logits = b.node("Gemm", [
    flat,
    b.tensor("fc", weights(6, 4)),
    b.tensor("bias", weights(4)),
  ]);
  b.output(b.node("Softmax", [logits], { outputs: ["y"] }), ["batch", 4]);
  return b.graph();
}
