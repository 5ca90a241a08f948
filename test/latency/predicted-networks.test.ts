import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { packageRoot } from "../../src/core/files.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { floatTensor, intTensor } from "../../src/graph/tensor.ts";
import { readDevice } from "../../src/latency/predict/device.ts";
import { predictTable } from "../../src/latency/predict/predict-table.ts";
import { modelOf } from "../../src/onnx/model.ts";
import type { OpenNetwork } from "../../src/pipeline/open/network.ts";
import { tableFor } from "../../src/pipeline/tables/table-source.ts";
import { batchOf } from "../../src/structure/batch.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import { quantised } from "../helpers/low-precision.ts";
import { type NetworkBuilder, networkBuilder } from "../helpers/networks.ts";

const XAVIER = readDevice(join(packageRoot(), "latency-tables", "jetson-xavier", "device.json"));

function opened(graph: Graph, bind: Readonly<Record<string, number>> = {}): OpenNetwork {
  const structure = findStructure(graph, { bind });
  return {
    ...{ name: "net", path: "net.onnx", embedded: false, hash: "" },
    ...{ model: modelOf(structure.graph), structure },
  };
}

/** Two convolutions on an input of this shape. */
function convolutions(shape: readonly (number | string)[]): Graph {
  const b = networkBuilder(3);
  const input = b.input("x", shape);
  const image = shape.length === 3 ? b.node("Unsqueeze", [input, b.ints("axis", [0])]) : input;
  const first = b.relu(b.conv("a", image, { from: 3, to: 32, bn: false }));
  const second = b.relu(b.conv("b", first, { from: 32, to: 32, bn: false }));
  b.output(b.conv("c", second, { from: 32, to: 8, bn: false }));
  return b.graph();
}

const predicted = (open: OpenNetwork, batch?: number) =>
  tableFor(open, { device: "jetson-xavier", batch, commandLine: "" });

describe("a table is predicted at the network's batch", () => {
  test.each([
    [["batch", 3, 32, 32], {}, { images: 1, isFixed: false, hasAxis: true }, 64, null],
    [
      ["batch", 3, 32, 32],
      { batch: 4 },
      { images: 4, isFixed: true, hasAxis: true },
      4,
      "fixed to 4 images",
    ],
    [
      [1, 3, 32, 32],
      {},
      { images: 1, isFixed: true, hasAxis: true },
      1,
      "fixed to 1 image per run",
    ],
    [[6, 3, 32, 32], {}, { images: 6, isFixed: true, hasAxis: true }, 6, "fixed to 6 images"],
    [[3, 32, 32], {}, { images: 1, isFixed: true, hasAxis: false }, 1, "no axis for a batch"],
  ] as const)("for an input of %j bound to %j", (shape, bind, batch, asked, note) => {
    const open = opened(convolutions(shape), bind);
    expect(batchOf(open.structure)).toEqual(batch);
    const { table, notes } = predicted(open);
    expect(table.batch).toBe(asked);
    if (note === null) expect(notes.join()).not.toContain("batch");
    else expect(notes.join()).toContain(note);
  });

  test("its times are those of the open network at that batch", () => {
    const open = predicted(opened(convolutions(["batch", 3, 32, 32])), 6).table;
    const fixed = predicted(opened(convolutions([6, 3, 32, 32]))).table;
    expect(fixed.denseMs).toBeCloseTo(open.denseMs, 9);
    const single = predicted(opened(convolutions([3, 32, 32]))).table;
    const one = predicted(opened(convolutions([1, 3, 32, 32]))).table;
    expect(single.denseMs / one.denseMs).toBeCloseTo(1, 1);
    expect(single.network.inputShape).toEqual([3, 32, 32]);
  });

  test("another one that is asked for is used, and the table says that the network doesn't allow it", () => {
    const { table, notes } = predicted(opened(convolutions([6, 3, 32, 32])), 12);
    expect(table.batch).toBe(12);
    expect(notes.join()).toContain("fixed to 6 images per run; latencies are for 12");
  });
});

