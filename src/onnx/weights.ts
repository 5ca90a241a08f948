import { isMessage } from "@bufbuild/protobuf";
import type { Graph, Node, Tensor } from "../graph/graph.ts";
import { nodeLabel } from "../graph/graph.ts";
import { hasTrait } from "../graph/op-traits.ts";
import { consumersOf } from "../graph/traversal.ts";
import { damaged } from "./errors.ts";
import { readPlace } from "./external.ts";
import { TensorSchema } from "./schema.ts";
import { placeOf } from "./tensors.ts";

/** Ops whose constant inputs are trained numbers: an infinite one is a failed training, not a mask or a bound. */
function isTrained(node: Node): boolean {
  return hasTrait(node, "layer") || hasTrait(node, "normalises");
}

/**
 * Refuses NaN in any initializer, and infinities in those that feed an op with weights.
 * @throws InputError `onnx/bad-weights`
 */
export function checkWeights(graph: Graph, file: string): void {
  const consumers = consumersOf(graph);
  for (const [name, tensor] of graph.initializers) {
    const found = nonFinite(tensor);
    if (found.nan === 0 && found.infinite === 0) continue;
    const readers = consumers.get(name) ?? [];
    const reader = readers.find(isTrained);
    if (found.nan === 0 && reader === undefined) continue;
    const node = reader ?? readers[0];
    throw damaged(
      "bad-weights",
      `The weight '${name}' holds ${found.nan} NaN and ${found.infinite} infinite numbers among ${found.count}.`,
      node === undefined ? `${file}, initializer '${name}'` : `${file}, node '${nodeLabel(node)}'`,
      "The training diverged or the file is damaged. Use an earlier checkpoint or export the model again.",
    );
  }
}

interface NonFinite {
  readonly nan: number;
  readonly infinite: number;
  readonly count: number;
}

/** Exponent bits all set mark a number that isn't finite; any mantissa bit then makes it a NaN. */
const LAYOUT = {
  float32: { width: 4, exponent: 0x7f80_0000, mantissa: 0x007f_ffff },
  float16: { width: 2, exponent: 0x7c00, mantissa: 0x03ff },
  bfloat16: { width: 2, exponent: 0x7f80, mantissa: 0x007f },
} as const;

const NONE: NonFinite = { nan: 0, infinite: 0, count: 0 };
const CHUNK_BYTES = 1 << 24;

function nonFinite(tensor: Tensor): NonFinite {
  const { type } = tensor;
  if (type !== "float32" && type !== "float16" && type !== "bfloat16" && type !== "float64")
    return NONE;
  let total = NONE;
  for (const bytes of chunksOf(tensor)) {
    const part = type === "float64" ? nonFiniteDoubles(bytes) : nonFiniteWords(bytes, LAYOUT[type]);
    total = {
      nan: total.nan + part.nan,
      infinite: total.infinite + part.infinite,
      count: total.count + part.count,
    };
  }
  return total;
}

// In pieces, so that the check needs little memory whatever the tensor's size.
function* chunksOf(tensor: Tensor): Generator<Uint8Array> {
  const place = isMessage(tensor.source, TensorSchema) ? placeOf(tensor.source) : undefined;
  for (let done = 0; done < tensor.byteLength; done += CHUNK_BYTES) {
    const byteLength = Math.min(CHUNK_BYTES, tensor.byteLength - done);
    yield place === undefined
      ? tensor.bytes().subarray(done, done + byteLength)
      : readPlace({ path: place.path, offset: place.offset + done, byteLength }, place.path);
  }
}

function nonFiniteWords(
  bytes: Uint8Array,
  layout: (typeof LAYOUT)[keyof typeof LAYOUT],
): NonFinite {
  const { width, exponent, mantissa } = layout;
  const count = bytes.byteLength / width;
  // A view is ten times as fast as a DataView, but must be aligned; weights inside a file often are not.
  const aligned = bytes.byteOffset % width === 0 ? bytes : new Uint8Array(bytes);
  const { buffer, byteOffset } = aligned;
  const first =
    width === 4
      ? firstWith(new Int32Array(buffer, byteOffset, count), exponent)
      : firstHalfWith(new Uint16Array(buffer, byteOffset, count), exponent);
  let nan = 0;
  let infinite = 0;
  const view = new DataView(buffer, byteOffset);
  for (let index = first; index < count; index += 1) {
    const word = width === 4 ? view.getInt32(4 * index, true) : view.getUint16(2 * index, true);
    if ((word & exponent) !== exponent) continue;
    if ((word & mantissa) === 0) infinite += 1;
    else nan += 1;
  }
  return { nan, infinite, count };
}

/** Index of the first word that has all these bits, or the length. One kind of array per loop: engines make it fast then. */
function firstWith(words: Int32Array, bits: number): number {
  let index = 0;
  while (index < words.length && ((words[index] as number) & bits) !== bits) index += 1;
  return index;
}

/** As `firstWith`, for halves of words. */
function firstHalfWith(words: Uint16Array, bits: number): number {
  let index = 0;
  while (index < words.length && ((words[index] as number) & bits) !== bits) index += 1;
  return index;
}

function nonFiniteDoubles(bytes: Uint8Array): NonFinite {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = bytes.byteLength / 8;
  let nan = 0;
  let infinite = 0;
  for (let index = 0; index < count; index += 1) {
    const value = view.getFloat64(index * 8, true);
    if (Number.isNaN(value)) nan += 1;
    else if (!Number.isFinite(value)) infinite += 1;
  }
  return { nan, infinite, count };
}
