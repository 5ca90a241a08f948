import { join } from "node:path";
import { expect, test } from "vitest";
import { packageRoot } from "../../src/core/files.ts";
import { parseDevice, readDevice } from "../../src/latency/predict/device.ts";
import { observedMs } from "../../src/latency/predict/fit-device.ts";
import { correctDevice, runObservation } from "../../src/latency/predict/observations.ts";
import { publishedNetwork } from "../../src/networks/published/published.ts";
import { findStructure } from "../../src/structure/find-structure.ts";

const orin = readDevice(join(packageRoot(), "latency-tables/jetson-orin-nano/device.json"));
const SETTING = { batch: 1, precision: "float16" } as const;
const runOf = (network: string): ReturnType<typeof runObservation> =>
  runObservation(findStructure(publishedNetwork(network).graph), { network, ...SETTING, ms: 1 });
const seen = runOf("resnet18@224");
const other = runOf("resnet50@224");

test("a board that is slower throughout is predicted so after one run, for networks that it has not run too", () => {
  const factor = 1.3;
  const run = { ...seen, ms: factor * observedMs(orin.hardware, orin.model, seen) };
  const mine = correctDevice(orin, [run], "my-nano");
  expect(parseDevice(JSON.parse(JSON.stringify(mine)), "mine").name).toBe("my-nano");
  const ratio = (one: typeof seen): number =>
    observedMs(mine.hardware, mine.model, one) / observedMs(orin.hardware, orin.model, one);
  expect(Math.abs(ratio(seen) / factor - 1)).toBeLessThan(0.05);
  expect(Math.abs(ratio(other) / factor - 1)).toBeLessThan(0.12);
  expect(mine.fit.figures).toHaveLength(1);
});

test("a run that agrees with the prediction leaves the constants as they are", () => {
  const run = { ...seen, ms: observedMs(orin.hardware, orin.model, seen) };
  const mine = correctDevice(orin, [run], "my-nano");
  expect(mine.model.stepCycles / orin.model.stepCycles).toBeCloseTo(1, 3);
  expect(mine.uncertainty?.common).toBeLessThanOrEqual(orin.uncertainty?.common ?? 0);
});

test("suppression of boxes counts where an observation includes it", () => {
  const structure = findStructure(publishedNetwork("yolov7t@160").graph);
  const run = { network: "yolov7t", ...SETTING, ms: 1 };
  const plain = runObservation(structure, run);
  const withNms = runObservation(structure, { ...run, includes: ["nms"] });
  expect(withNms.works.length).toBe(plain.works.length + 1);
  expect(observedMs(orin.hardware, orin.model, withNms)).toBeGreaterThan(
    observedMs(orin.hardware, orin.model, plain),
  );
});
