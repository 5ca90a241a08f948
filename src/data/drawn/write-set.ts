import { join } from "node:path";
import { writeChunksAtomic } from "../../core/files.ts";
import type { Progress } from "../../core/progress.ts";
import { elementCount } from "../../graph/tensor.ts";
import type { DrawnArrays, DrawnField } from "./arrays.ts";
import { npyElements, npyHeader } from "./npy.ts";
import type { DrawnSet } from "./set.ts";

/**
 * Draws a split into `FOLDER/<field>.npy`, a row per sample. The first field is written while samples are drawn, so that memory holds
 * the others only.
 * @throws InputError `core/write-failed`
 */
export function writeDrawnSplit(
  folder: string,
  arrays: DrawnArrays,
  set: DrawnSet,
  count: number,
  progress: Progress,
): void {
  const [first, ...others] = arrays.fields;
  if (first === undefined) return;
  const collected = others.map(() => [] as Uint8Array[]);
  writeChunksAtomic(fileOf(folder, first), chunks(arrays, set, count, collected, progress));
  others.forEach((field, at) => {
    const header = npyHeader(field.type, [count, ...field.shape]);
    writeChunksAtomic(fileOf(folder, field), [header, Buffer.concat(collected[at] ?? [])]);
  });
}

/** The chunks of the first field; rows of the others are added to `collected`. */
function* chunks(
  { fields, draw }: DrawnArrays,
  set: DrawnSet,
  count: number,
  collected: readonly Uint8Array[][],
  progress: Progress,
): Generator<Uint8Array> {
  const [first, ...others] = fields;
  if (first === undefined) return;
  yield npyHeader(first.type, [count, ...first.shape]);
  const sample = draw(set);
  for (let index = 0; index < count; index += 1) {
    const [row, ...rest] = sample(index);
    others.forEach((field, at) => {
      collected[at]?.push(npyElements(field.type, checked(field, rest[at])));
    });
    yield npyElements(first.type, checked(first, row));
    progress.step(`drawing the ${set.split} split`, index + 1, count);
  }
}

function checked(
  { name, shape }: DrawnField,
  row: ArrayLike<number> | undefined,
): ArrayLike<number> {
  if (row?.length === elementCount(shape)) return row;
  throw new RangeError(`a row of '${name}' has ${row?.length ?? "no"} elements`);
}

function fileOf(folder: string, { name }: DrawnField): string {
  return join(folder, `${name}.npy`);
}
