/**
 * Sparse initializers (SparseTensorProto): the values of a tensor that are not zero and where they are. In memory they are dense
 * tensors like any other, made when they are first asked for.
 */
import type { Tensor } from "../graph/graph.ts";
import { bytesPerElement, elementCount, integersOf } from "../graph/tensor.ts";
import { damaged } from "./errors.ts";
import type { SparseTensorProto } from "./schema.ts";
import { type ReadContext, readTensor } from "./tensors.ts";

const readSparse = new WeakMap<SparseTensorProto, Tensor>();

/** The tensor that was read from this part of the file: tells whether a tensor is unchanged. */
export function sparseAsRead(proto: SparseTensorProto): Tensor | undefined {
  return readSparse.get(proto);
}

/**
 * A sparse initializer as a dense tensor. Its places are checked at once, its elements are placed when they are asked for.
 * @throws InputError `onnx/sparse-shape`, `onnx/sparse-indices`, and as `readTensor`
 */
export function readSparseTensor(
  proto: SparseTensorProto,
  where: string,
  context: ReadContext,
): Tensor {
  if (proto.values === undefined || proto.values.name === "")
    throw damaged("sparse-shape", "A sparse initializer has no values, or no name.", where);
  const shape = proto.dims.map(Number);
  const count = elementCount(shape);
  if (shape.some((extent) => !(extent >= 0)) || !Number.isSafeInteger(count)) {
    throw damaged("sparse-shape", `It has the impossible shape [${shape.join(", ")}].`, where);
  }
  const values = readTensor(proto.values, `${where}, values`, context);
  const width = bytesPerElement(values.type);
  if (width === 0)
    throw damaged("sparse-shape", `Its values are ${values.type}, which can't be sparse.`, where);
  const nonzeros = elementCount(values.shape);
  if (values.shape.length !== 1) {
    throw damaged(
      "sparse-shape",
      `Its values are [${values.shape.join(", ")}]; a list is needed.`,
      where,
    );
  }
  const places = placesOf(proto, shape, nonzeros, where, context);
  let dense: Uint8Array | null = null;
  const bytes = (): Uint8Array => {
    if (dense !== null) return dense;
    dense = new Uint8Array(count * width);
    const given = values.bytes();
    for (const [at, place] of places.entries())
      dense.set(given.subarray(at * width, (at + 1) * width), place * width);
    return dense;
  };
  const tensor: Tensor = {
    ...{ type: values.type, shape, byteLength: count * width, bytes, sparse: true, source: proto },
  };
  readSparse.set(proto, tensor);
  return tensor;
}

/** Where each value is, row-major. The specification wants them sorted and without repeats. */
function placesOf(
  proto: SparseTensorProto,
  shape: readonly number[],
  nonzeros: number,
  where: string,
  context: ReadContext,
): Float64Array {
  const refuse = (message: string): never => {
    throw damaged(
      "sparse-indices",
      message,
      where,
      "Write the network again; its weights can't be placed.",
    );
  };
  if (nonzeros === 0 && proto.indices === undefined) return new Float64Array();
  if (proto.indices === undefined) return refuse(`It has ${nonzeros} values and no indices.`);
  const indices = readTensor(proto.indices, `${where}, indices`, context);
  if (indices.type !== "int64") return refuse(`Its indices are ${indices.type}, not int64.`);
  const [rows = 0, axes, ...more] = indices.shape;
  const isList = axes === undefined;
  if (rows !== nonzeros || more.length > 0 || !(isList || axes === shape.length)) {
    return refuse(
      `It has ${nonzeros} values and indices of [${indices.shape.join(", ")}]; [${nonzeros}] or [${nonzeros}, ${shape.length}] is needed.`,
    );
  }
  const given = integersOf(indices);
  const count = elementCount(shape);
  const places = new Float64Array(nonzeros);
  for (let row = 0; row < nonzeros; row += 1) {
    const place = isList ? (given[row] ?? -1) : placeOf(given, row * shape.length, shape);
    if (!(place >= 0 && place < count)) {
      const asked = isList
        ? place
        : `[${given.slice(row * shape.length, (row + 1) * shape.length).join(", ")}]`;
      return refuse(`Index ${row} is ${asked}, outside of the shape [${shape.join(", ")}].`);
    }
    const before = row === 0 ? -1 : (places[row - 1] ?? 0);
    if (place === before) return refuse(`The element ${place} is given twice.`);
    if (place < before)
      return refuse(`Its indices are not sorted: ${place} comes after ${before}.`);
    places[row] = place;
  }
  return places;
}

/** The row-major place of one index per axis; -1 where one is outside. */
function placeOf(given: readonly number[], from: number, shape: readonly number[]): number {
  let place = 0;
  for (const [axis, extent] of shape.entries()) {
    const index = given[from + axis] ?? -1;
    if (index < 0 || index >= extent) return -1;
    place = place * extent + index;
  }
  return place;
}
