import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { packageRoot, readJson } from "../../src/core/files.ts";
import { inPowerMode, parseDevice, readDevice } from "../../src/latency/predict/device.ts";
import { observedMs } from "../../src/latency/predict/fit-device.ts";
import { runObservation } from "../../src/latency/predict/observations.ts";
import { workMs } from "../../src/latency/predict/roofline.ts";
import { publishedNetwork } from "../../src/networks/published/published.ts";
import { findStructure } from "../../src/structure/find-structure.ts";

const path = (name: string): string => join(packageRoot(), "latency-tables", name, "device.json");
const JETSONS = [
  ...["jetson-nano", "jetson-tx2", "jetson-xavier-nx", "jetson-xavier", "jetson-orin-nano"],
  ...["jetson-orin-nx", "jetson-agx-orin", "jetson-agx-orin-32gb"],
];

describe("a device description", () => {
  test.each(JETSONS)(
    "of %s is read, with sources, modes and the errors that it was judged with",
    (name) => {
      const device = readDevice(path(name));
      const { expectedError, errors = [], fit, powerMode = "", powerModes = {} } = device;
      expect(device.name).toBe(name);
      expect(device.kind).toBe("predicted");
      expect(device.sources.length).toBeGreaterThan(0);
      expect(expectedError.mean).toBeGreaterThan(0);
      expect(expectedError.worst).toBeGreaterThanOrEqual(expectedError.mean);
      expect(powerModes[powerMode]?.hardware).toEqual({});
      expect(errors.some(({ by }) => by === "family")).toBe(true);
      const here = fit.leaveOneOut.filter(({ network }) => !/batch|float32|int8/.test(network));
      const mean = here.reduce((sum, { error }) => sum + Math.abs(error), 0) / here.length;
      expect(mean).toBeCloseTo(expectedError.mean, 3);
    },
  );

  test("predicts YOLOX-S on each board as its published time says, within the worst error", () => {
    const structure = findStructure(publishedNetwork("yoloxs@640").graph);
    const run = { network: "yoloxs", batch: 1, precision: "float16", ms: 1 } as const;
    const { works } = runObservation(structure, run);
    const published = {
      "jetson-agx-orin": 3.078,
      "jetson-orin-nano": 10.124,
      "jetson-xavier": 8.836,
    };
    for (const [name, ms] of Object.entries(published)) {
      const { hardware, model, expectedError } = readDevice(path(name));
      const predicted = observedMs(hardware, model, { works, precision: "float16", isCall: true });
      expect(Math.abs(predicted / ms - 1), name).toBeLessThan(expectedError.worst);
    }
  });

  test("in another power mode has its clock and rates, and longer times where it is slower", () => {
    const device = readDevice(path("jetson-orin-nano"));
    const slow = inPowerMode(device, "7w");
    expect(slow.hardware.clockMhz).toBe(408);
    expect(slow.hardware.multiprocessors).toBe(device.hardware.multiprocessors);
    const work = { kind: "contraction", rows: 4096, columns: 256, channels: 256, taps: 9 } as const;
    const whole = { ...work, groups: 1, winograd: true, bytes: 4e6 };
    const ratio = workMs(slow, "float16", whole) / workMs(device, "float16", whole);
    expect(ratio).toBeGreaterThan(1.2);
    expect(ratio).toBeLessThanOrEqual(625 / 408 + 1e-9);
    expect(inPowerMode(device, "15w")).toBe(device);
    expect(() => inPowerMode(device, "90w")).toThrow(
      expect.objectContaining({
        code: "latency/unknown-power-mode",
        hint: expect.stringContaining("maxn-super"),
      }),
    );
  });

  const shipped = readJson(path("jetson-xavier")) as Record<string, unknown>;
  test.each([
    ["of another schema", { ...shipped, schema: "mdp-device/2" }],
    ["without hardware figures", { ...shipped, hardware: undefined }],
    [
      "with a negative launch",
      { ...shipped, model: { ...(shipped["model"] as object), launchUs: -1 } },
    ],
    ["that is a list", []],
  ])("%s is refused with the file's name", (_, value) => {
    expect(() => parseDevice(value, "some/device.json")).toThrow(
      expect.objectContaining({ code: "latency/bad-device", where: "some/device.json" }),
    );
  });
});
