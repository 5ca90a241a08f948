import { join } from "node:path";
import { writeChunksAtomic, writeFileAtomic, writeJson } from "../../core/files.ts";
import type { Progress } from "../../core/progress.ts";
import { elementCount } from "../../graph/tensor.ts";
import { interleaved } from "../shape-files.ts";
import type { DrawnField, DrawnFiles, DrawnSample } from "./files.ts";
import { npyElements, npyHeader } from "./npy.ts";
import { drawScene, SCENE_CLASSES, SCENE_SIZE, type Scene } from "./scenes.ts";
import type { DrawnSet } from "./set.ts";

export interface DrawnCounts {
  readonly seed: number;
  readonly train: number;
  readonly test: number;
}

/**
 * Draws a set into a folder: per split `pictures.bin` (CIFAR's record layout: a label byte, then the pixels, channel-major) and
 * `<field>.npy`, a row per sample; beside them the documents that say how to read it. Same seed, same bytes.
 * @throws InputError `core/write-failed`
 */
export function writeDrawnSet(
  folder: string,
  files: DrawnFiles,
  { seed, ...counts }: DrawnCounts,
  progress: Progress,
): void {
  for (const split of ["train", "test"] as const) {
    writeDrawnSplit(join(folder, split), files, { seed, split }, counts[split], progress);
  }
  writeDocuments(folder, files);
}

export function writeDocuments(folder: string, { documents }: DrawnFiles): void {
  for (const [name, document] of Object.entries(documents)) writeJson(join(folder, name), document);
}

/** One split. Pictures are written while they are drawn, so that memory holds the fields only. */
export function writeDrawnSplit(
  folder: string,
  files: DrawnFiles,
  set: DrawnSet,
  count: number,
  progress: Progress,
): void {
  const rows = files.fields.map(() => [] as Uint8Array[]);
  const records = recordsOf(files, set, count, rows, progress);
  if (files.picture === null) for (const _ of records);
  else writeChunksAtomic(join(folder, "pictures.bin"), records);
  files.fields.forEach((field, at) => {
    const header = npyHeader(field.type, [count, ...field.shape]);
    const path = join(folder, `${field.name}.npy`);
    writeChunksAtomic(path, [header, Buffer.concat(rows[at] ?? [])]);
  });
}

/** The records of the pictures; rows of the fields are added to `rows` on the way. */
function* recordsOf(
  { fields, draw }: DrawnFiles,
  set: DrawnSet,
  count: number,
  rows: readonly Uint8Array[][],
  progress: Progress,
): Generator<Uint8Array> {
  const sampleAt = draw(set);
  for (let index = 0; index < count; index += 1) {
    const sample = sampleAt(index);
    fields.forEach((field, at) => {
      rows[at]?.push(npyElements(field.type, checked(field, sample, at)));
    });
    yield Uint8Array.from([sample.label]);
    yield sample.pixels;
    progress.step(`drawing the ${set.split} split`, index + 1, count);
  }
}

function checked(
  { name, shape }: DrawnField,
  { rows }: DrawnSample,
  at: number,
): ArrayLike<number> {
  const row = rows[at];
  if (row?.length === elementCount(shape)) return row;
  throw new RangeError(`a row of '${name}' has ${row?.length ?? "no"} elements`);
}

/**
 * Draws the scenes as people have them: `images/<index>.png`, `masks/<index>.png` (the class of every pixel as its grey value) and
 * `boxes.json` in COCO's form.
 * @throws InputError `core/write-failed`
 */
export async function writeScenes(
  folder: string,
  set: DrawnSet,
  count: number,
  progress: Progress,
): Promise<void> {
  const { default: sharp } = await import("sharp");
  const digits = String(Math.max(count - 1, 0)).length;
  const side = { width: SCENE_SIZE, height: SCENE_SIZE } as const;
  const scenes: (Pick<Scene, "objects"> & { readonly file: string })[] = [];
  for (let index = 0; index < count; index += 1) {
    const { pixels, mask, objects } = drawScene(set, index);
    const file = `${String(index).padStart(digits, "0")}.png`;
    const colours = sharp(interleaved(pixels), { raw: { ...side, channels: 3 } });
    writeFileAtomic(join(folder, "images", file), await colours.png().toBuffer());
    const classes = sharp(mask, { raw: { ...side, channels: 1 } });
    writeFileAtomic(join(folder, "masks", file), await classes.png().toBuffer());
    scenes.push({ objects, file });
    progress.step(`drawing the ${set.split} split`, index + 1, count);
  }
  writeJson(join(folder, "boxes.json"), cocoOf(scenes));
}

/** Boxes as x, y, width and height; images and categories count from 1, as in COCO's own files. */
function cocoOf(scenes: readonly (Pick<Scene, "objects"> & { readonly file: string })[]): object {
  const annotations = scenes.flatMap(({ objects }, index) =>
    objects.map(({ kind, box: [left, top, right, bottom] }) => ({
      ...{ image_id: index + 1, category_id: kind + 1, iscrowd: 0 },
      bbox: [left, top, right - left, bottom - top],
      area: (right - left) * (bottom - top),
    })),
  );
  return {
    images: scenes.map(({ file }, index) => ({
      ...{ id: index + 1, file_name: file, width: SCENE_SIZE, height: SCENE_SIZE },
    })),
    annotations: annotations.map((annotation, index) => ({ id: index + 1, ...annotation })),
    categories: SCENE_CLASSES.map((name, kind) => ({ id: kind + 1, name })),
  };
}
