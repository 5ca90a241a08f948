import { InternalError } from "../../core/errors.ts";
import { writeChunksAtomic } from "../../core/files.ts";
import type { Tensor } from "../../graph/graph.ts";
import { bytesPerElement, elementCount } from "../../graph/tensor.ts";
import { dtypeOf, LENGTH_BYTES, METADATA_KEY } from "./header.ts";

/** Data begins at a multiple of this, so that every element type may be mapped as it lies. */
const ALIGNMENT = 8;

/**
 * Writes a safetensors file, whole or not at all. One tensor at a time is in memory. Tensors keep their order, except that
 * those of wider elements come first, as every tensor then lies at a multiple of its element's size.
 * @throws InputError `core/write-failed`
 */
export function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, Tensor>,
  metadata: Readonly<Record<string, string>> = {},
): void {
  writeChunksAtomic(path, chunksOf(tensors, metadata));
}

function* chunksOf(
  tensors: ReadonlyMap<string, Tensor>,
  metadata: Readonly<Record<string, string>>,
): Generator<Uint8Array> {
  const ordered = [...tensors].sort(
    ([, a], [, b]) => bytesPerElement(b.type) - bytesPerElement(a.type),
  );
  yield headerBytes(ordered, metadata);
  for (const [name, tensor] of ordered) {
    const bytes = tensor.bytes();
    if (bytes.byteLength !== tensor.byteLength) {
      throw fault(`'${name}' gives ${bytes.byteLength} of its ${tensor.byteLength} bytes.`);
    }
    yield bytes;
  }
}

function headerBytes(
  tensors: readonly (readonly [string, Tensor])[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  // A Map's entries, not an object's keys: those that look like numbers would come first.
  const parts: string[] = [];
  if (Object.keys(metadata).length > 0) {
    parts.push(`${JSON.stringify(METADATA_KEY)}:${JSON.stringify(metadata)}`);
  }
  let at = 0;
  for (const [name, tensor] of tensors) {
    const dtype = dtypeOf(tensor.type);
    if (dtype === null || name === METADATA_KEY) {
      throw fault(`'${name}' of ${tensor.type} has no place in a safetensors file.`);
    }
    if (tensor.byteLength !== elementCount(tensor.shape) * bytesPerElement(tensor.type)) {
      throw fault(
        `'${name}' of ${tensor.type} [${tensor.shape.join(", ")}] has ${tensor.byteLength} bytes.`,
      );
    }
    const offsets = [at, at + tensor.byteLength];
    const entry = { dtype, shape: tensor.shape, data_offsets: offsets };
    parts.push(`${JSON.stringify(name)}:${JSON.stringify(entry)}`);
    at += tensor.byteLength;
  }
  const text = new TextEncoder().encode(`{${parts.join(",")}}`);
  const length = Math.ceil(text.byteLength / ALIGNMENT) * ALIGNMENT;
  const bytes = new Uint8Array(LENGTH_BYTES + length).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(text, LENGTH_BYTES);
  return bytes;
}

function fault(message: string): InternalError {
  return new InternalError({ code: "safetensors/not-writable", message });
}
