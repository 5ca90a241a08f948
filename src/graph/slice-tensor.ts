import type { Tensor } from "./graph.ts";
import { bytesPerElement, elementCount } from "./tensor.ts";

/** Per axis the indices to keep, or null to keep the axis whole. */
export type Selection = readonly (readonly number[] | Int32Array | null)[];

/**
 * The tensor with only the selected indices along each axis, of any element type of fixed size. Elements are copied when
 * `bytes` is called, so that external weights stay in their file until they are written.
 */
export function sliceTensor(tensor: Tensor, selection: Selection): Tensor {
  if (selection.every((indices) => indices === null)) return tensor;
  const size = bytesPerElement(tensor.type);
  const shape = tensor.shape.map((extent, axis) => selection[axis]?.length ?? extent);
  return {
    type: tensor.type,
    shape,
    byteLength: elementCount(shape) * size,
    bytes: () => selectedBytes(tensor, selection, size),
  };
}

function selectedBytes(tensor: Tensor, selection: Selection, size: number): Uint8Array {
  let bytes = tensor.bytes();
  let shape = tensor.shape;
  selection.forEach((indices, axis) => {
    if (indices === null) return;
    bytes = selectAlong(bytes, shape, axis, indices, size);
    shape = shape.map((extent, at) => (at === axis ? indices.length : extent));
  });
  return bytes;
}

function selectAlong(
  bytes: Uint8Array,
  shape: readonly number[],
  axis: number,
  indices: readonly number[] | Int32Array,
  size: number,
): Uint8Array {
  const outer = elementCount(shape.slice(0, axis));
  const runBytes = elementCount(shape.slice(axis + 1)) * size;
  const result = new Uint8Array(outer * indices.length * runBytes);
  // Most weights have four bytes per element: a quarter of the copies.
  const words = runBytes % 4 === 0 && bytes.byteOffset % 4 === 0;
  const source = words ? wordsOf(bytes) : bytes;
  const target = words ? wordsOf(result) : result;
  const run = words ? runBytes / 4 : runBytes;
  const stride = (shape[axis] ?? 0) * run;
  let to = 0;
  for (let row = 0; row < outer; row += 1) {
    for (const index of indices) {
      copyRun(source, row * stride + index * run, target, to, run);
      to += run;
    }
  }
  return result;
}

function wordsOf(bytes: Uint8Array): Uint32Array {
  return new Uint32Array(bytes.buffer, bytes.byteOffset, Math.floor(bytes.byteLength / 4));
}

// `set` costs more than it saves on a kernel of nine elements.
function copyRun(
  source: Uint8Array | Uint32Array,
  from: number,
  target: Uint8Array | Uint32Array,
  to: number,
  length: number,
): void {
  if (length > 32) target.set(source.subarray(from, from + length), to);
  else for (let i = 0; i < length; i += 1) target[to + i] = source[from + i] ?? 0;
}

/** The tensor with the given indices along one axis set to zero, in a copy that is made when `bytes` is called. */
export function zeroAlong(tensor: Tensor, axis: number, indices: readonly number[]): Tensor {
  const { type, shape, byteLength } = tensor;
  const run = elementCount(shape.slice(axis + 1)) * bytesPerElement(type);
  const stride = (shape[axis] ?? 0) * run;
  const outer = elementCount(shape.slice(0, axis));
  const bytes = (): Uint8Array => {
    const copy = tensor.bytes().slice();
    for (let row = 0; row < outer; row += 1) {
      for (const index of indices) {
        const from = row * stride + index * run;
        copy.fill(0, from, from + run);
      }
    }
    return copy;
  };
  return { type, shape, byteLength, bytes };
}