/** Boxes and scores from a convolution each; a suppression that gathers and reshapes what it keeps. */
function detector(end: "suppression" | "none"): Graph {
  const b = networkBuilder(4);
  const x = b.relu(b.conv("stem", b.input("x", [1, 3, 64, 64]), { from: 3, to: 32, bn: false }));
  const flat = (name: string, to: number): string =>
    b.node("Reshape", [
      b.conv(name, x, { from: 32, to, bn: false }),
      b.ints(`${name}.shape`, [1, to, 4096]),
    ]);
  const boxes = b.node("Transpose", [flat("boxes", 4)], { attributes: { perm: [0, 2, 1] } });
  const scores = b.node("Sigmoid", [flat("scores", 3)]);
  if (end === "none") {
    b.output(boxes);
    b.output(scores);
    return b.graph();
  }
  const scalar = (name: string, value: number): string => b.tensor(name, floatTensor([], [value]));
  const kept = b.node("NonMaxSuppression", [
    ...[boxes, scores, b.tensor("most", intTensor([], [100]))],
    ...[scalar("overlap", 0.5), scalar("least", 0.3)],
  ]);
  const index = b.node("Gather", [kept, b.tensor("two", intTensor([], [2]))], {
    attributes: { axis: 1 },
  });
  const chosen = b.node("Gather", [boxes, index], { attributes: { axis: 1 } });
  const larger = b.node("Mul", [b.node("Sqrt", [b.node("Abs", [chosen])]), scalar("by", 64)]);
  b.output(b.node("Concat", [larger, chosen], { attributes: { axis: 2 } }), null);
  return b.graph();
}

describe("the end of a detector", () => {
  const options = { batch: 1, precision: "float16", step: 8 } as const;
  const table = predictTable(findStructure(detector("suppression")), XAVIER, options);
  const bare = predictTable(findStructure(detector("none")), XAVIER, options);

  test("is one kernel that reads boxes and scores, and a note says so", () => {
    const added = table.ops.filter(({ id }) => !bare.ops.some((op) => op.id === id));
    expect(added.map(({ kind }) => kind)).toEqual(["NonMaxSuppression"]);
    expect(table.notes.join()).toContain("EfficientNMS");
    expect(bare.notes.join()).not.toContain("EfficientNMS");
    expect(table.denseMs).toBeGreaterThan(bare.denseMs);
  });

  test("is run one by one where layers follow it: the regions of a second stage", () => {
    const b: NetworkBuilder = networkBuilder(4);
    const x = b.input("x", [1, 3, 16, 16]);
    const boxes = b.input("boxes", [1, 50, 4]);
    const scores = b.input("scores", [1, 1, 50]);
    const kept = b.node("NonMaxSuppression", [boxes, scores]);
    const index = b.node("Gather", [kept, b.tensor("two", intTensor([1], [2]))], {
      attributes: { axis: 1 },
    });
    const flat = b.node("Reshape", [index, b.ints("flat", [-1])]);
    const regions = b.node("Gather", [b.node("Squeeze", [boxes, b.ints("zero", [0])]), flat]);
    const batches = b.node("Mul", [flat, b.tensor("none", intTensor([1], [0]))]);
    const cut = b.node("RoiAlign", [b.conv("a", x, { from: 3, to: 8 }), regions, batches], {
      attributes: { output_height: 4, output_width: 4 },
    });
    b.output(b.conv("c", cut, { from: 8, to: 4, bn: false }), null);
    const second = predictTable(findStructure(b.graph()), XAVIER, options);
    expect(second.notes.join()).not.toContain("EfficientNMS");
  });
});

describe("a quantised network", () => {
  test("is predicted in int8, without its rounding, close to the float network in int8", async () => {
    const plain = convolutions(["batch", 3, 32, 32]);
    const open = opened(await quantised(plain, { perChannel: true }));
    const { table } = predicted(open);
    expect(table.precision).toBe("int8");
    expect(table.notes.join()).toContain("count in int8");
    const wanted = predictTable(findStructure(plain), XAVIER, {
      ...{ batch: 64, precision: "int8", step: 8 },
    });
    expect(Math.abs(table.denseMs / wanted.denseMs - 1)).toBeLessThan(0.15);
    const half = predictTable(open.structure, XAVIER, {
      ...{ batch: 64, precision: "float16", step: 8 },
    });
    expect(half.denseMs).toBeGreaterThan(1.1 * table.denseMs);
    expect(half.notes.join()).toContain("as without its rounding");
  });

  test("counts in float16 what reads no DequantizeLinear", async () => {
    const graph = await quantised(convolutions(["batch", 3, 32, 32]), { perChannel: true });
    const [first] = graph.nodes.filter(({ opType }) => opType === "Conv").slice(1);
    const source = graph.nodes.find(({ outputs }) => outputs[0] === first?.inputs[0])?.inputs[0];
    const before = graph.nodes.find(({ outputs }) => outputs[0] === source)?.inputs[0] ?? "";
    const bypassed = {
      ...graph,
      nodes: graph.nodes.map((node) =>
        node === first ? { ...node, inputs: [before, ...node.inputs.slice(1)] } : node,
      ),
    };
    const options = { batch: 64, precision: "int8", step: 8 } as const;
    const whole = predictTable(findStructure(graph), XAVIER, options);
    const mixed = predictTable(findStructure(bypassed), XAVIER, options);
    expect(mixed.denseMs).toBeGreaterThan(1.05 * whole.denseMs);
  });
});
