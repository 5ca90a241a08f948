import { typeOfCode } from "../graph/data-type.ts";
import type { DataType, Tensor } from "../graph/graph.ts";
import { bytesPerElement } from "../graph/tensor.ts";
import { damaged } from "./errors.ts";
import { type ExternalPlace, externalPlace, readPlace } from "./external.ts";
import type { TensorProto } from "./schema.ts";
import { typedBytes } from "./typed-data.ts";

/** TensorProto.DataLocation EXTERNAL. */
export const EXTERNAL = 1;

/** What is known of the file while its tensors are read. */
export interface ReadContext {
  /** What to call the file in messages. */
  readonly file: string;
  /** The model's folder; null where the bytes came without one. */
  readonly folder: string | null;
}

/** The tensor of a source as it was read: tells whether a tensor is unchanged. */
const readTensors = new WeakMap<TensorProto, Tensor>();
const places = new WeakMap<TensorProto, ExternalPlace>();

/** The tensor that was read from this part of the file. */
export function tensorAsRead(proto: TensorProto): Tensor | undefined {
  return readTensors.get(proto);
}

/** Where the bytes of a tensor lie that was read from external data. */
export function placeOf(proto: TensorProto): ExternalPlace | undefined {
  return places.get(proto);
}

/**
 * A tensor over the bytes of the file: raw data is a view, typed data is converted at the first call of `bytes`, external
 * data is read at every call.
 * @throws InputError `onnx/tensor-shape`, `onnx/tensor-data`, `onnx/tensor-size`, `onnx/external-...`
 */
export function readTensor(proto: TensorProto, where: string, context: ReadContext): Tensor {
  const type = typeOfCode(proto.dataType);
  const shape = proto.dims.map(Number);
  const count = shape.reduce((product, extent) => product * extent, 1);
  if (shape.some((extent) => extent < 0) || !Number.isSafeInteger(count)) {
    throw damaged(
      "tensor-shape",
      `The tensor has the impossible shape [${shape.join(", ")}].`,
      where,
    );
  }
  if (proto.dataType === 0) {
    throw damaged("tensor-data", "The tensor doesn't say its element type.", where);
  }
  const tensor: Tensor = {
    type,
    shape,
    source: proto,
    ...dataOf(proto, type, count, where, context),
  };
  readTensors.set(proto, tensor);
  return tensor;
}

function dataOf(
  proto: TensorProto,
  type: DataType,
  count: number,
  where: string,
  context: ReadContext,
): Pick<Tensor, "byteLength" | "bytes"> {
  const size = count * bytesPerElement(type);
  if (proto.dataLocation === EXTERNAL) return externalData(proto, type, size, where, context);
  if (type === "string") {
    if (proto.stringData.length === count) return { byteLength: 0, bytes: () => new Uint8Array(0) };
    throw sizeError(shapeText(proto), `${proto.stringData.length} strings`, `${count}`, where);
  }
  const raw = proto.rawData;
  // Types with elements that are not whole bytes are kept as they are, so their size can't be checked.
  if (type === "other") return { byteLength: raw.byteLength, bytes: () => raw };
  if (raw.byteLength === size) return { byteLength: size, bytes: () => raw };
  if (raw.byteLength > 0) {
    throw sizeError(shapeText(proto), `${raw.byteLength} bytes`, `${size} of ${type}`, where);
  }
  const converted = typedBytes(proto, type, where);
  if (converted.byteLength !== size) {
    throw sizeError(shapeText(proto), `${converted.byteLength} bytes`, `${size} of ${type}`, where);
  }
  return { byteLength: size, bytes: () => converted };
}

function shapeText(proto: TensorProto): string {
  return `[${proto.dims.join(", ")}]`;
}

function sizeError(shape: string, found: string, wanted: string, where: string): Error {
  return damaged(
    "tensor-size",
    `The tensor of shape ${shape} holds ${found}, but its shape asks for ${wanted}.`,
    where,
  );
}

function externalData(
  proto: TensorProto,
  type: DataType,
  size: number,
  where: string,
  context: ReadContext,
): Pick<Tensor, "byteLength" | "bytes"> {
  if (type === "string" || type === "other") {
    throw damaged(
      "tensor-data",
      `External data of element type number ${proto.dataType} is not supported.`,
      where,
    );
  }
  const place = externalPlace(proto, size, context.folder, where);
  places.set(proto, place);
  return { byteLength: size, bytes: () => readPlace(place, where) };
}
