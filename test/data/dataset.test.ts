import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import sharp from "sharp";
import { pack } from "tar-stream";
import { afterAll, describe, expect, test } from "vitest";
import type { DatasetConfig } from "../../src/data/config.ts";
import { type BatchOptions, openDataset } from "../../src/data/dataset.ts";
import type { SampleBatch } from "../../src/runtime/batches.ts";
import { imagesOf } from "../helpers/samples.ts";

const folder = mkdtempSync(join(tmpdir(), "mdp-data-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A PNG of one colour. */
async function png(
  colour: readonly [number, number, number],
  height = 4,
  width = 4,
): Promise<Buffer> {
  const [r, g, b] = colour;
  return sharp({ create: { width, height, channels: 3, background: { r, g, b } } })
    .png()
    .toBuffer();
}

function put(path: string, data: Uint8Array | string): string {
  const full = join(folder, path);
  mkdirSync(dirname(full), { recursive: true });
  writeFileSync(full, data);
  return full;
}

async function archive(entries: Readonly<Record<string, Buffer>>): Promise<Buffer> {
  const tar = pack();
  for (const [name, data] of Object.entries(entries)) tar.entry({ name }, data);
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function read(
  path: string,
  config: DatasetConfig,
  options: BatchOptions = {},
  size = 100,
): Promise<SampleBatch[]> {
  const batches: SampleBatch[] = [];
  const dataset = await openDataset(path, { config });
  for await (const batch of dataset.batches(size, options)) batches.push(batch);
  return batches;
}

const imagesIn = (batch: SampleBatch | undefined): ReturnType<typeof imagesOf> =>
  imagesOf(batch ?? { feeds: {} });
const labelsOf = (batches: readonly SampleBatch[]): number[] =>
  batches.flatMap((b) => [...b.labels]);

describe("folders", () => {
  test("a folder per class is labelled in the order of the names, or of the config's classes", async () => {
    for (const name of ["cat", "ant", "bee"]) {
      put(`classes/${name}/0.png`, await png([10, 20, 30]));
      put(`classes/${name}/1.png`, await png([10, 20, 30]));
    }
    put("classes/cat/notes.txt", "no image");
    put("classes/cat/.hidden.png", "no image");
    const path = join(folder, "classes");
    expect(labelsOf(await read(path, {}))).toEqual([0, 0, 1, 1, 2, 2]);
    expect(labelsOf(await read(path, { classes: ["cat", "bee", "ant"] }))).toEqual([
      2, 2, 1, 1, 0, 0,
    ]);
    expect(labelsOf(await read(path, { classOffset: 1 }))).toEqual([1, 1, 2, 2, 3, 3]);
    const dataset = await openDataset(path);
    expect(dataset.classes).toEqual(["ant", "bee", "cat"]);
    await expect(openDataset(path, { config: { classes: ["ant", "bee"] } })).rejects.toMatchObject({
      code: "data/bad-label",
      exitCode: 3,
      message: expect.stringContaining("cat"),
    });
  });

  test("numbers in names and tables are labels too", async () => {
    put("numbers/0003.png", await png([1, 1, 1]));
    put("numbers/0011_second.png", await png([1, 1, 1]));
    const path = join(folder, "numbers");
    expect(labelsOf(await read(path, {}))).toEqual([3, 11]);
    const csv = put("labels.csv", "label,file\nfrog,0003.png\nbird,0011_second.png\n");
    expect(labelsOf(await read(path, { labels: { csv } }))).toEqual([1, 0]);
    const plain = put("plain.csv", "0003.png,7\n0011_second.png,5\n");
    expect(labelsOf(await read(path, { labels: { csv: plain } }))).toEqual([7, 5]);
    const short = put("short.csv", "0003.png,7\n");
    await expect(read(path, { labels: { csv: short } })).rejects.toMatchObject({
      code: "data/bad-label",
      message: expect.stringContaining("0011_second.png"),
    });
  });

  test("an empty folder, a missing one, unlabelled images and a broken image are named", async () => {
    mkdirSync(join(folder, "empty"));
    await expect(openDataset(join(folder, "empty"))).rejects.toMatchObject({ code: "data/empty" });
    await expect(openDataset(join(folder, "nowhere"))).rejects.toMatchObject({
      code: "data/not-found",
    });
    await expect(openDataset(undefined)).rejects.toMatchObject({ code: "data/not-found" });
    put("unlabelled/a.png", await png([1, 1, 1]));
    await expect(openDataset(join(folder, "unlabelled"))).rejects.toMatchObject({
      code: "data/no-labels",
    });
    const taken = await openDataset(join(folder, "unlabelled"), { unlabelled: true });
    expect([...taken.labels]).toEqual([-1]);
    put("broken/a/good.png", await png([1, 1, 1]));
    put("broken/b/bad.png", (await png([1, 1, 1])).subarray(0, 50));
    await expect(read(join(folder, "broken"), {})).rejects.toMatchObject({
      code: "data/broken-image",
      where: join(folder, "broken/b/bad.png"),
      exitCode: 3,
    });
    await expect(openDataset(put("what.xyz", "?"))).rejects.toMatchObject({
      code: "data/unknown-format",
    });
  });

  test("images of several sizes need a size in the config", async () => {
    put("sizes/a/1.png", await png([1, 1, 1], 4, 4));
    put("sizes/a/2.png", await png([1, 1, 1], 6, 4));
    const path = join(folder, "sizes");
    await expect(read(path, {})).rejects.toMatchObject({ code: "data/sizes-differ" });
    const [batch] = await read(path, { size: [3, 5] });
    expect(imagesIn(batch).shape).toEqual([2, 3, 3, 5]);
    await expect(read(path, { crop: 5 })).rejects.toMatchObject({ code: "data/image-too-small" });
  });
});

describe("archives", () => {
  test("tar and tar.gz give what the folder gives, streamed, shuffled or limited", async () => {
    const entries: Record<string, Buffer> = {};
    for (let index = 0; index < 12; index += 1) {
      const name = `set/${"abc"[index % 3]}/${index}.png`;
      entries[name] = await png([index, index, index]);
      put(`plain/${name}`, entries[name]);
    }
    const bytes = await archive(entries);
    const tar = put("set.tar", bytes);
    const zipped = put("set.tar.gz", gzipSync(bytes));
    const firstPixels = (batches: readonly SampleBatch[]): number[][] =>
      batches.map((batch) => {
        const { data, shape } = imagesOf(batch);
        const [size = 0] = shape;
        return Array.from({ length: size }, (_, at) => data[(at * data.length) / size] ?? -1);
      });
    const config = { scale: 1 };
    const inFolder = await read(join(folder, "plain"), config, {}, 5);
    expect(inFolder.map(({ size }) => size)).toEqual([5, 5, 2]);
    for (const path of [tar, zipped]) {
      const streamed = await read(path, config, {}, 5);
      expect(firstPixels(streamed).flat()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
      expect(labelsOf(streamed)).toEqual([0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2]);
      const mixed = await read(path, config, { seed: 4 }, 5);
      const order = firstPixels(mixed).flat();
      expect(order).not.toEqual(firstPixels(streamed).flat());
      expect([...order].sort((a, b) => a - b)).toEqual(firstPixels(streamed).flat());
      expect(labelsOf(mixed)).toEqual(order.map((value) => value % 3));
      const again = await read(path, config, { seed: 4 }, 5);
      expect(firstPixels(again).flat()).toEqual(order);
      const few = firstPixels(await read(path, config, { limit: 4 })).flat();
      expect(few).toHaveLength(4);
      expect([...few].sort((a, b) => a - b)).toEqual(few);
    }
  });

  test("a truncated archive is an error, not a smaller set", async () => {
    const whole = await archive({ "a/1.png": await png([1, 1, 1], 64, 64) });
    const zipped = gzipSync(whole);
    const path = put("cut.tar.gz", zipped.subarray(0, zipped.length - 40));
    await expect(openDataset(path)).rejects.toMatchObject({ code: "data/broken-archive" });
    const plain = put("cut.tar", whole.subarray(0, 600));
    await expect(openDataset(plain)).rejects.toMatchObject({ code: "data/broken-archive" });
  });
});

describe("binary files", () => {
  test("CIFAR records are channel-major behind a label byte", async () => {
    const record = (label: number, red: number): Buffer => {
      const bytes = Buffer.alloc(3073);
      bytes[0] = label;
      bytes.fill(red, 1, 1025);
      return bytes;
    };
    const path = put("cifar.bin", Buffer.concat([record(3, 255), record(9, 51)]));
    const [batch] = await read(path, { mean: [0.5, 0, 0], std: [0.5, 1, 1] });
    expect(imagesIn(batch).shape).toEqual([2, 3, 32, 32]);
    expect([...(batch?.labels ?? [])]).toEqual([3, 9]);
    expect(imagesIn(batch).data[0]).toBe(1);
    expect(imagesIn(batch).data[1024]).toBe(0);
    expect(imagesIn(batch).data[3072]).toBeCloseTo(-0.6, 6);
    const cut = put("cut.bin", record(3, 1).subarray(0, 3000));
    await expect(openDataset(cut)).rejects.toMatchObject({ code: "data/truncated" });
    await expect(openDataset(path, { config: { classes: ["a", "b"] } })).rejects.toMatchObject({
      code: "data/bad-label",
    });
  });

  test("IDX pairs are read plain and gzipped", async () => {
    const images = Buffer.concat([
      Buffer.from([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3]),
      Buffer.from([0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15]),
    ]);
    const labels = Buffer.from([0, 0, 8, 1, 0, 0, 0, 2, 7, 4]);
    const path = put("idx/t-images-idx3-ubyte", images);
    put("idx/t-labels-idx1-ubyte", labels);
    const [batch] = await read(path, { scale: 1 });
    expect(imagesIn(batch).shape).toEqual([2, 1, 2, 3]);
    expect([...imagesIn(batch).data]).toEqual([0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15]);
    expect([...(batch?.labels ?? [])]).toEqual([7, 4]);
    const zipped = put("zip/t-images-idx3-ubyte.gz", gzipSync(images));
    await expect(openDataset(zipped)).rejects.toMatchObject({ code: "data/no-labels" });
    put("zip/t-labels-idx1-ubyte.gz", gzipSync(labels));
    expect(labelsOf(await read(zipped, {}))).toEqual([7, 4]);
    put("bad/t-labels-idx1-ubyte", labels);
    const other = put("bad/t-images-idx3-ubyte", labels);
    await expect(openDataset(other)).rejects.toMatchObject({ code: "data/not-idx" });
    const short = put("bad/t-images-idx3-ubyte", images.subarray(0, 20));
    await expect(openDataset(short)).rejects.toMatchObject({ code: "data/truncated" });
  });

  test("one grey channel can feed a colour network", async () => {
    const path = join(folder, "idx/t-images-idx3-ubyte");
    const [batch] = await read(path, { scale: 1, channels: "rgb", size: [4, 6] });
    expect(imagesIn(batch).shape).toEqual([2, 3, 4, 6]);
    const plane = 24;
    expect(imagesIn(batch).data.slice(0, plane)).toEqual(
      imagesIn(batch).data.slice(plane, 2 * plane),
    );
  });
});

test("a class folder without images would shift the classes behind it: refused, unless the config names the classes", async () => {
  const red = await png([255, 0, 0]);
  for (const name of ["ant", "cat"]) put(`shifted/${name}/1.png`, red);
  const path = join(folder, "shifted");
  mkdirSync(join(path, "bee/deeper"), { recursive: true });
  mkdirSync(join(path, ".cache"), { recursive: true });
  await expect(openDataset(path)).rejects.toThrowError(
    expect.objectContaining({ code: "data/bad-label", exitCode: 3 }),
  );
  const config = { classes: ["ant", "bee", "cat"] };
  expect(Array.from((await openDataset(path, { config })).labels)).toEqual([0, 2]);
  put("shifted/bee/deeper/1.png", red);
  expect(Array.from((await openDataset(path, { config: { labels: "number" } })).labels)).toEqual([
    1, 1, 1,
  ]);
});
