import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { NETWORKS } from "../../scripts/devices/networks.ts";
import { packageRoot } from "../../src/core/files.ts";
import { randomFrom } from "../../src/core/random.ts";
import { type DeviceModel, readDevice } from "../../src/latency/predict/device.ts";
import {
  fitDevice,
  type Observation,
  observedMs,
  openBefore,
} from "../../src/latency/predict/fit-device.ts";
import type { Work } from "../../src/latency/predict/roofline.ts";

const xavier = readDevice(join(packageRoot(), "latency-tables/jetson-xavier/device.json"));

/** Kernels of published networks, by the window of their convolutions. */
const kernels = (network: string): readonly Work[] =>
  (NETWORKS[network] ?? []).map((work) => ({
    ...work,
    family: work.kind === "contraction" ? `conv${work.taps}` : work.kind,
  }));

/** A device that launches slower and multiplies less than is believed of it. */
const truth: DeviceModel = {
  ...xavier.model,
  launchUs: 2 * xavier.model.launchUs,
  contractionEfficiency: 0.6,
  families: { conv9: 1.3 },
};

const measured = (network: string, noise: number, seed: number): Observation[] => {
  const random = randomFrom(seed);
  return kernels(network).map((work, index) => {
    const one = { works: [work], precision: "float16", isCall: false } as const;
    const ms = observedMs(xavier.hardware, truth, one) * Math.exp(noise * random.normal());
    return { ...one, name: `${network} ${index}`, ms };
  });
};

const call = (network: string): Omit<Observation, "ms" | "name"> => ({
  works: kernels(network),
  precision: "float16",
  isCall: true,
});

describe("a device fitted to observations", () => {
  test("predicts networks that it was not fitted to, from the kernels of another", () => {
    const fit = fitDevice(xavier, measured("ResNet-18", 0.03, 1), kernels("ResNet-50"));
    for (const network of ["ResNet-34", "ResNet-50"]) {
      const expected = observedMs(xavier.hardware, truth, call(network));
      const before = observedMs(xavier.hardware, xavier.model, call(network)) / expected - 1;
      const after = observedMs(xavier.hardware, fit.model, call(network)) / expected - 1;
      expect(Math.abs(before)).toBeGreaterThan(0.2);
      expect(Math.abs(after)).toBeLessThan(0.08);
    }
  });

  test("knows what its observations leave open, and more of them leave less", () => {
    const few = fitDevice(xavier, measured("ResNet-18", 0.03, 1).slice(0, 4), kernels("ResNet-50"));
    const many = fitDevice(xavier, measured("ResNet-18", 0.03, 1), kernels("ResNet-50"));
    const deviations = [
      openBefore(xavier, call("ResNet-50")),
      few.openDeviation(call("ResNet-50")),
      many.openDeviation(call("ResNet-50")),
    ];
    expect(deviations).toEqual([...deviations].sort((a, b) => b - a));
    // 1x1 convolutions hardly come in ResNet-18.
    expect(many.openDeviation(call("ResNet-34"))).toBeLessThan(
      many.openDeviation(call("ResNet-50")),
    );
  });

  test("is moved by no single freak", () => {
    const observations = measured("ResNet-34", 0.02, 2);
    const plain = fitDevice(xavier, observations);
    // One of many 3x3 convolutions; the only kernel of its kind would have no one to contradict it.
    const freak = fitDevice(
      xavier,
      observations.map((one, index) => (index === 7 ? { ...one, ms: 30 * one.ms } : one)),
    );
    const at = (model: DeviceModel): number =>
      observedMs(xavier.hardware, model, call("ResNet-34"));
    expect(Math.abs(at(freak.model) / at(plain.model) - 1)).toBeLessThan(0.05);
  });

  test("needs observations with kernels and a time", () => {
    const code = expect.objectContaining({ code: "latency/no-observations" });
    expect(() => fitDevice(xavier, [])).toThrow(code);
    const none = { name: "none", works: [], precision: "float16", isCall: true, ms: 1 } as const;
    expect(() => fitDevice(xavier, [none])).toThrow(code);
  });
});
