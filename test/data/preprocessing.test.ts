import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { DatasetConfig } from "../../src/data/config.ts";
import { openDataset } from "../../src/data/dataset.ts";
import {
  carriedPreprocessing,
  PREPROCESSING_KEY,
  preprocessingText,
  resolvePreprocessing,
  withPreprocessing,
} from "../../src/data/preprocessing.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { modelMetadata } from "../../src/onnx/read.ts";
import { writeModel } from "../../src/onnx/write.ts";
import { preprocessed } from "../../src/pipeline/evaluate/fitting-preprocessing.ts";
import type { Judged } from "../../src/tasks/judge.ts";
import { bottleneckResnet } from "../helpers/networks.ts";
import { silentRun } from "../helpers/run-context.ts";

const folder = mkdtempSync(join(tmpdir(), "mdp-preprocessing-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const said = { mean: [0.5], std: [0.25], channels: "rgb" } as const;

test("a network's file carries its pre-processing, and nothing else of it changes", () => {
  const path = join(folder, "net.onnx");
  const model = modelOf(bottleneckResnet());
  writeModel(withPreprocessing(model, { ...said, mean: [0.5], std: [0.25] }), path);
  expect(carriedPreprocessing({ metadata: modelMetadata(path) }, path)).toEqual(said);
  expect(carriedPreprocessing(model, path)).toEqual({});
  expect(withPreprocessing(model, {})).toBe(model);
});

test("what a file carries must be pre-processing: paths, unknown fields and text are refused", () => {
  for (const value of ['{"path": "/etc"}', '{"means": [1]}', "mean 0.5"]) {
    const metadata = new Map([[PREPROCESSING_KEY, value]]);
    expect(() => carriedPreprocessing({ metadata }, "net.onnx")).toThrow(
      expect.objectContaining({ code: "data/bad-preprocessing" }),
    );
  }
});

test("a named config goes before the network, the network before the data, and fields said together stay together", () => {
  const own: DatasetConfig = { mean: [9], std: [9], size: 8, channels: "bgr" };
  expect(resolvePreprocessing({}, {}, {}).from).toBe("default");
  expect(resolvePreprocessing({}, {}, own)).toMatchObject({ from: "data", config: {} });
  const carried = resolvePreprocessing({}, { range: [-1, 1] }, own);
  expect(carried.from).toBe("network");
  // The data's mean and deviation must not be mixed into the network's range.
  expect({ ...own, ...carried.config }).toEqual({
    ...{ range: [-1, 1], size: 8, channels: "bgr" },
    ...{ mean: undefined, std: undefined, scale: undefined },
  });
  expect(carried.said).toEqual({ range: [-1, 1], size: 8, channels: "bgr" });
  const given = resolvePreprocessing({ mean: [1] }, { range: [-1, 1], size: 4 }, own);
  expect(given).toMatchObject({ from: "given", config: { mean: [1], size: 4 } });
  expect(given.config.range).toBeUndefined();
});

test("pre-processing is told in words", () => {
  expect(preprocessingText({ mean: [0.5], std: [0.5] })).toBe("RGB, (byte / 255 - 0.5) / 0.5");
  expect(preprocessingText({ channels: "bgr", scale: 1, size: [2, 3] })).toBe("BGR, byte, 2 x 3");
});

/** Names the right class of `labels` where the pictures' smallest value is within bounds, and class 0 elsewhere. */
function trainedOn(least: number, most: number, labels: Int32Array): Judged {
  let next = 0;
  return {
    name: "net",
    session: {
      inputs: [{ name: "x", shape: ["n", 3, 4, 4], type: "float32" }],
      outputs: [{ name: "y", shape: ["n", 3], type: "float32" }],
      run: async (feeds) => {
        const feed = Object.values(feeds)[0];
        const values = Float32Array.from((feed?.data ?? []) as Float32Array);
        const count = feed?.shape[0] ?? 0;
        const data = new Float32Array(count * 3);
        for (let image = 0; image < count; image += 1) {
          const low = Math.min(...values.subarray(image * 48, (image + 1) * 48));
          const label = labels[next % labels.length] ?? 0;
          next += 1;
          data[image * 3 + (low >= least && low < most ? label : 0)] = 1;
        }
        return { y: { type: "float32", shape: [count, 3], data } };
      },
    },
  };
}

test("of a default it is said which usual choice fits better, and of a fitting one nothing", async () => {
  const path = join(folder, "three.bin");
  // Sixty black pictures of three classes.
  writeFileSync(path, Buffer.concat(Array.from({ length: 60 }, (_, at) => record(at % 3))));
  const config: DatasetConfig = {
    ...{ format: "records", record: { channels: 3, height: 4, width: 4 } },
    ...{ classes: ["a", "b", "c"], size: 4 },
  };
  const dataset = await openDataset(path, { config });
  const reopened = (choice: DatasetConfig) =>
    openDataset(path, { config: { ...config, ...choice } });
  const of = (network: Judged, own: DatasetConfig = {}) =>
    preprocessed(
      { dataset, resolved: resolvePreprocessing({}, {}, own) },
      network,
      reopened,
      silentRun,
    );
  const wrong = await of(trainedOn(-1.01, -0.99, dataset.labels));
  expect(wrong).toMatchObject({ from: "default", tried: { fits: "RGB, bytes to -1..1" } });
  expect((await of(trainedOn(0, 1, dataset.labels)))?.tried?.fits).toBeNull();
  // Nobody asks where somebody has said it.
  expect(await of(trainedOn(-1.01, -0.99, dataset.labels), said as never)).toMatchObject({
    from: "data",
    tried: null,
  });
});

function record(label: number): Uint8Array {
  const bytes = new Uint8Array(49);
  bytes[0] = label;
  return bytes;
}
