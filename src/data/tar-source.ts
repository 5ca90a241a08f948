import { createReadStream } from "node:fs";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { extract } from "tar-stream";
import { InputError } from "../core/errors.ts";
import { isImageName, type Source, type SourceImage } from "./source.ts";

/** Encoded images that may be held in memory to read an archive out of order, in bytes. */
const SHUFFLE_LIMIT_BYTES = 1 << 30;

interface TarImage {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/**
 * Images of a tar or tar.gz, in the order of the archive. Reading in ascending order streams; any other order needs the
 * wanted images in memory.
 * @throws InputError `data/broken-archive`
 */
export async function tarSource(path: string): Promise<Source> {
  const names: string[] = [];
  for await (const { name } of tarImages(path, () => false)) names.push(name);
  return {
    count: names.length,
    name: (index) => names[index] ?? String(index),
    labels: null,
    read: (indices) =>
      isAscending(indices) ? streamImages(path, indices) : gatherImages(path, indices),
  };
}

function isAscending(indices: readonly number[]): boolean {
  return indices.every((index, at) => at === 0 || index > (indices[at - 1] ?? index));
}

async function* streamImages(
  path: string,
  indices: readonly number[],
): AsyncGenerator<SourceImage> {
  const wanted = new Set(indices);
  let index = 0;
  let left = wanted.size;
  if (left === 0) return;
  for await (const { bytes } of tarImages(path, (at) => wanted.has(at))) {
    if (wanted.has(index)) {
      yield { image: { kind: "encoded", bytes }, index };
      left -= 1;
      if (left === 0) return;
    }
    index += 1;
  }
}

async function* gatherImages(
  path: string,
  indices: readonly number[],
): AsyncGenerator<SourceImage> {
  const held = new Map<number, Uint8Array>();
  let total = 0;
  const ascending = [...indices].sort((a, b) => a - b);
  for await (const { image, index } of streamImages(path, ascending)) {
    held.set(index, image.bytes);
    total += image.bytes.byteLength;
    if (total > SHUFFLE_LIMIT_BYTES) {
      throw new InputError({
        code: "data/archive-too-large",
        message: `Shuffling this archive would hold more than ${SHUFFLE_LIMIT_BYTES >> 20} MiB of images in memory.`,
        where: path,
        hint: "Unpack it and name the folder, or set a smaller limit.",
      });
    }
  }
  for (const index of indices) {
    const bytes = held.get(index);
    if (bytes !== undefined) yield { image: { kind: "encoded", bytes }, index };
  }
}

/** Every image of the archive; its bytes only where `wanted` says so. */
async function* tarImages(
  path: string,
  wanted: (index: number) => boolean,
): AsyncGenerator<TarImage> {
  const archive = extract();
  const file = createReadStream(path);
  // The error arrives through the archive's iterator, which is destroyed with it.
  const ended = (): void => {};
  if (/\.t?gz$/i.test(path)) pipeline(file, createGunzip(), archive, ended);
  else pipeline(file, archive, ended);
  let index = 0;
  try {
    for await (const entry of archive) {
      const { name, type } = entry.header;
      if (type !== "file" || !isImageName(name)) {
        entry.resume();
        continue;
      }
      const bytes = wanted(index) ? await collect(entry) : new Uint8Array(0);
      entry.resume();
      index += 1;
      yield { name: name.replace(/^\.\//, ""), bytes };
    }
  } catch (cause) {
    throw new InputError({
      code: "data/broken-archive",
      message: `Can't read the archive beyond ${index} images: ${cause instanceof Error ? cause.message : String(cause)}.`,
      where: path,
      hint: "Check that it is a whole .tar, .tar.gz or .tgz.",
      cause,
    });
  } finally {
    file.destroy();
  }
}

async function collect(entry: AsyncIterable<unknown>): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  for await (const chunk of entry) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
  return Buffer.concat(chunks);
}
