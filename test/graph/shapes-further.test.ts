import { expect, test } from "vitest";
import { type AttributeLiteral, type GraphBuilder, graphBuilder } from "../../src/graph/build.ts";
import type { DataType, Graph } from "../../src/graph/graph.ts";
import { KNOWN_OPS } from "../../src/graph/op-traits.ts";
import { hasFixedRule } from "../../src/graph/shapes/fixed.ts";
import { inferShapes } from "../../src/graph/shapes/infer.ts";
import { floatTensor, intTensor, tensorFromBytes } from "../../src/graph/tensor.ts";
import { runSeeded, shapeDifferences } from "../helpers/ort.ts";

type Attributes = Readonly<Record<string, AttributeLiteral>>;

interface Around {
  readonly shape: readonly number[];
  readonly attributes?: Attributes;
  /** Further inputs. */
  readonly more?: (b: GraphBuilder) => readonly string[];
  readonly opset?: number;
  readonly outputs?: number | readonly string[];
  /** Whether "x" is the first input; the further ones are all otherwise. */
  readonly alone?: boolean;
}

/** A graph around one op on "x", float32 of `shape` with a symbolic batch in front. */
function around(op: string, options: Around): Graph {
  const {
    shape,
    attributes = {},
    more = () => [],
    opset = 17,
    outputs = 1,
    alone = false,
  } = options;
  const b = graphBuilder({ opset });
  b.input("x", ["batch", ...shape]);
  const inputs = alone ? more(b) : ["x", ...more(b)];
  b.output(b.node(op, inputs, { attributes, outputs, name: "n" }));
  return b.graph();
}

let tensors = 0;
function floats(b: GraphBuilder, shape: readonly number[], value = 0.5): string {
  tensors += 1;
  const count = shape.reduce((product, extent) => product * extent, 1);
  return b.tensor(`f${tensors}`, floatTensor(shape, new Float32Array(count).fill(value)));
}
function ints(b: GraphBuilder, values: readonly number[], shape = [values.length]): string {
  tensors += 1;
  return b.tensor(`i${tensors}`, intTensor(shape, values));
}
function bytes(b: GraphBuilder, type: DataType, shape: readonly number[], value = 1): string {
  tensors += 1;
  const count = shape.reduce((product, extent) => product * extent, 1);
  return b.tensor(`b${tensors}`, tensorFromBytes(type, shape, new Uint8Array(count).fill(value)));
}

const rois = (b: GraphBuilder) => [floats(b, [3, 4]), ints(b, [0, 1, 0])];
const eightBit = (b: GraphBuilder, x: string): string =>
  b.node("QuantizeLinear", [x, floats(b, [], 0.1), bytes(b, "uint8", [], 128)]);

