import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { NETWORKS } from "../../scripts/devices/networks.ts";
import { packageRoot, readJson } from "../../src/core/files.ts";
import { parseDevice, readDevice } from "../../src/latency/predict/device.ts";
import { workMs } from "../../src/latency/predict/roofline.ts";

const path = (name: string): string => join(packageRoot(), "latency-tables", name, "device.json");
const JETSONS = ["jetson-nano", "jetson-xavier", "jetson-orin-nano", "jetson-agx-orin"];

describe("a device description", () => {
  test.each(JETSONS)("of %s is read, with sources and an expected error", (name) => {
    const device = readDevice(path(name));
    expect(device.name).toBe(name);
    expect(device.kind).toBe("predicted");
    expect(device.sources.length).toBeGreaterThan(0);
    expect(device.expectedError.mean).toBeGreaterThan(0);
    expect(device.expectedError.worst).toBeGreaterThanOrEqual(device.expectedError.mean);
  });

  test.each(["jetson-nano", "jetson-xavier"])(
    "of %s holds the predictions that its constants make",
    (name) => {
      const device = readDevice(path(name));
      const { figures, heldOut } = device.fit;
      expect(figures.length).toBe(4);
      expect(heldOut.length).toBeGreaterThanOrEqual(4);
      for (const figure of [...figures, ...heldOut]) {
        const kernels = NETWORKS[figure.network] ?? [];
        const sum = kernels.reduce(
          (ms, work) => ms + workMs(device, "float16", work),
          device.model.callMs,
        );
        expect(sum).toBeCloseTo(figure.predictedMs, 2);
        expect(sum / figure.publishedMs - 1).toBeCloseTo(figure.error, 3);
      }
    },
  );

  test.each(["jetson-nano", "jetson-xavier"])(
    "of %s reproduces the published ResNets within 4 %% and those held out within 15 %%",
    (name) => {
      const { figures, heldOut } = readDevice(path(name)).fit;
      for (const { error } of figures) expect(Math.abs(error)).toBeLessThan(0.04);
      for (const { error } of heldOut) expect(Math.abs(error)).toBeLessThan(0.15);
    },
  );

  test.each(["jetson-orin-nano", "jetson-agx-orin"])(
    "of %s says that nothing was fitted to it and expects a larger error",
    (name) => {
      const device = readDevice(path(name));
      expect(device.fit.fitted).toEqual([]);
      expect(device.fit.how).toContain("carried over from jetson-xavier");
      expect(device.model).toEqual(readDevice(path("jetson-xavier")).model);
      expect(device.expectedError.mean).toBeGreaterThan(
        4 * readDevice(path("jetson-xavier")).expectedError.mean,
      );
    },
  );

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
