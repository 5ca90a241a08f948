import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { packageRoot } from "../../src/core/files.ts";
import { PRECISIONS, readDevice } from "../../src/latency/predict/device.ts";
import { type Work, workMs } from "../../src/latency/predict/roofline.ts";

const DEVICES = ["jetson-nano", "jetson-xavier", "jetson-orin-nano", "jetson-agx-orin"].map(
  (name) => readDevice(join(packageRoot(), "latency-tables", name, "device.json")),
);
const [NANO, XAVIER] = DEVICES as [(typeof DEVICES)[number], (typeof DEVICES)[number]];

type Contraction = Work & { readonly kind: "contraction" };

const contraction = fc.record({
  kind: fc.constant("contraction" as const),
  rows: fc.integer({ min: 1, max: 60_000 }),
  columns: fc.integer({ min: 1, max: 2048 }),
  channels: fc.integer({ min: 1, max: 2048 }),
  taps: fc.constantFrom(1, 9, 25, 49),
  groups: fc.constantFrom(1, 1, 2, 8),
  winograd: fc.boolean(),
  bytes: fc.integer({ min: 1, max: 50_000_000 }),
});
const device = fc.constantFrom(...DEVICES);
const precision = fc.constantFrom(...PRECISIONS);
const RUNS = { seed: 20261121, numRuns: 300 };

/** Work without any traffic, so that only arithmetic shows. */
function computeOnly(channels: number, columns: number, rows: number): Contraction {
  const shape = { rows, columns, channels, taps: 1, groups: 1 };
  return { kind: "contraction", ...shape, winograd: false, bytes: 0 };
}

describe("the time of a kernel", () => {
  test("is never below its launch plus what its bytes need at the published bandwidth", () => {
    fc.assert(
      fc.property(device, precision, contraction, (d, format, work) => {
        const gain = d.model.cache?.gain ?? 1;
        const bytesMs = work.bytes / (d.hardware.memoryGBPerSecond * 1e6 * gain);
        expect(workMs(d, format, work)).toBeGreaterThanOrEqual(d.model.launchUs * 1e-3 + bytesMs);
      }),
      RUNS,
    );
  });

  test("is never below what its flops need at the published peak, Winograd's saving allowed", () => {
    fc.assert(
      fc.property(device, precision, contraction, (d, format, work) => {
        const flops = 2 * work.rows * work.columns * work.channels * work.taps * work.groups;
        const gain = work.winograd ? d.model.winogradGain : 1;
        const { contractionTflops: peak } = d.hardware;
        const rate = (peak[format] ?? peak.float16) * (d.model.contractionEfficiency ?? 1);
        // At best the fitted share of the peak, in the kernel family and the number format that gains most.
        const most = rate * Math.max(1, d.model.rates?.[format] ?? 1);
        expect(workMs(d, format, work)).toBeGreaterThan(flops / (most * 1e9 * gain));
      }),
      RUNS,
    );
  });

  test("never falls when rows, columns, channels, groups or bytes grow", () => {
    const grown = fc.record({
      rows: fc.integer({ min: 0, max: 500 }),
      columns: fc.integer({ min: 0, max: 100 }),
      channels: fc.integer({ min: 0, max: 100 }),
      groups: fc.integer({ min: 0, max: 3 }),
      bytes: fc.integer({ min: 0, max: 1_000_000 }),
    });
    fc.assert(
      fc.property(device, precision, contraction, grown, (d, format, work, more) => {
        const larger: Work = {
          ...work,
          rows: work.rows + more.rows,
          columns: work.columns + more.columns,
          channels: work.channels + more.channels,
          groups: work.groups + more.groups,
          bytes: work.bytes + more.bytes,
        };
        expect(workMs(d, format, larger)).toBeGreaterThanOrEqual(workMs(d, format, work));
      }),
      RUNS,
    );
  });

  test("is the same for channels that pad to one multiple, and grows past it", () => {
    const at = (channels: number): number =>
      workMs(XAVIER, "float16", { ...computeOnly(channels, 256, 50_000), taps: 9 });
    expect(at(57)).toBe(at(64));
    expect(at(65)).toBeGreaterThan(at(64));
  });

  test("forms stairs where one more tile makes the busiest multiprocessor work longer", () => {
    const { multiprocessors } = XAVIER.hardware;
    const at = (tiles: number): number =>
      workMs(
        { ...XAVIER, model: { ...XAVIER.model, tiles: [[64, 64]] } },
        "float16",
        computeOnly(4096, 64, 64 * tiles),
      );
    const many = 8 * multiprocessors;
    expect(at(many - 1)).toBe(at(many));
    expect(at(many + 1)).toBeGreaterThan(at(many));
  });

  test("follows the way through the contracted axis where there is a single tile", () => {
    const at = (channels: number): number =>
      workMs(XAVIER, "float16", computeOnly(channels, 64, 49));
    const stepMs = XAVIER.model.stepCycles / (XAVIER.hardware.clockMhz * 1e3);
    expect(at(2048) - at(1024)).toBeCloseTo((1024 / XAVIER.model.depthStep) * stepMs, 9);
  });

  test("gains from Winograd's algorithm on the device without tensor cores only", () => {
    const work = { ...computeOnly(256, 256, 50_000), taps: 9 };
    const gain = (d: typeof NANO): number =>
      workMs(d, "float16", work) / workMs(d, "float16", { ...work, winograd: true });
    expect(gain(NANO)).toBeGreaterThan(1.4);
    expect(gain(XAVIER)).toBe(1);
  });

  test("of a memory-bound kernel is launch and bytes", () => {
    const bytes = 12_345_678;
    const { cache: _, launches: __, ...model } = NANO.model;
    const plain = { ...NANO, model: { ...model, launchCycles: 9216 } };
    const bandwidth = NANO.hardware.memoryGBPerSecond * 1e6 * NANO.model.bandwidthEfficiency;
    expect(workMs(plain, "float16", { kind: "memory", bytes })).toBeCloseTo(
      (NANO.model.launchUs + 10) * 1e-3 + bytes / bandwidth,
      9,
    );
  });
});