const CASES: Readonly<Record<string, Graph>> = {
  GridSample: around("GridSample", {
    shape: [3, 5, 6],
    more: (b) => [floats(b, [2, 4, 7, 2], 0.1)],
  }),
  CumSum: around("CumSum", { shape: [3, 5], more: (b) => [ints(b, [1], [])] }),
  "Einsum with an arrow": around("Einsum", {
    shape: [3, 5],
    attributes: { equation: "bij,jk->bik" },
    more: (b) => [floats(b, [5, 4])],
  }),
  "Einsum without an arrow": around("Einsum", {
    shape: [3],
    attributes: { equation: "ba, ac" },
    more: (b) => [floats(b, [3, 4])],
  }),
  "Einsum with an ellipsis": around("Einsum", {
    shape: [3, 5, 6],
    attributes: { equation: "...ij,...jk->...ik" },
    more: (b) => [floats(b, [1, 3, 6, 4])],
  }),
  "TopK of opset 9, with its count as an attribute": around("TopK", {
    shape: [3, 9],
    attributes: { k: 4 },
    opset: 9,
    outputs: 2,
  }),
  "TopK along another axis": around("TopK", {
    shape: [3, 9],
    attributes: { axis: 1 },
    more: (b) => [ints(b, [2])],
    outputs: 2,
  }),
  GatherND: around("GatherND", { shape: [4, 5], more: (b) => [ints(b, [0, 1, 1, 3], [2, 2])] }),
  "GatherND with a batch axis": around("GatherND", {
    shape: [4, 5],
    attributes: { batch_dims: 1 },
    more: (b) => [ints(b, [1, 2], [2, 1])],
  }),
  GatherElements: around("GatherElements", {
    shape: [4],
    attributes: { axis: 1 },
    more: (b) => [ints(b, [1, 2, 3, 0], [2, 2])],
  }),
  ScatterElements: around("ScatterElements", {
    shape: [4],
    attributes: { axis: 1 },
    more: (b) => [ints(b, [1, 2], [2, 1]), floats(b, [2, 1])],
  }),
  RoiAlign: around("RoiAlign", {
    shape: [3, 9, 9],
    attributes: { output_height: 2, output_width: 4, sampling_ratio: 1 },
    more: rois,
  }),
  MaxRoiPool: around("MaxRoiPool", {
    shape: [3, 9, 9],
    attributes: { pooled_shape: [2, 3] },
    more: (b) => [floats(b, [3, 5], 0)],
  }),
  OneHot: around("OneHot", {
    shape: [3],
    attributes: { axis: 1 },
    more: (b) => [ints(b, [1, 2, 3, 0], [2, 2]), ints(b, [6], []), floats(b, [2])],
    alone: true,
  }),
  Range: around("Range", {
    shape: [1],
    more: (b) => [ints(b, [2], []), ints(b, [11], []), ints(b, [3], [])],
    alone: true,
  }),
  Trilu: around("Trilu", { shape: [4, 5], attributes: { upper: 0 } }),
  "STFT, one side": around("STFT", {
    shape: [40, 1],
    more: (b) => [ints(b, [4], []), floats(b, [16])],
  }),
  "STFT, both sides": around("STFT", {
    shape: [40, 1],
    attributes: { onesided: 0 },
    more: (b) => [ints(b, [4], []), "", ints(b, [16], [])],
  }),
  "DFT of opset 17": around("DFT", { shape: [8, 1], attributes: { axis: 1, onesided: 1 } }),
  "DFT of opset 20": around("DFT", {
    shape: [8, 1],
    opset: 20,
    more: (b) => ["", ints(b, [1], [])],
  }),
  HannWindow: around("HannWindow", { shape: [1], more: (b) => [ints(b, [9], [])], alone: true }),
  LSTM: around("LSTM", {
    shape: [3, 5],
    attributes: { hidden_size: 4 },
    more: (b) => [floats(b, [1, 16, 5]), floats(b, [1, 16, 4])],
    outputs: 3,
  }),
  "GRU in both directions": around("GRU", {
    shape: [3, 5],
    attributes: { hidden_size: 4, direction: "bidirectional" },
    more: (b) => [floats(b, [2, 12, 5]), floats(b, [2, 12, 4])],
    outputs: 2,
  }),
  RNN: around("RNN", {
    shape: [3, 5],
    attributes: { hidden_size: 2 },
    more: (b) => [floats(b, [1, 2, 5]), floats(b, [1, 2, 2])],
    outputs: 2,
  }),
  RandomNormal: around("RandomNormal", { shape: [1], attributes: { shape: [3, 4] }, alone: true }),
  RandomUniformLike: around("RandomUniformLike", { shape: [3, 4], attributes: { dtype: 11 } }),
  Bernoulli: around("Bernoulli", { shape: [3], attributes: { dtype: 6 } }),
  EyeLike: around("EyeLike", { shape: [4], attributes: { dtype: 7 } }),
  Det: around("Det", { shape: [4, 4] }),
  Hardmax: around("Hardmax", { shape: [4, 5], attributes: { axis: 1 } }),
  LpNormalization: around("LpNormalization", { shape: [4, 5] }),
  MeanVarianceNormalization: around("MeanVarianceNormalization", { shape: [4, 5, 5] }),
  ReverseSequence: around("ReverseSequence", {
    shape: [3, 5],
    attributes: { time_axis: 1, batch_axis: 0 },
    more: (b) => [ints(b, [2, 1])],
  }),
  MaxUnpool: (() => {
    const b = graphBuilder({ opset: 17 });
    b.input("x", ["batch", 3, 8, 8]);
    const attributes = { kernel_shape: [2, 2], strides: [2, 2] };
    b.node("MaxPool", ["x"], { attributes, outputs: ["pooled", "places"] });
    b.output(b.node("MaxUnpool", ["pooled", "places"], { attributes }));
    return b.graph();
  })(),
  QuantizeLinear: around("QuantizeLinear", {
    shape: [3, 5],
    more: (b) => [floats(b, [3]), bytes(b, "int8", [3])],
  }),
  "DequantizeLinear of what was quantised": (() => {
    const b = graphBuilder({ opset: 17 });
    b.input("x", ["batch", 3, 5]);
    b.output(b.node("DequantizeLinear", [eightBit(b, "x"), floats(b, []), bytes(b, "uint8", [])]));
    return b.graph();
  })(),
  DynamicQuantizeLinear: around("DynamicQuantizeLinear", { shape: [3, 5], outputs: 3 }),
  QLinearConv: (() => {
    const b = graphBuilder({ opset: 17 });
    b.input("x", ["batch", 3, 8, 9]);
    const scale = floats(b, [], 0.1);
    const zero = bytes(b, "uint8", []);
    const weight = bytes(b, "uint8", [4, 3, 3, 3]);
    const attributes = { pads: [1, 1, 1, 1], strides: [2, 1] };
    const inputs = [eightBit(b, "x"), scale, zero, weight, scale, zero, scale, zero];
    b.output(b.node("QLinearConv", inputs, { attributes }));
    return b.graph();
  })(),
  ConvInteger: (() => {
    const b = graphBuilder({ opset: 17 });
    b.input("x", ["batch", 3, 8, 9]);
    b.output(b.node("ConvInteger", [eightBit(b, "x"), bytes(b, "uint8", [4, 3, 3, 3])]));
    return b.graph();
  })(),
  MatMulInteger: (() => {
    const b = graphBuilder({ opset: 17 });
    b.input("x", ["batch", 3, 8]);
    b.output(b.node("MatMulInteger", [eightBit(b, "x"), bytes(b, "uint8", [8, 5])]));
    return b.graph();
  })(),
  QLinearMatMul: (() => {
    const b = graphBuilder({ opset: 17 });
    b.input("x", ["batch", 3, 8]);
    const scale = floats(b, [], 0.1);
    const zero = bytes(b, "uint8", []);
    const weight = bytes(b, "uint8", [8, 5]);
    b.output(
      b.node("QLinearMatMul", [eightBit(b, "x"), scale, zero, weight, scale, zero, scale, zero]),
    );
    return b.graph();
  })(),
  Col2Im: around("Col2Im", {
    shape: [12, 25],
    opset: 18,
    more: (b) => [ints(b, [6, 6]), ints(b, [2, 2])],
  }),
  CenterCropPad: around("CenterCropPad", {
    shape: [5, 6],
    opset: 18,
    attributes: { axes: [1, 2] },
    more: (b) => [ints(b, [3, 8])],
  }),
  AffineGrid: around("AffineGrid", {
    shape: [2, 3],
    opset: 20,
    more: (b) => [ints(b, [2, 3, 4, 5])],
  }),
  "If with branches of one shape": conditional(["Relu", "Neg"], false),
  "If whose branch is known": conditional(["Relu", "Flatten"], true),
  "Loop that scans": looping(),
  "Scan over the first axis": scanning(),
};

