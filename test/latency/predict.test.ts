import { readFileSync } from "node:fs";
import { join } from "node:path";
import { brotliDecompressSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { NETWORKS } from "../../scripts/devices/networks.ts";
import { packageRoot } from "../../src/core/files.ts";
import { graphBuilder } from "../../src/graph/build.ts";
import { floatTensor } from "../../src/graph/tensor.ts";
import { latencyMs } from "../../src/latency/lookup.ts";
import { readDevice } from "../../src/latency/predict/device.ts";
import { predictTable } from "../../src/latency/predict/predict-table.ts";
import { workMs } from "../../src/latency/predict/roofline.ts";
import { parseTable } from "../../src/latency/table.ts";
import { parseModel } from "../../src/onnx/read.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import type { AxisCount, Structure } from "../../src/structure/structure.ts";
import { sharedPath } from "../helpers/shared.ts";

const device = (name: string): ReturnType<typeof readDevice> =>
  readDevice(join(packageRoot(), "latency-tables", name, "device.json"));
const XAVIER = device("jetson-xavier");
const AT_ONE = { batch: 1, precision: "float16", step: 8 } as const;

/** Two residual blocks of basic shape with a depthwise layer in the second, a concatenation and a classifier. */
function smallNetwork(width = 64): Structure {
  const b = graphBuilder({ opset: 17, name: "small" });
  let weights = 0;
  const conv = (x: string, to: number, from: number, kernel: number, group = 1): string => {
    weights += 1;
    const shape = [to, from / group, kernel, kernel];
    const count = shape.reduce((product, extent) => product * extent, 1);
    b.tensor(`w${weights}`, floatTensor(shape, new Float32Array(count).fill(0.01)));
    const pad = kernel >> 1;
    return b.node("Conv", [x, `w${weights}`], {
      attributes: { group, kernel_shape: [kernel, kernel], pads: [pad, pad, pad, pad] },
      name: `conv${weights}`,
    });
  };
  const relu = (x: string): string => b.node("Relu", [x]);
  b.input("x", ["batch", 3, 32, 32]);
  const stem = relu(conv("x", width, 3, 3));
  const first = relu(
    b.node("Add", [conv(relu(conv(stem, width, width, 3)), width, width, 3), stem]),
  );
  const hidden = relu(conv(first, 2 * width, width, 1));
  const depthwise = relu(conv(hidden, 2 * width, 2 * width, 3, 2 * width));
  const second = relu(b.node("Add", [conv(depthwise, width, 2 * width, 1), first]));
  const joined = b.node("Concat", [second, relu(conv(second, 32, width, 1))], {
    attributes: { axis: 1 },
  });
  const pooled = b.node("Flatten", [b.node("GlobalAveragePool", [joined])]);
  b.tensor("fc", floatTensor([10, width + 32], new Float32Array(10 * (width + 32)).fill(0.01)));
  b.output(b.node("Gemm", [pooled, "fc"], { attributes: { transB: 1 } }));
  return findStructure(b.graph());
}

describe("a predicted table", () => {
  const structure = smallNetwork();
  const table = predictTable(structure, XAVIER, AT_ONE);

  test("passes the checks of a table that is read from a file", () => {
    expect(parseTable(JSON.parse(JSON.stringify(table)), "x.json")).toEqual(table);
  });

  test("says predicted in the device, in every cell and in a note, with the expected error", () => {
    expect(table.device.kind).toBe("predicted");
    for (const op of table.ops) expect(op.origin).toBe("p".repeat(op.ms.length));
    expect(table.expectedError?.mean).toBe(XAVIER.expectedError.mean);
    expect(table.notes.join(" ")).toContain("not measured");
  });

  test("sums to the dense time at all channels", () => {
    const dense = table.ops.map((op) =>
      latencyMs(
        op,
        op.counts.map((axis) => axis.at(-1) ?? 0),
      ),
    );
    const sum = dense.reduce((ms, cell) => ms + cell.ms, table.fixedMs);
    expect(table.denseMs).toBeCloseTo(sum, 9);
  });

  test("has two axes for a convolution and one for a depthwise one", () => {
    const axes = (label: string): number | undefined =>
      table.ops.find((op) => op.label === label)?.axes.length;
    expect(axes("conv2")).toBe(2);
    expect(axes("conv5")).toBe(1);
  });

  test("counts activations as part of what stands before them, and of concatenations the bytes alone", () => {
    const kinds = table.ops.map((op) => op.kind.split("+")[0]);
    expect(kinds).not.toContain("Relu");
    const joins = table.ops.filter(({ kind }) => kind === "Concat");
    expect(joins.length).toBe(1);
    expect(Math.max(...(joins[0]?.ms ?? []))).toBeLessThan(XAVIER.model.launchUs * 1e-3 + 0.02);
    const { families: _, ...model } = XAVIER.model;
    const plain = predictTable(structure, { ...XAVIER, model }, AT_ONE);
    expect(plain.ops.map(({ kind }) => kind)).not.toContain("Concat");
  });

  test("says where much of the time is in kernels that nothing was fitted to", () => {
    const { kernels = [], ...fit } = XAVIER.fit;
    expect(table.notes.join(" ")).not.toContain("of kinds that no network has");
    const unaware = {
      ...XAVIER,
      fit: { ...fit, kernels: kernels.filter((one) => one !== "conv3x3") },
    };
    expect(predictTable(structure, unaware, AT_ONE).notes.join(" ")).toContain("conv3x3");
  });

  test("covers every multiple of the step, the fewest and all channels", () => {
    const full = (axis: AxisCount): number =>
      axis.parts.reduce(
        (sum, { dim, perUnit }) => sum + perUnit * (structure.dims[dim]?.size ?? 0),
        axis.fixed,
      );
    for (const op of table.ops) {
      for (const [index, axis] of op.axes.entries()) {
        const most = full(axis);
        const multiples = Array.from({ length: Math.floor(most / 8) }, (_, k) => 8 * (k + 1));
        expect(op.counts[index]).toEqual(expect.arrayContaining([...multiples, most]));
      }
    }
  });

  test("never costs less at more channels", () => {
    for (const op of table.ops) {
      const last = op.counts.at(-1) ?? [];
      op.ms.forEach((ms, cell) => {
        const isFirst = last.length === 0 || cell % last.length === 0;
        if (!isFirst) expect(ms).toBeGreaterThanOrEqual(op.ms[cell - 1] ?? 0);
      });
    }
  });

  test("grows less than in proportion with the batch, and says that this is an extrapolation", () => {
    const large = predictTable(structure, XAVIER, { ...AT_ONE, batch: 64 });
    expect(large.denseMs).toBeGreaterThan(3 * table.denseMs);
    expect(large.denseMs).toBeLessThan(64 * table.denseMs);
    expect(large.network.inputShape).toEqual([64, 3, 32, 32]);
    expect(large.notes.join(" ")).toContain("batch 64 is an extrapolation");
  });

  test("costs more in float32 than in float16", () => {
    const wide = predictTable(structure, XAVIER, { ...AT_ONE, batch: 64, precision: "float32" });
    expect(wide.denseMs).toBeGreaterThan(
      predictTable(structure, XAVIER, { ...AT_ONE, batch: 64 }).denseMs,
    );
  });

  test("coarsens its grid rather than filling more cells than it may, and says so", () => {
    const fine = predictTable(smallNetwork(300), XAVIER, { ...AT_ONE, step: 1 });
    for (const op of fine.ops) expect(op.ms.length).toBeLessThanOrEqual(65_536);
    expect(fine.notes.join(" ")).toContain("coarser");
    expect(table.notes.join(" ")).not.toContain("coarser");
  });
});

const GRAPHS = [
  ["resnet18_op13_bn", "ResNet-18", 0.01],
  ["resnet50_op13_bn", "ResNet-50", 0.001],
  ["mobilenet_v2_op13_bn", "MobileNetV2", 0.001],
  ["squeezenet1_1_op13_bn", "SqueezeNet 1.1", 0.001],
] as const;

// Two independent roads to one number: the ONNX graph, and layers written down by hand from the papers.
describe.skipIf(sharedPath("graphs") === null)(
  "the prediction of an ONNX file (skipped without the shared graphs)",
  () => {
    test.each(GRAPHS)("%s agrees with the layers of %s", (file, network, tolerance) => {
      const packed = readFileSync(sharedPath(`graphs/${file}.onnx.br`) ?? "");
      const bytes = brotliDecompressSync(packed);
      const { graph } = parseModel(bytes, { where: file, folder: null }, { checkWeights: false });
      const structure = findStructure(graph);
      for (const name of ["jetson-xavier", "jetson-nano"]) {
        // Those layers know of no families of kernels.
        const { families: _, launches: __, ...model } = device(name).model;
        const board = { ...device(name), model };
        const expected = (NETWORKS[network] ?? []).reduce(
          (sum, work) => sum + workMs(board, "float16", work),
          board.model.callMs,
        );
        const { denseMs } = predictTable(structure, board, { ...AT_ONE, step: 64 });
        expect(Math.abs(denseMs / expected - 1)).toBeLessThan(tolerance);
      }
    });
  },
);
