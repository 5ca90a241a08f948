import { join } from "node:path";
import { expect, test } from "vitest";
import { packageRoot } from "../../src/core/files.ts";
import { readDevice } from "../../src/latency/predict/device.ts";
import { observedMs } from "../../src/latency/predict/fit-device.ts";
import { learnDevice, runObservation } from "../../src/latency/predict/observations.ts";
import { openNetwork } from "../../src/pipeline/open/network.ts";

// A device that is sure of itself: its ResNets are off by 4 to 9 %.
const xavier = readDevice(join(packageRoot(), "latency-tables/jetson-xavier/device.json"));
const { structure } = await openNetwork(undefined);
const SETTING = { batch: 1, precision: "float16" } as const;
const seen = (factor: number): ReturnType<typeof runObservation> => {
  const run = runObservation(structure, { network: "net.onnx", ...SETTING, ms: 1 });
  return { ...run, ms: factor * observedMs(xavier.hardware, xavier.model, run) };
};
const learn = (...factors: readonly number[]): ReturnType<typeof learnDevice> =>
  learnDevice(xavier, factors.map(seen), { structure, ...SETTING });
const learntFactor = ({ device }: ReturnType<typeof learnDevice>): number => {
  const run = seen(1);
  return observedMs(device.hardware, device.model, run) / run.ms;
};

test("measurements far off a device that is sure of itself are believed, and said to be surprising", () => {
  const learnt = learn(1.75, 1.8);
  expect(Math.abs(learntFactor(learnt) / 1.775 - 1)).toBeLessThan(0.1);
  expect(learnt.surprise?.factor).toBeCloseTo(1.775, 1);
  expect(learnt.fit.scatter).toBeLessThan(0.1);
});

test("measurements that agree with the device surprise nobody", () => {
  const learnt = learn(1.02, 0.97, 1.03);
  expect(learnt.surprise).toBeNull();
  expect(Math.abs(learntFactor(learnt) - 1)).toBeLessThan(0.05);
});
