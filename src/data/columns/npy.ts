import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { InputError } from "../../core/errors.ts";
import type { Feed, FeedType } from "../../runtime/session.ts";

/** Numbers in a file, sample by sample: the first axis counts the samples. */
export interface ArrayFile {
  readonly path: string;
  readonly type: FeedType;
  /** Of one sample. */
  readonly shape: readonly number[];
  readonly count: number;
  /** Byte of the first number. */
  readonly start: number;
}

const TYPES = {
  f4: "float32",
  f8: "float64",
  f2: "float16",
  u1: "uint8",
  i1: "int8",
  u2: "uint16",
  i2: "int16",
  u4: "uint32",
  i4: "int32",
  u8: "uint64",
  i8: "int64",
  b1: "bool",
} as const satisfies Readonly<Record<string, FeedType>>;

const BYTES: Readonly<Partial<Record<FeedType, number>>> = {
  ...{ float32: 4, float64: 8, float16: 2, uint8: 1, int8: 1, uint16: 2, int16: 2 },
  ...{ uint32: 4, int32: 4, uint64: 8, int64: 8, bool: 1 },
};

const MAGIC = "\x93NUMPY";

/**
 * Opens NumPy's .npy (versions 1 to 3), little-endian and in C order.
 * @throws InputError `data/bad-array`
 */
export function openNpy(path: string): ArrayFile {
  const head = readBytes(path, 0, 12);
  if (Buffer.from(head.subarray(0, 6)).toString("latin1") !== MAGIC) {
    throw badArray("This is no .npy file: it doesn't begin with \\x93NUMPY.", path);
  }
  const view = new DataView(head.buffer, head.byteOffset);
  const long = (head[6] ?? 1) > 1;
  const length = long ? view.getUint32(8, true) : view.getUint16(8, true);
  const begin = long ? 12 : 10;
  if (length > 2 ** 20) throw badArray(`Its header has ${length} bytes.`, path);
  const text = Buffer.from(readBytes(path, begin, length)).toString("latin1");
  const descr = /'descr':\s*'([^']*)'/.exec(text)?.[1] ?? "";
  const type = TYPES[descr.slice(1) as keyof typeof TYPES];
  if (type === undefined || !/^[<|=]/.test(descr)) {
    throw badArray(`Its elements are '${descr}'; little-endian numbers are supported.`, path);
  }
  if (/'fortran_order':\s*True/.test(text)) throw badArray("It is in Fortran's order.", path);
  const axes = /'shape':\s*\(([^)]*)\)/.exec(text)?.[1];
  const shape = (axes ?? "").split(",").flatMap((axis) => (axis.trim() === "" ? [] : Number(axis)));
  if (axes === undefined || shape.length === 0 || shape.some((extent) => !(extent >= 0))) {
    throw badArray("It is a single number; its first axis must count the samples.", path);
  }
  const [count = 0, ...rest] = shape;
  return checked({ path, type, shape: rest, count, start: begin + length });
}

/**
 * Opens plain numbers, one behind the other, little-endian.
 * @throws InputError `data/bad-array`
 */
export function openRaw(path: string, type: FeedType, shape: readonly number[]): ArrayFile {
  const perSample = bytesPerSample(type, shape);
  const length = sizeOf(path);
  if (length === 0 || length % perSample !== 0) {
    throw badArray(
      `The file has ${length} bytes, which is no whole number of samples of ${perSample} (${type} [${shape.join(", ")}]).`,
      path,
    );
  }
  return { path, type, shape, count: length / perSample, start: 0 };
}

/** Samples of the file in the order asked for, as a tensor whose first axis counts them. */
export function readSamples(file: ArrayFile, indices: readonly number[]): Feed {
  const per = bytesPerSample(file.type, file.shape);
  const bytes = new Uint8Array(per * indices.length);
  const handle = opened(file.path);
  try {
    for (const [at, index] of indices.entries()) {
      readSync(handle, bytes, at * per, per, file.start + index * per);
    }
  } finally {
    closeSync(handle);
  }
  return feedOf(file.type, [indices.length, ...file.shape], bytes.buffer);
}

function feedOf(type: FeedType, shape: readonly number[], buffer: ArrayBuffer): Feed {
  const arrays = {
    ...{ float32: Float32Array, float64: Float64Array, float16: Uint16Array, uint8: Uint8Array },
    ...{ int8: Int8Array, uint16: Uint16Array, int16: Int16Array, uint32: Uint32Array },
    ...{ int32: Int32Array, uint64: BigUint64Array, int64: BigInt64Array, bool: Uint8Array },
  } as const;
  const Numbers = arrays[type as keyof typeof arrays];
  return { type, shape, data: new Numbers(buffer) } as Feed;
}

function bytesPerSample(type: FeedType, shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, BYTES[type] ?? 1);
}

function checked(file: ArrayFile): ArrayFile {
  const wanted = file.start + file.count * bytesPerSample(file.type, file.shape);
  const length = sizeOf(file.path);
  if (length === wanted) return file;
  throw badArray(`The file has ${length} bytes where its header says ${wanted}.`, file.path);
}

/** @throws InputError `data/not-found` */
function opened(path: string): number {
  try {
    return openSync(path, "r");
  } catch (cause) {
    throw new InputError({
      code: "data/not-found",
      message: `Can't read the file: ${cause instanceof Error ? cause.message : String(cause)}.`,
      where: path,
      hint: "Check 'path' in the data set's config.",
      cause,
    });
  }
}

function sizeOf(path: string): number {
  const handle = opened(path);
  try {
    return fstatSync(handle).size;
  } finally {
    closeSync(handle);
  }
}

function readBytes(path: string, offset: number, length: number): Uint8Array {
  const handle = opened(path);
  try {
    const bytes = new Uint8Array(length);
    if (readSync(handle, bytes, 0, length, offset) === length) return bytes;
    throw badArray(`The file ends before byte ${offset + length}.`, path);
  } finally {
    closeSync(handle);
  }
}

function badArray(message: string, where: string): InputError {
  return new InputError({
    code: "data/bad-array",
    message,
    where,
    hint: 'Save it with numpy.save of a little-endian, C-ordered array, or give "dtype" and "shape" of one sample for plain numbers.',
  });
}
