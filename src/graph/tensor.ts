import { InternalError } from "../core/errors.ts";
import type { DataType, Tensor } from "./graph.ts";
import { fromBrainHalf, fromHalf } from "./half.ts";

const BYTES_PER_ELEMENT = {
  float32: 4,
  uint8: 1,
  int8: 1,
  uint16: 2,
  int16: 2,
  int32: 4,
  int64: 8,
  string: 0,
  bool: 1,
  float16: 2,
  float64: 8,
  uint32: 4,
  uint64: 8,
  complex64: 8,
  complex128: 16,
  bfloat16: 2,
  other: 0,
} as const satisfies Record<DataType, number>;

/** Bytes of one element; 0 where elements have no fixed size. */
export function bytesPerElement(type: DataType): number {
  return BYTES_PER_ELEMENT[type];
}

/** Number of elements of a shape; 1 for a scalar. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

/** A tensor over bytes that are already there. */
export function tensorFromBytes(
  type: DataType,
  shape: readonly number[],
  bytes: Uint8Array,
): Tensor {
  return { type, shape, byteLength: bytes.byteLength, bytes: () => bytes };
}

/** A float32 tensor over the given numbers, row-major. */
export function floatTensor(shape: readonly number[], values: ArrayLike<number>): Tensor {
  const data = values instanceof Float32Array ? values : Float32Array.from(values);
  return tensorFromBytes("float32", shape, bytesOf(data));
}

/** An int64 tensor over the given integers, row-major. */
export function intTensor(shape: readonly number[], values: readonly number[]): Tensor {
  return tensorFromBytes("int64", shape, bytesOf(BigInt64Array.from(values, BigInt)));
}

function bytesOf(data: Float32Array | BigInt64Array): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/**
 * The elements of a tensor of floats as float32, row-major; numbers of two bytes are widened exactly. A view of the tensor's bytes where they are aligned,
 * otherwise a copy: don't write to it.
 * @throws InternalError `graph/not-float`
 */
export function floatsOf(tensor: Tensor): Float32Array {
  const bytes = tensor.bytes();
  if (tensor.type === "float64") {
    return Float32Array.from(new Float64Array(aligned(bytes, 8)));
  }
  if (tensor.type === "float16" || tensor.type === "bfloat16") {
    const widen = tensor.type === "float16" ? fromHalf : fromBrainHalf;
    return Float32Array.from(new Uint16Array(aligned(bytes, 2)), widen);
  }
  if (tensor.type !== "float32") {
    throw new InternalError({
      code: "graph/not-float",
      message: `A tensor of ${tensor.type} was read as float32.`,
    });
  }
  if (bytes.byteOffset % 4 === 0) {
    return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  }
  return new Float32Array(aligned(bytes, 4));
}

/**
 * The elements of an int64, int32 or bool tensor as numbers. Integers beyond 2^53 lose their last digits, which only
 * "to the end" markers reach.
 * @throws InternalError `graph/not-integer`
 */
export function integersOf(tensor: Tensor): number[] {
  const bytes = tensor.bytes();
  switch (tensor.type) {
    case "int64":
      return Array.from(new BigInt64Array(aligned(bytes, 8)), Number);
    case "int32":
      return Array.from(new Int32Array(aligned(bytes, 4)));
    case "bool":
    case "uint8":
      return Array.from(bytes);
    default:
      throw new InternalError({
        code: "graph/not-integer",
        message: `A tensor of ${tensor.type} was read as integers.`,
      });
  }
}

function aligned(bytes: Uint8Array, size: number): ArrayBuffer {
  const whole = bytes.byteLength - (bytes.byteLength % size);
  // Not `bytes.slice`: where the bytes are a Buffer that is a view of a whole file.
  return new Uint8Array(bytes.subarray(0, whole)).buffer;
}
