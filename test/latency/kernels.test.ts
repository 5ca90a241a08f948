import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Seen } from "../../scripts/devices/observed.ts";
import { hardwareOf, timedRuns } from "../../scripts/devices/timed-runs.ts";
import { packageRoot } from "../../src/core/files.ts";
import { graphBuilder } from "../../src/graph/build.ts";
import { floatTensor } from "../../src/graph/tensor.ts";
import { type DeviceModel, readDevice } from "../../src/latency/predict/device.ts";
import { observedMs } from "../../src/latency/predict/fit-device.ts";
import { runObservation } from "../../src/latency/predict/observations.ts";
import { networkWorks, predictTable } from "../../src/latency/predict/predict-table.ts";
import { kernelsOf, type Work, workMs, workTimer } from "../../src/latency/predict/roofline.ts";
import { publishedNetwork } from "../../src/networks/published/published.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import type { Structure } from "../../src/structure/structure.ts";

const device = (name: string): ReturnType<typeof readDevice> =>
  readDevice(join(packageRoot(), "latency-tables", name, "device.json"));
const [NANO, ORIN] = [device("jetson-nano"), device("jetson-orin-nano")];
const AT = { batch: 1, precision: "float16", step: 8 } as const;

/** Two convolutions, the first with that activation behind it. */
function activated(activation: "Relu" | "Swish" | "LeakyRelu"): Structure {
  const b = graphBuilder({ opset: 17, name: activation });
  const weight = (name: string, shape: readonly number[]): string =>
    b.tensor(name, floatTensor(shape, new Float32Array(shape.reduce((a, c) => a * c, 1)).fill(1)));
  const x = b.input("x", [1, 16, 40, 40]);
  const conv = b.node("Conv", [x, weight("w1", [64, 16, 1, 1])], { name: "first" });
  const y =
    activation === "Swish"
      ? b.node("Mul", [conv, b.node("Sigmoid", [conv])])
      : b.node(activation, [conv]);
  b.output(b.node("Conv", [y, weight("w2", [16, 64, 1, 1])], { name: "second" }));
  return findStructure(b.graph());
}

const firstMs = (of: typeof NANO, activation: Parameters<typeof activated>[0]): number =>
  predictTable(activated(activation), of, AT).ops[0]?.ms.at(-1) ?? 0;

describe("an activation behind a convolution", () => {
  test("is a kernel of its own, where the device doesn't compute it inside", () => {
    const bytes = 2 * 2 * 64 * 40 * 40;
    for (const [activation, family] of [
      ["Swish", "sigmoid"],
      ["LeakyRelu", "leaky"],
    ] as const) {
      const own = workMs(NANO, "float16", { kind: "memory", bytes, family });
      expect(own).toBeGreaterThan(0);
      expect(firstMs(NANO, activation)).toBeCloseTo(firstMs(NANO, "Relu") + own, 9);
    }
  });

  test("costs nothing where the device does", () => {
    expect(ORIN.model.fused).toEqual(["sigmoid"]);
    expect(firstMs(ORIN, "Swish")).toBe(firstMs(ORIN, "Relu"));
    expect(firstMs(ORIN, "LeakyRelu")).toBeGreaterThan(firstMs(ORIN, "Relu"));
  });

  test("of several kernels, the whole takes as long as they do", () => {
    const works = networkWorks(activated("Swish"), AT).flatMap(
      ({ op, workAt }) => workAt(op.axes.map(() => 24)) ?? [],
    );
    expect(works).toHaveLength(2);
    expect(works.flatMap(kernelsOf)).toHaveLength(3);
    for (const work of works) {
      const sum = kernelsOf(work).reduce((total, one) => total + workMs(NANO, "float16", one), 0);
      expect(workMs(NANO, "float16", work)).toBeCloseTo(sum, 12);
    }
  });
});

const contraction = fc.record({
  kind: fc.constant("contraction" as const),
  rows: fc.constantFrom(1, 49, 3136),
  columns: fc.constantFrom(8, 64, 200),
  channels: fc.integer({ min: 1, max: 600 }),
  taps: fc.constantFrom(1, 9),
  groups: fc.constantFrom(1, 2),
  winograd: fc.boolean(),
  bytes: fc.integer({ min: 1, max: 5_000_000 }),
});

describe("timing kernels", () => {
  test("one after the other gives what each takes alone", () => {
    fc.assert(
      fc.property(fc.array(contraction, { maxLength: 12 }), (works) => {
        const time = workTimer(NANO, "float16");
        expect(works.map(time)).toEqual(works.map((work) => workMs(NANO, "float16", work)));
      }),
      { seed: 20261130, numRuns: 200 },
    );
  });

  test("each position of a window takes whole steps, unless channels are few", () => {
    const time = (channels: number, tapChannels?: number): number => {
      const model: DeviceModel = { ...NANO.model, depthStep: 32, tapChannels, launches: {} };
      const work: Work = {
        ...{ kind: "contraction", rows: 3136, columns: 64, channels, taps: 9, groups: 1 },
        ...{ winograd: false, bytes: 0 },
      };
      const launchMs = (model.launchUs + (model.launchCycles ?? 0) / NANO.hardware.clockMhz) * 1e-3;
      return workMs({ hardware: NANO.hardware, model }, "float16", work) - launchMs;
    };
    // 9 steps of 32 channels in place of 5 with two positions each.
    expect(time(16, 16) / time(16)).toBeCloseTo(9 / 5, 9);
    expect(time(8, 16)).toBe(time(8));
    expect(time(64, 16)).toBeCloseTo(time(64), 12);
  });

  test("again and again while constants change agrees with timing each run", () => {
    const runs = (["resnet18@64", "yoloxn@64"] as const).flatMap((network): Seen[] => {
      const structure = findStructure(publishedNetwork(network).graph);
      const run = { network, batch: 1, precision: "float16", ms: 1 } as const;
      const seen = { ...runObservation(structure, run), network, side: 64, batch: 1, set: "test" };
      return [
        { ...seen, family: "cnn", board: "jetson-nano", powerMode: null },
        { ...seen, family: "cnn", board: "jetson-orin-nano", powerMode: "7w" },
      ];
    });
    const times = timedRuns(runs);
    const changes: readonly Partial<DeviceModel>[] = [
      ...[{}, { launchUs: 40 }, { stepCycles: 4000 }, { families: { conv3x3: 3 } }],
      ...[{ launches: { contraction: 2, leaky: 5 } }, { callMs: 9 }, { fused: [] }, {}],
      ...[{ depthStep: 8 }, { bandwidthEfficiency: 0.1 }],
    ];
    for (const change of changes) {
      const modelOf = (board: string): DeviceModel => ({ ...device(board).model, ...change });
      const expected = runs.map((run) =>
        observedMs(hardwareOf(run.board, run.powerMode), modelOf(run.board), run),
      );
      for (const [at, ms] of times(modelOf).entries()) {
        expect(ms, JSON.stringify(change)).toBeCloseTo(expected[at] ?? 0, 9);
      }
    }
  });
});
