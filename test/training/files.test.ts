import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { afterAll, expect, test } from "vitest";
import { type Checkpoint, readCheckpoint, writeCheckpoint } from "../../src/training/checkpoint.ts";
import { crc32c } from "../../src/training/crc32c.ts";
import { type EpochMetrics, metricsCsv } from "../../src/training/metrics.ts";
import { EventSchema, openEventFile } from "../../src/training/tensorboard.ts";

const folder = mkdtempSync(join(tmpdir(), "mdp-training-files-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ROW: EpochMetrics = {
  epoch: 1,
  step: 10,
  rate: 0.1,
  batch: 8,
  loss: 1.5,
  labelLoss: 1.25,
  scoreLoss: null,
  featureLoss: null,
  outputLoss: null,
  trainTop1: 0.5,
  validationTop1: null,
  validationTop5: null,
  imagesPerSecond: 100,
  overhead: 0.05,
  seconds: 2,
};

const CHECKPOINT: Checkpoint = {
  key: "abc",
  epoch: 3,
  batches: 2,
  steps: 17,
  best: { epoch: 2, top1: 0.75 },
  seconds: 12.5,
  sums: { loss: 0.1 },
  history: [ROW],
  arrays: { weights: Float32Array.of(1, -2.5, 3e-30), empty: new Float32Array(0) },
};

test("a checkpoint that was written is read back to the bit", () => {
  const path = join(folder, "one.ckpt");
  writeCheckpoint(path, CHECKPOINT);
  expect(readCheckpoint(path)).toEqual(CHECKPOINT);
  expect(readCheckpoint(join(folder, "none.ckpt"))).toBeNull();
});

test("a checkpoint that is cut off, or no checkpoint at all, is refused by name", () => {
  const path = join(folder, "cut.ckpt");
  writeCheckpoint(path, CHECKPOINT);
  truncateSync(path, readFileSync(path).byteLength - 4);
  expect(() => readCheckpoint(path)).toThrow(
    expect.objectContaining({ code: "training/bad-checkpoint" }),
  );
  writeFileSync(path, "something else entirely");
  expect(() => readCheckpoint(path)).toThrow(
    expect.objectContaining({ code: "training/bad-checkpoint" }),
  );
});

test("a checkpoint that can't be written leaves the one before as it was", () => {
  const path = join(folder, "kept.ckpt");
  mkdirSync(path);
  expect(() => writeCheckpoint(path, CHECKPOINT)).toThrow(
    expect.objectContaining({ code: "core/write-failed" }),
  );
});

test("CRC-32C gives the check value of its definition", () => {
  expect(crc32c(new TextEncoder().encode("123456789"))).toBe(0xe3069283);
});

test("an event file begins as TensorFlow's do and holds every scalar with a checksum that fits", () => {
  const file = openEventFile(join(folder, "events"), 5, () => 1_700_000_000);
  file.write(5, { "loss/train": 0.5, rate: 0.25 });
  file.close();
  const bytes = new Uint8Array(readFileSync(file.path));
  // Length 24 and its masked checksum: the twelve bytes that every event file of TensorFlow begins with.
  expect(Buffer.from(bytes.subarray(0, 12)).toString("hex")).toBe("1800000000000000a37f4b22");
  const events = [];
  for (let at = 0; at < bytes.byteLength; ) {
    const view = new DataView(bytes.buffer, at);
    const length = Number(view.getBigUint64(0, true));
    const data = bytes.subarray(at + 12, at + 12 + length);
    const unmasked = (view.getUint32(12 + length, true) - 0xa282ead8) >>> 0;
    expect(((unmasked >>> 17) | (unmasked << 15)) >>> 0).toBe(crc32c(data));
    events.push(fromBinary(EventSchema, data));
    at += 16 + length;
  }
  expect(events.map(({ wallTime }) => wallTime)).toEqual([1.7e9, 1.7e9, 1.7e9]);
  expect(events[0]?.fileVersion).toBe("brain.Event:2");
  expect(events[1]?.sessionLog?.status).toBe(1);
  expect(events[2]?.step).toBe(5n);
  expect(events[2]?.summary?.value.map(({ tag, simpleValue }) => [tag, simpleValue])).toEqual([
    ["loss/train", 0.5],
    ["rate", 0.25],
  ]);
});

test("metrics become one line per epoch, empty where a figure doesn't exist", () => {
  const [head, row] = metricsCsv([ROW]).split("\n");
  expect(head).toMatch(/^epoch,step,rate,batch,loss,labelLoss,/);
  expect(row).toBe("1,10,0.1,8,1.5,1.25,,,,0.5,,,100,0.05,2");
});
