import type { PickleArray } from "./pickle-values.ts";

/** Element type of an array: f8, i4, b1 and the like, and its byte order. */
export interface NumpyType {
  readonly kind: "f" | "i" | "u" | "b";
  readonly bytes: number;
  readonly littleEndian: boolean;
}

const WIDTHS: Readonly<Record<string, readonly number[]>> = {
  f: [2, 4, 8],
  i: [1, 2, 4, 8],
  u: [1, 2, 4, 8],
  b: [1],
};

/** `f8`, `<i4`, `b1`; null for anything that isn't a plain number, such as O8. */
export function numpyType(code: string): NumpyType | null {
  const match = /^([<>|=]?)([fiub])([1248])$/.exec(code);
  const [, order = "", kind = "", width = ""] = match ?? [];
  const bytes = Number(width);
  if (!(WIDTHS[kind]?.includes(bytes) ?? false)) return null;
  return { kind: kind as NumpyType["kind"], bytes, littleEndian: order !== ">" };
}

/** Ends the reading with what is wrong. */
export type Fail = (what: string) => never;

/** What makes arrays: may fail, and says beforehand how many numbers it makes. */
export interface Maker {
  readonly fail: Fail;
  readonly take: (numbers: number) => void;
}

export interface RawArray {
  readonly shape: readonly number[];
  readonly type: NumpyType;
  readonly raw: Uint8Array;
  /** Whether the first axis changes fastest in `raw`. */
  readonly fortran: boolean;
}

/** The numbers of an array from its raw bytes. */
export function numpyArray(
  { shape, type, raw, fortran }: RawArray,
  { fail, take }: Maker,
): PickleArray {
  const count = shape.reduce((product, extent) => product * extent, 1);
  if (shape.some((extent) => !Number.isSafeInteger(extent) || extent < 0)) {
    return fail(`an array of shape ${shape.join("x")}`);
  }
  if (count * type.bytes !== raw.length) {
    return fail(`an array of ${shape.join("x")} numbers in ${raw.length} bytes`);
  }
  take(count);
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const data = new Float64Array(count);
  for (let at = 0; at < count; at += 1) {
    const value = readNumber(view, at * type.bytes, type);
    if (value === null) return fail("a whole number beyond 2^53");
    data[fortran ? rowMajor(at, shape) : at] = value;
  }
  return { kind: "array", shape, data };
}

/** One number, null where it can't be held exactly. */
function readNumber(view: DataView, at: number, type: NumpyType): number | null {
  const { kind, bytes, littleEndian } = type;
  switch (`${kind}${bytes}`) {
    case "f2":
      return half(view.getUint16(at, littleEndian));
    case "f4":
      return view.getFloat32(at, littleEndian);
    case "f8":
      return view.getFloat64(at, littleEndian);
    case "i1":
      return view.getInt8(at);
    case "i2":
      return view.getInt16(at, littleEndian);
    case "i4":
      return view.getInt32(at, littleEndian);
    case "u2":
      return view.getUint16(at, littleEndian);
    case "u4":
      return view.getUint32(at, littleEndian);
    case "i8":
      return safe(view.getBigInt64(at, littleEndian));
    case "u8":
      return safe(view.getBigUint64(at, littleEndian));
    default:
      return view.getUint8(at);
  }
}

function safe(value: bigint): number | null {
  return Number.isSafeInteger(Number(value)) ? Number(value) : null;
}

/** IEEE 754 binary16. */
function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Row-major position of the element at a position where the first axis changes fastest. */
function rowMajor(position: number, shape: readonly number[]): number {
  let rest = position;
  let stride = shape.reduce((product, extent) => product * extent, 1);
  let result = 0;
  for (const extent of shape) {
    stride /= extent;
    result += (rest % extent) * stride;
    rest = Math.floor(rest / extent);
  }
  return result;
}
