import type { DataType } from "./graph.ts";

/** Numbers of the element types in the file format (TensorProto.DataType), which Cast's `to` uses too. */
const CODE_OF_TYPE = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
  complex64: 14,
  complex128: 15,
  bfloat16: 16,
} as const satisfies Record<Exclude<DataType, "other">, number>;

const TYPE_OF_CODE: ReadonlyMap<number, DataType> = new Map(
  Object.entries(CODE_OF_TYPE).map(([type, code]) => [code, type as DataType]),
);

/** The element type of a number in a file; "other" for those that came later (8-bit floats, 4-bit integers). */
export function typeOfCode(code: number): DataType {
  return TYPE_OF_CODE.get(code) ?? "other";
}

/** The number of an element type; null for "other", whose number only the source knows. */
export function codeOfType(type: DataType): number | null {
  return type === "other" ? null : CODE_OF_TYPE[type];
}
