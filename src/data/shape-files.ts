import { join } from "node:path";
import { writeChunksAtomic, writeFileAtomic, writeJson } from "../core/files.ts";
import type { Progress } from "../core/progress.ts";
import type { DatasetConfig } from "./config.ts";
import { drawShape, SHAPE_NAMES, type ShapeSet } from "./shapes.ts";

/** What to draw, and how to write it. */
export interface ShapeSetOptions {
  readonly size: number;
  readonly seed: number;
  /** Number of pictures per split. */
  readonly train: number;
  readonly test: number;
  /** `records`: one binary file per split, the same bytes everywhere; `png`: a folder per class, to look at. */
  readonly format: "records" | "png";
}

/**
 * Draws the set into a folder: `train.bin` and `test.bin` in CIFAR's record layout (one label byte, then 3 x size x size bytes,
 * channel-major), or `train/<class>/<index>.png` and the same for test; and `dataset.json`, which says how to read it.
 * @throws InputError `core/write-failed`
 */
export async function writeShapeSet(
  folder: string,
  options: ShapeSetOptions,
  progress: Progress,
): Promise<void> {
  for (const split of ["train", "test"] as const) {
    const set: ShapeSet = { size: options.size, seed: options.seed, split };
    if (options.format === "records") {
      const records = shapeRecords(set, options[split], progress);
      writeChunksAtomic(join(folder, `${split}.bin`), records);
    } else {
      await writePngs(folder, set, options[split], progress);
    }
  }
  writeJson(join(folder, "dataset.json"), shapeConfig(options.size, options.format));
}

/** The records of one split, one per picture, in order. */
export function* shapeRecords(
  set: ShapeSet,
  count: number,
  progress: Progress,
): Generator<Uint8Array> {
  for (let index = 0; index < count; index += 1) {
    const { label, pixels } = drawShape(set, index);
    const record = new Uint8Array(1 + pixels.length);
    record[0] = label;
    record.set(pixels, 1);
    yield record;
    progress.step(`drawing the ${set.split} split`, index + 1, count);
  }
}

/** How a drawn set is read: the pre-processing that the embedded network was trained with. */
function shapeConfig(size: number, format: "records" | "png"): DatasetConfig {
  const suffix = format === "records" ? ".bin" : "";
  return {
    schema: "mdp-dataset/1",
    splits: { train: `train${suffix}`, test: `test${suffix}` },
    format: format === "records" ? "records" : "folder",
    ...(format === "records" ? { record: { channels: 3, height: size, width: size } } : {}),
    size: [size, size],
    scale: 1 / 255,
    mean: [0.5, 0.5, 0.5],
    std: [0.25, 0.25, 0.25],
    classes: [...SHAPE_NAMES],
  };
}

async function writePngs(
  folder: string,
  set: ShapeSet,
  count: number,
  progress: Progress,
): Promise<void> {
  const { default: sharp } = await import("sharp");
  const digits = String(Math.max(count - 1, 0)).length;
  for (let index = 0; index < count; index += 1) {
    const { label, pixels } = drawShape(set, index);
    const raw = { width: set.size, height: set.size, channels: 3 } as const;
    const png = await sharp(interleaved(pixels), { raw }).png().toBuffer();
    const name = `${String(index).padStart(digits, "0")}.png`;
    writeFileAtomic(join(folder, set.split, SHAPE_NAMES[label] ?? String(label), name), png);
    progress.step(`drawing the ${set.split} split`, index + 1, count);
  }
}

/** Channel-major bytes (3 x pixels) as pixel-major ones (pixels x 3). */
export function interleaved(planes: Uint8Array): Uint8Array {
  const pixels = planes.length / 3;
  const result = new Uint8Array(planes.length);
  for (let pixel = 0; pixel < pixels; pixel += 1) {
    for (let channel = 0; channel < 3; channel += 1) {
      result[pixel * 3 + channel] = planes[channel * pixels + pixel] ?? 0;
    }
  }
  return result;
}
