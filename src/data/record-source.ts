import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { InputError } from "../core/errors.ts";
import { readFileBytes } from "../core/files.ts";
import type { Source, SourceImage } from "./source.ts";

/** Layout of a file of records: label bytes (the last one counts), then the channel-major pixels. */
export interface RecordShape {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly labelBytes?: number | undefined;
}

interface Bytes {
  readonly length: number;
  readonly read: (offset: number, length: number) => Uint8Array;
}

/**
 * Images in records of a fixed size, as CIFAR's binary files and drawn sets have them.
 * @throws InputError `data/truncated` where the file is no whole number of records
 */
export function recordSource(path: string, shape: RecordShape): Source {
  const labelBytes = shape.labelBytes ?? 1;
  const pixels = shape.channels * shape.height * shape.width;
  const record = labelBytes + pixels;
  return withBytes(path, (bytes) => {
    if (bytes.length === 0 || bytes.length % record !== 0) {
      throw truncated(
        `The file has ${bytes.length} bytes, which is no whole number of records of ${record} (${labelBytes} label + ${shape.channels} x ${shape.height} x ${shape.width}).`,
        path,
      );
    }
    const count = bytes.length / record;
    const labels = Int32Array.from(
      { length: count },
      (_, index) => bytes.read(index * record + labelBytes - 1, 1)[0] ?? -1,
    );
    return pixelSource(path, shape, labels, (index) => index * record + labelBytes);
  });
}

/**
 * MNIST's IDX pair: images (magic 0x803) and labels (magic 0x801), either of them gzipped.
 * @throws InputError `data/truncated`, `data/not-idx`
 */
export function idxSource(imagesPath: string, labelsPath: string): Source {
  const [count = 0, height = 0, width = 0] = idxHeader(imagesPath, 0x803, 3);
  const [labelled = 0] = idxHeader(labelsPath, 0x801, 1);
  if (labelled !== count) {
    throw new InputError({
      code: "data/not-idx",
      message: `There are ${count} images and ${labelled} labels.`,
      where: labelsPath,
      hint: "Name the labels that belong to the images.",
    });
  }
  const labels = withBytes(labelsPath, (bytes) => Int32Array.from(bytes.read(8, count)));
  const shape = { channels: 1, height, width };
  return pixelSource(imagesPath, shape, labels, (index) => 16 + index * height * width);
}

function idxHeader(path: string, magic: number, dimensions: number): number[] {
  return withBytes(path, (bytes) => {
    const header = bytes.read(0, Math.min(bytes.length, 4 + 4 * dimensions));
    const words = new DataView(header.buffer, header.byteOffset, header.byteLength);
    if (header.byteLength < 4 + 4 * dimensions || words.getUint32(0) !== magic) {
      throw new InputError({
        code: "data/not-idx",
        message: `This is no IDX file of ${dimensions === 3 ? "images" : "labels"}: it doesn't begin with 0x${magic.toString(16).padStart(8, "0")}.`,
        where: path,
        hint: "Name the images file of the pair; labels are looked for beside it.",
      });
    }
    const sizes = Array.from({ length: dimensions }, (_, at) => words.getUint32(4 + 4 * at));
    const expected = header.byteLength + sizes.reduce((product, size) => product * size, 1);
    if (bytes.length !== expected) {
      throw truncated(
        `The file has ${bytes.length} bytes where its header promises ${expected}.`,
        path,
      );
    }
    return sizes;
  });
}

function pixelSource(
  path: string,
  shape: RecordShape,
  labels: Int32Array,
  offset: (index: number) => number,
): Source {
  const { channels, height, width } = shape;
  const length = channels * height * width;
  return {
    count: labels.length,
    name: (index) => `record ${index}`,
    labels,
    read: async function* (indices): AsyncGenerator<SourceImage> {
      const bytes = openBytes(path);
      try {
        for (const index of indices) {
          const pixels = bytes.read(offset(index), length);
          yield { image: { kind: "pixels", channels, height, width, bytes: pixels }, index };
        }
      } finally {
        bytes.close();
      }
    },
  };
}

function withBytes<T>(path: string, use: (bytes: Bytes) => T): T {
  const bytes = openBytes(path);
  try {
    return use(bytes);
  } finally {
    bytes.close();
  }
}

function openBytes(path: string): Bytes & { readonly close: () => void } {
  if (path.toLowerCase().endsWith(".gz")) {
    const whole = unzipped(path);
    return {
      length: whole.byteLength,
      read: (offset, length) => whole.subarray(offset, offset + length),
      close: () => {},
    };
  }
  const file = openSync(path, "r");
  return {
    length: fstatSync(file).size,
    read: (offset, length) => {
      const buffer = new Uint8Array(length);
      const got = readSync(file, buffer, 0, length, offset);
      if (got !== length) throw truncated(`The file ends at byte ${offset + got}.`, path);
      return buffer;
    },
    close: () => closeSync(file),
  };
}

function unzipped(path: string): Uint8Array {
  try {
    return gunzipSync(readFileBytes(path));
  } catch (cause) {
    if (cause instanceof InputError) throw cause;
    throw new InputError({
      code: "data/broken-archive",
      message: `Can't unpack the file: ${cause instanceof Error ? cause.message : String(cause)}.`,
      where: path,
      hint: "Check that it was copied completely.",
      cause,
    });
  }
}

function truncated(message: string, where: string): InputError {
  return new InputError({
    code: "data/truncated",
    message,
    where,
    hint: "Check that the file was copied completely and that its format and image size are those of the config.",
  });
}