function branch(op: string, name: string): Graph {
  const b = graphBuilder({ opset: 17, name });
  const value = `${name}_value`;
  const graph = {
    ...b.graph(),
    nodes: [
      { name, opType: op, domain: "", inputs: ["x"], outputs: [value], attributes: new Map() },
    ],
    outputs: [{ name: value, type: null, shape: null }],
  };
  return graph;
}

function conditional(ops: readonly [string, string], known: boolean): Graph {
  const b = graphBuilder({ opset: 17 });
  b.input("x", ["batch", 3, 4]);
  const sum = b.node("ReduceSum", ["x"], { attributes: { keepdims: 0 } });
  const condition = known
    ? b.tensor("true", tensorFromBytes("bool", [], Uint8Array.of(1)))
    : b.node("Greater", [sum, floats(b, [], 0)]);
  const attributes = {
    then_branch: { graph: branch(ops[0], "then") },
    else_branch: { graph: branch(ops[1], "else") },
  };
  b.output(b.node("If", [condition], { attributes }));
  return b.graph();
}

function looping(): Graph {
  const inner = graphBuilder({ opset: 17, name: "body" });
  inner.input("turn", [], "int64");
  inner.input("on", [], "bool");
  inner.input("state", null);
  inner.node("Identity", ["on"], { outputs: ["still"] });
  inner.node("Mul", ["state", "state"], { outputs: ["next"] });
  inner.node("ReduceMean", ["state"], {
    attributes: { axes: [1], keepdims: 0 },
    outputs: ["mean"],
  });
  inner.output("still", [], "bool");
  inner.output("next");
  inner.output("mean");
  const b = graphBuilder({ opset: 17 });
  b.input("x", ["batch", 3, 4]);
  b.node("Loop", [ints(b, [5], []), "", "x"], {
    attributes: { body: { graph: inner.graph() } },
    outputs: ["last", "means"],
  });
  b.output("last");
  b.output("means");
  return b.graph();
}

