/** Constants as numbers in double precision, and back into the bytes of their type. */
import type { DataType, Tensor } from "../graph.ts";
import { fromBrainHalf, fromHalf, toBrainHalf, toEven, toHalf } from "../half.ts";
import { bytesPerElement, tensorFromBytes } from "../tensor.ts";

/** A constant while it is computed: elements row-major in `shape`, each a number that `type` can hold. */
export interface Numbers {
  readonly type: DataType;
  readonly shape: readonly number[];
  readonly values: Float64Array;
}

type Read = (view: DataView, at: number) => number;
type Write = (view: DataView, at: number, value: number) => void;

interface Format {
  readonly read: Read;
  readonly write: Write;
  /** The nearest number of the type. */
  readonly round: (value: number) => number;
}

function integers(low: number, high: number, read: Read, write: Write): Format {
  const round = (value: number): number => Math.min(Math.max(Math.trunc(value), low), high);
  return { read, write, round };
}

const FORMATS: Partial<Record<DataType, Format>> = {
  float32: {
    read: (view, at) => view.getFloat32(at, true),
    write: (view, at, value) => {
      view.setFloat32(at, value, true);
    },
    round: Math.fround,
  },
  float64: {
    read: (view, at) => view.getFloat64(at, true),
    write: (view, at, value) => {
      view.setFloat64(at, value, true);
    },
    round: (value) => value,
  },
  float16: {
    read: (view, at) => fromHalf(view.getUint16(at, true)),
    write: (view, at, value) => {
      view.setUint16(at, toHalf(value), true);
    },
    round: (value) => fromHalf(toHalf(value)),
  },
  bfloat16: {
    read: (view, at) => fromBrainHalf(view.getUint16(at, true)),
    write: (view, at, value) => {
      view.setUint16(at, toBrainHalf(value), true);
    },
    round: (value) => fromBrainHalf(toBrainHalf(value)),
  },
  int8: integers(
    -(2 ** 7),
    2 ** 7 - 1,
    (view, at) => view.getInt8(at),
    (view, at, value) => {
      view.setInt8(at, value);
    },
  ),
  uint8: integers(
    0,
    2 ** 8 - 1,
    (view, at) => view.getUint8(at),
    (view, at, value) => {
      view.setUint8(at, value);
    },
  ),
  bool: integers(
    0,
    1,
    (view, at) => view.getUint8(at),
    (view, at, value) => {
      view.setUint8(at, value);
    },
  ),
  int16: integers(
    -(2 ** 15),
    2 ** 15 - 1,
    (view, at) => view.getInt16(at, true),
    (view, at, value) => {
      view.setInt16(at, value, true);
    },
  ),
  uint16: integers(
    0,
    2 ** 16 - 1,
    (view, at) => view.getUint16(at, true),
    (view, at, value) => {
      view.setUint16(at, value, true);
    },
  ),
  int32: integers(
    -(2 ** 31),
    2 ** 31 - 1,
    (view, at) => view.getInt32(at, true),
    (view, at, value) => {
      view.setInt32(at, value, true);
    },
  ),
  uint32: integers(
    0,
    2 ** 32 - 1,
    (view, at) => view.getUint32(at, true),
    (view, at, value) => {
      view.setUint32(at, value, true);
    },
  ),
  // Beyond 2^53 the last digits are lost, which only "to the end" markers reach.
  int64: integers(
    -(2 ** 63),
    2 ** 63 - 1024,
    (view, at) => Number(view.getBigInt64(at, true)),
    (view, at, value) => {
      view.setBigInt64(at, BigInt(value), true);
    },
  ),
};

/** Whether constants of a type can be computed with. */
export function isNumeric(type: DataType): boolean {
  return FORMATS[type] !== undefined;
}

/** The elements of a constant; null where its type is no number known here. */
export function numbersOf(tensor: Tensor): Numbers | null {
  const format = FORMATS[tensor.type];
  if (format === undefined) return null;
  const size = bytesPerElement(tensor.type);
  const bytes = tensor.bytes();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = new Float64Array(Math.floor(bytes.byteLength / size));
  for (let index = 0; index < values.length; index += 1) {
    values[index] = format.read(view, index * size);
  }
  return { type: tensor.type, shape: tensor.shape, values };
}

/** Each element as the nearest number of the type, in place. */
export function rounded(values: Float64Array, type: DataType): Float64Array {
  const round = FORMATS[type]?.round;
  if (round === undefined || type === "float64") return values;
  for (let index = 0; index < values.length; index += 1) {
    values[index] = round(values[index] ?? Number.NaN);
  }
  return values;
}

/** The bytes of these numbers. Requires a type that `isNumeric` accepts. */
export function tensorOf({ type, shape, values }: Numbers): Tensor {
  const size = bytesPerElement(type);
  const bytes = new Uint8Array(values.length * size);
  const view = new DataView(bytes.buffer);
  values.forEach((value, index) => {
    FORMATS[type]?.write(view, index * size, value);
  });
  return tensorFromBytes(type, shape, bytes);
}

/** A float as the nearest whole number (ties to even) within the range of an integer type. */
export function quantised(value: number, type: DataType): number {
  return FORMATS[type]?.round(toEven(value)) ?? Number.NaN;
}
