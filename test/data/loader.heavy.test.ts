import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SILENT } from "../../src/core/progress.ts";
import type { AugmentSpec } from "../../src/data/augment.ts";
import { openDataset } from "../../src/data/dataset.ts";
import { type Loader, openLoader } from "../../src/data/loader.ts";
import { writeShapeSet } from "../../src/data/shape-files.ts";
import type { TrainingBatch } from "../../src/training/batches.ts";
import { imagesOf } from "../helpers/samples.ts";

const folder = mkdtempSync(join(tmpdir(), "mdp-loader-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const records = join(folder, "records");
const pictures = join(folder, "pictures");
beforeAll(async () => {
  const set = { size: 12, train: 22, test: 2, seed: 1 };
  await writeShapeSet(records, { ...set, format: "records" }, SILENT);
  await writeShapeSet(pictures, { ...set, format: "png" }, SILENT);
});

const PLAIN: AugmentSpec = { crop: 0, flip: "none", mixup: 0 };

async function loaderOf(path: string, augment = PLAIN, memoryBytes?: number): Promise<Loader> {
  const options = { split: "train" };
  const dataset = await openDataset(path, options);
  return openLoader(dataset, { augment, seed: 4, memoryBytes, open: { path, options } });
}

async function batchesOf(
  loader: Loader,
  epoch: number,
  size: number,
  from = 0,
): Promise<TrainingBatch[]> {
  const batches: TrainingBatch[] = [];
  for await (const batch of loader.epoch(epoch, size, from)) batches.push(batch);
  return batches;
}

test("an epoch has every image once, in whole batches, in an order of its own", async () => {
  const loader = await loaderOf(records);
  const [first, second] = [await batchesOf(loader, 0, 5), await batchesOf(loader, 1, 5)];
  await loader.close();
  expect(first.map((batch) => [...imagesOf(batch).shape])).toEqual(
    [1, 2, 3, 4].map(() => [5, 3, 12, 12]),
  );
  const keys = first.flatMap((batch) =>
    [0, 1, 2, 3, 4].map((at) =>
      imagesOf(batch)
        .data.subarray(at * 432, at * 432 + 432)
        .join(),
    ),
  );
  expect(new Set(keys).size).toBe(20);
  expect(first.map(({ labels }) => [...labels])).not.toEqual(
    second.map(({ labels }) => [...labels]),
  );
});

test("images and labels are those that an evaluation is fed", async () => {
  const dataset = await openDataset(records, { split: "train" });
  const wanted = new Map<string, number>();
  for await (const batch of dataset.batches(1))
    wanted.set(imagesOf(batch).data.join(), batch.labels[0] ?? -1);
  const loader = await loaderOf(records);
  for (const batch of await batchesOf(loader, 2, 2)) {
    const { labels } = batch;
    const images = imagesOf(batch).data;
    expect([432, 0].map((start) => wanted.get(images.subarray(start, start + 432).join()))).toEqual(
      [labels[1], labels[0]],
    );
  }
  await loader.close();
});

test("images that are read from files when they are needed are those that memory holds", async () => {
  const augment: AugmentSpec = { crop: 2, flip: "all", mixup: 0.5 };
  const [held, read] = [await loaderOf(pictures, augment), await loaderOf(pictures, augment, 1000)];
  expect([held.inMemory, read.inMemory]).toEqual([true, false]);
  expect(await batchesOf(read, 1, 4)).toEqual(await batchesOf(held, 1, 4));
  expect((await batchesOf(held, 1, 4))[0]?.mix?.labels.length).toBe(4);
  await held.close();
  await read.close();
});

test("an epoch that goes on after a break gives the same batches", async () => {
  const loader = await loaderOf(records, { crop: 1, flip: "horizontal", mixup: 0 });
  expect(await batchesOf(loader, 3, 4, 2)).toEqual((await batchesOf(loader, 3, 4)).slice(2));
  await loader.close();
});

test("a broken image is named when its batch is prepared, or at once where all are decoded first", async () => {
  const path = join(folder, "broken");
  mkdirSync(join(path, "a"), { recursive: true });
  mkdirSync(join(path, "b"), { recursive: true });
  const { default: sharp } = await import("sharp");
  const image = sharp({ create: { width: 4, height: 4, channels: 3, background: "#123456" } });
  writeFileSync(join(path, "a", "0.png"), await image.png().toBuffer());
  writeFileSync(join(path, "b", "1.png"), "no picture");
  const open = { path, options: {} };
  const dataset = await openDataset(path);
  const broken = { code: "data/broken-image", where: join(path, "b/1.png") };
  await expect(openLoader(dataset, { augment: PLAIN, seed: 1, open })).rejects.toMatchObject(
    broken,
  );
  const loader = await openLoader(dataset, { augment: PLAIN, seed: 1, open, memoryBytes: 1 });
  await expect(batchesOf(loader, 0, 2)).rejects.toMatchObject(broken);
  await loader.close();
});
