import sharp from "sharp";
import { expect, test } from "vitest";
import { parseDatasetConfig } from "../../src/data/config.ts";
import { prepareImage } from "../../src/data/prepare.ts";
import type { RawImage } from "../../src/data/source.ts";

/** 2 x 2 pixels: red 10 20 30 40, green 50 60 70 80, blue 90 100 110 120. */
const PIXELS: RawImage = {
  kind: "pixels",
  channels: 3,
  height: 2,
  width: 2,
  bytes: Uint8Array.from([10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120]),
};

async function values(config: object, image: RawImage = PIXELS): Promise<number[]> {
  const prepared = await prepareImage(image, parseDatasetConfig(config, "test"), "image");
  return [...prepared.values].map((value) => Number(value.toFixed(5)));
}

test("values are (byte * scale - mean) / std per channel, 1/255 unless said otherwise", async () => {
  expect(await values({ scale: 1, mean: [10, 50, 90], std: [10, 5, 2] })).toEqual([
    0, 1, 2, 3, 0, 2, 4, 6, 0, 5, 10, 15,
  ]);
  expect((await values({}))[4]).toBeCloseTo(50 / 255, 5);
  expect((await values({ mean: [0.5], std: [0.5] }))[11]).toBeCloseTo((120 / 255 - 0.5) / 0.5, 5);
  expect((await values({ range: [-1, 1] }))[11]).toBeCloseTo(120 / 127.5 - 1, 5);
});

test("bgr swaps the outer channels, nhwc puts channels last", async () => {
  expect(await values({ scale: 1, channels: "bgr" })).toEqual([
    90, 100, 110, 120, 50, 60, 70, 80, 10, 20, 30, 40,
  ]);
  expect(await values({ scale: 1, layout: "nhwc" })).toEqual([
    10, 50, 90, 20, 60, 100, 30, 70, 110, 40, 80, 120,
  ]);
});

test("the crop is central", async () => {
  const bytes = Uint8Array.from({ length: 16 }, (_, index) => index);
  const image: RawImage = { kind: "pixels", channels: 1, height: 4, width: 4, bytes };
  expect(await values({ scale: 1, channels: "gray", crop: 2 }, image)).toEqual([5, 6, 9, 10]);
  expect(await values({ scale: 1, channels: "gray", crop: [4, 2] }, image)).toEqual([
    1, 2, 5, 6, 9, 10, 13, 14,
  ]);
});

test("the first resize keeps proportions, the last one doesn't", async () => {
  const background = { r: 200, g: 100, b: 0 };
  const png = await sharp({ create: { width: 40, height: 20, channels: 3, background } })
    .png()
    .toBuffer();
  const image: RawImage = { kind: "encoded", bytes: png };
  const shape = async (config: object): Promise<number[]> => {
    const { height, width } = await prepareImage(image, parseDatasetConfig(config, "t"), "image");
    return [height, width];
  };
  expect(await shape({ resize: 10 })).toEqual([10, 20]);
  expect(await shape({ resize: 10, crop: 8 })).toEqual([8, 8]);
  expect(await shape({ resize: 10, crop: 8, size: 16 })).toEqual([16, 16]);
  expect(await shape({ size: [7, 9] })).toEqual([7, 9]);
  expect((await values({ scale: 1, size: 1 }, image))[0]).toBe(200);
});

test("enlarges as Pillow does, pixel centres on each other", async () => {
  const grey = [0, 120, 2, 77, 200, 30, 255, 10, 5, 90, 180, 60];
  const image: RawImage = {
    ...{ kind: "pixels", channels: 1, height: 3, width: 4 },
    bytes: Uint8Array.from(grey),
  };
  // Image.fromarray(...).resize((7, 5), Image.BILINEAR) of Pillow 9.
  expect(await values({ scale: 1, channels: "gray", size: [5, 7] }, image)).toEqual([
    ...[0, 43, 111, 61, 7, 50, 77, 80, 81, 83, 94, 99, 69, 50, 200, 139, 42, 143, 238, 98, 10],
    ...[83, 77, 67, 138, 198, 101, 40, 5, 35, 84, 135, 171, 103, 60],
  ]);
  // The first resize, too; where one side grows and the other shrinks, each as by itself: a ramp stays a ramp.
  expect(await values({ scale: 1, channels: "gray", resize: 4 }, image)).toHaveLength(4 * 5);
  const ramp = Uint8Array.from({ length: 8 * 8 }, (_, at) => 20 * (at % 8));
  const slope: RawImage = { kind: "pixels", channels: 1, height: 8, width: 8, bytes: ramp };
  const row = [0, 5, 15, 25, 35, 45, 55, 65, 75, 85, 95, 105, 115, 125, 135, 140];
  expect(await values({ scale: 1, channels: "gray", size: [2, 16] }, slope)).toEqual([
    ...row,
    ...row,
  ]);
});

test("transparent and grey files become three channels, colour ones can become one", async () => {
  const background = { r: 200, g: 100, b: 0, alpha: 0 };
  const clear = await sharp({ create: { width: 1, height: 1, channels: 4, background } })
    .png()
    .toBuffer();
  expect(await values({ scale: 1 }, { kind: "encoded", bytes: clear })).toEqual([0, 0, 0]);
  const grey = await sharp(Buffer.from([77]), { raw: { width: 1, height: 1, channels: 1 } })
    .png()
    .toBuffer();
  expect(await values({ scale: 1 }, { kind: "encoded", bytes: grey })).toEqual([77, 77, 77]);
  const white = await sharp({
    create: { width: 1, height: 1, channels: 3, background: { r: 255, g: 255, b: 255 } },
  })
    .jpeg()
    .toBuffer();
  expect(await values({ scale: 1, channels: "gray" }, { kind: "encoded", bytes: white })).toEqual([
    255,
  ]);
});

test("a config with a mistake says which field and where", () => {
  for (const [config, words] of [
    [{ mean: "0.5" }, "mean"],
    [{ means: [0.5] }, "means"],
    [{ std: [0, 1, 1] }, "std"],
    [{ mean: [1, 2] }, "2 numbers for 3 channels"],
    [{ range: [0, 1], scale: 1 }, "range"],
    [{ range: [1, 0] }, "range"],
    [{ format: "records" }, "record"],
    [[], "expected object"],
  ] as const) {
    expect(() => parseDatasetConfig(config, "my.json")).toThrowError(
      expect.objectContaining({
        code: "data/bad-config",
        where: "my.json",
        exitCode: 3,
        message: expect.stringContaining(words),
      }),
    );
  }
});
