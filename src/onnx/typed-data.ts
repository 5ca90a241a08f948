import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import type { DataType } from "../graph/graph.ts";
import { damaged } from "./errors.ts";
import { FIELD, type TensorProto } from "./schema.ts";

/** The field that holds the elements of each type where they are not in raw_data (see onnx.proto, TensorProto). */
const FIELD_OF_TYPE = {
  float32: FIELD.floatData,
  complex64: FIELD.floatData,
  float64: FIELD.doubleData,
  complex128: FIELD.doubleData,
  int64: FIELD.int64Data,
  uint32: FIELD.uint64Data,
  uint64: FIELD.uint64Data,
  int32: FIELD.int32Data,
  int16: FIELD.int32Data,
  int8: FIELD.int32Data,
  uint16: FIELD.int32Data,
  uint8: FIELD.int32Data,
  bool: FIELD.int32Data,
  float16: FIELD.int32Data,
  bfloat16: FIELD.int32Data,
} as const satisfies Partial<Record<DataType, number>>;

const NUMBERS: ReadonlySet<number> = new Set(Object.values(FIELD_OF_TYPE));

/** Whether a field of a tensor, by number, holds elements. */
export function isTypedData(field: number): boolean {
  return NUMBERS.has(field);
}

/**
 * The elements of a tensor whose data is in one of the typed fields, as little-endian bytes. One packed run of floats is
 * returned as a view; everything else is converted.
 * @throws InputError `onnx/tensor-data`
 */
export function typedBytes(proto: TensorProto, type: DataType, where: string): Uint8Array {
  const parts = (proto.$unknown ?? []).filter((field) => isTypedData(field.no));
  if (parts.length === 0) return new Uint8Array(0);
  const expected = type === "string" || type === "other" ? null : FIELD_OF_TYPE[type];
  if (parts.some((part) => part.no !== expected)) {
    throw damaged(
      "tensor-data",
      `A tensor of ${type} has its elements in another type's field.`,
      where,
    );
  }
  const runs = parts.map((part) =>
    part.wireType === WireType.LengthDelimited ? new BinaryReader(part.data).bytes() : part.data,
  );
  if (expected === FIELD.floatData || expected === FIELD.doubleData) return joined(runs);
  return fromVarints(joined(runs), type);
}

function joined(runs: readonly Uint8Array[]): Uint8Array {
  const [first] = runs;
  if (first !== undefined && runs.length === 1) return first;
  return Buffer.concat(runs);
}

const WIDTH = { int8: 1, uint8: 1, bool: 1, int16: 2, uint16: 2, float16: 2, bfloat16: 2 } as const;

function fromVarints(data: Uint8Array, type: DataType): Uint8Array {
  const reader = new BinaryReader(data);
  if (type === "int64" || type === "uint64") {
    const values: bigint[] = [];
    while (reader.pos < reader.len) values.push(BigInt.asIntN(64, BigInt(reader.int64())));
    return bytesOf(BigInt64Array.from(values));
  }
  const values: number[] = [];
  while (reader.pos < reader.len) {
    values.push(type === "uint32" ? Number(reader.uint64()) : reader.int32());
  }
  // Typed arrays keep the low bits, which is what the file means by a 16-bit float or an 8-bit integer in an int32.
  const width = type in WIDTH ? WIDTH[type as keyof typeof WIDTH] : 4;
  if (width === 1) return Uint8Array.from(values);
  return bytesOf(width === 2 ? Uint16Array.from(values) : Uint32Array.from(values));
}

function bytesOf(data: BigInt64Array | Uint16Array | Uint32Array): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
