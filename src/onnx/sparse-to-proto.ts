import { create } from "@bufbuild/protobuf";
import type { Tensor } from "../graph/graph.ts";
import { bytesPerElement, elementCount } from "../graph/tensor.ts";
import { type SparseTensorProto, SparseTensorSchema, TensorSchema } from "./schema.ts";
import { sparseAsRead } from "./sparse.ts";
import { sourceOf, typeCode } from "./to-proto.ts";

/**
 * A tensor as the values that are not zero and their places in the dense tensor, sorted, as the specification wants them. An
 * unchanged one keeps the form it was read in.
 */
export function sparseProto(name: string, tensor: Tensor): SparseTensorProto {
  const source = sourceOf(SparseTensorSchema, tensor.source);
  const asRead = source !== undefined && sparseAsRead(source)?.bytes === tensor.bytes;
  if (asRead && source.values?.name === name) return source;
  const width = bytesPerElement(tensor.type);
  const bytes = tensor.bytes();
  const places: bigint[] = [];
  const count = elementCount(tensor.shape);
  for (let at = 0; at < count; at += 1) {
    if (!isZero(bytes, at * width, width)) places.push(BigInt(at));
  }
  const data = new Uint8Array(places.length * width);
  for (const [at, place] of places.entries()) {
    const from = Number(place) * width;
    data.set(bytes.subarray(from, from + width), at * width);
  }
  const indices = BigInt64Array.from(places);
  return create(SparseTensorSchema, {
    dims: tensor.shape.map(BigInt),
    values: create(TensorSchema, {
      ...{
        name,
        dims: [BigInt(places.length)],
        dataType: typeCode(tensor.type, undefined),
        rawData: data,
      },
    }),
    indices: create(TensorSchema, {
      dims: [BigInt(places.length)],
      dataType: INT64,
      rawData: new Uint8Array(indices.buffer),
    }),
  });
}

/** TensorProto.DataType INT64. */
const INT64 = 7;

/** Every bit: minus zero is a value that must come back. */
function isZero(bytes: Uint8Array, from: number, width: number): boolean {
  for (let at = from; at < from + width; at += 1) if (bytes[at] !== 0) return false;
  return true;
}