function scanning(): Graph {
  const inner = graphBuilder({ opset: 17, name: "body" });
  inner.input("sum", null);
  inner.input("row", null);
  inner.node("Add", ["sum", "row"], { outputs: ["next"] });
  inner.node("Identity", ["next"], { outputs: ["partial"] });
  inner.output("next");
  inner.output("partial");
  const b = graphBuilder({ opset: 17 });
  b.input("x", ["batch", 3, 4]);
  b.node("Scan", [floats(b, [3, 4], 0), "x"], {
    attributes: { body: { graph: inner.graph() }, num_scan_inputs: 1 },
    outputs: ["last", "partials"],
  });
  b.output("last");
  b.output("partials");
  return b.graph();
}

test.each(Object.entries(CASES))("%s has onnxruntime's shape", async (_name, graph) => {
  expect(await shapeDifferences(graph, 2)).toEqual([]);
});

const BY_DATA: Readonly<Record<string, Graph>> = {
  NonMaxSuppression: around("NonMaxSuppression", {
    shape: [1],
    more: (b) => [floats(b, [1, 6, 4]), floats(b, [1, 2, 6]), ints(b, [3], [1])],
    alone: true,
  }),
  NonZero: around("NonZero", { shape: [3, 4] }),
  "Compress of an axis": around("Compress", {
    shape: [3, 4],
    attributes: { axis: 1 },
    more: (b) => [b.tensor("keep", tensorFromBytes("bool", [3], Uint8Array.of(1, 0, 1)))],
  }),
  Compress: around("Compress", {
    shape: [3],
    more: (b) => [b.tensor("keep", tensorFromBytes("bool", [3], Uint8Array.of(1, 0, 1)))],
  }),
  Unique: around("Unique", { shape: [3], outputs: ["u", "i", "r", "c"] }),
};

test.each(Object.entries(BY_DATA))(
  "%s has onnxruntime's rank, and its extents where they don't depend on the data",
  async (_name, graph) => {
    const shapes = inferShapes(graph, { batch: 2 });
    const names = graph.nodes.flatMap((node) => node.outputs);
    const outputs = names.map((name) => ({
      name,
      type: shapes.of(name)?.type ?? null,
      shape: null,
    }));
    const ran = await runSeeded({ ...graph, outputs });
    for (const [name, value] of ran) {
      const found = shapes.of(name);
      expect(found?.type).toBe(value.type);
      expect(found?.shape).toHaveLength(value.shape.length);
      found?.shape.forEach((extent, axis) => {
        if (extent !== null) expect(extent).toBe(value.shape[axis]);
      });
    }
  },
);

test("every op that nothing is pruned through has a shape rule, but those of attention", () => {
  const without = KNOWN_OPS.filter(([op, { kind }]) => kind === "fixed" && !hasFixedRule(op));
  expect(without.map(([op]) => op)).toEqual(["Attention"]);
});

test("an If whose branches differ leaves only what differs unknown", () => {
  const graph = conditional(["Relu", "Transpose"], false);
  expect(inferShapes(graph, { batch: 2 }).of("If2_out")?.shape ?? []).toEqual([null, 3, null]);
});
