import { inflateSync } from "node:zlib";

/** The numbers of the colours in a PNG with a palette, row-major. */
export interface IndexImage {
  readonly height: number;
  readonly width: number;
  readonly indices: Uint8Array;
}

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const PALETTE = 3;

/**
 * Reads which colour of the palette every pixel has: decoders of pictures only give the colours, and masks mean the numbers.
 * @returns null where the file is no PNG with a palette
 * @throws Error where the PNG is broken, or interlaced
 */
export function readIndexPng(bytes: Uint8Array): IndexImage | null {
  if (SIGNATURE.some((byte, at) => bytes[at] !== byte)) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts: Uint8Array[] = [];
  let [width, height, depth] = [0, 0, 0];
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at);
    const kind = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const start = at + 8;
    if (kind === "IHDR") {
      [width, height] = [view.getUint32(start), view.getUint32(start + 4)];
      depth = bytes[start + 8] ?? 0;
      if (bytes[start + 9] !== PALETTE) return null;
      if (bytes[start + 12] !== 0) throw new Error("an interlaced PNG with a palette");
    }
    if (kind === "IDAT") parts.push(bytes.subarray(start, start + length));
    at = start + length + 4;
  }
  const rowBytes = Math.ceil((width * depth) / 8);
  const raw = inflateSync(Buffer.concat(parts));
  if (raw.length !== height * (rowBytes + 1)) throw new Error("a PNG that ends early");
  const rows = unfiltered(raw, rowBytes, height);
  const indices = new Uint8Array(width * height);
  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1) {
      const bit = column * depth;
      const byte = rows[row * rowBytes + (bit >> 3)] ?? 0;
      indices[row * width + column] = (byte >> (8 - depth - (bit & 7))) & ((1 << depth) - 1);
    }
  }
  return { height, width, indices };
}

/** Undoes the filter of each row (PNG specification, chapter 9); pixels of a palette are at most one byte. */
function unfiltered(raw: Uint8Array, rowBytes: number, height: number): Uint8Array {
  const out = new Uint8Array(rowBytes * height);
  for (let row = 0; row < height; row += 1) {
    const filter = raw[row * (rowBytes + 1)] ?? 0;
    for (let at = 0; at < rowBytes; at += 1) {
      const left = at > 0 ? (out[row * rowBytes + at - 1] ?? 0) : 0;
      const above = row > 0 ? (out[(row - 1) * rowBytes + at] ?? 0) : 0;
      const corner = row > 0 && at > 0 ? (out[(row - 1) * rowBytes + at - 1] ?? 0) : 0;
      const guess = predicted(filter, left, above, corner);
      out[row * rowBytes + at] = ((raw[row * (rowBytes + 1) + 1 + at] ?? 0) + guess) & 0xff;
    }
  }
  return out;
}

function predicted(filter: number, left: number, above: number, corner: number): number {
  if (filter === 0) return 0;
  if (filter === 1) return left;
  if (filter === 2) return above;
  if (filter === 3) return (left + above) >> 1;
  const guess = left + above - corner;
  const [a, b, c] = [left, above, corner].map((each) => Math.abs(guess - each)) as [
    number,
    number,
    number,
  ];
  if (a <= b && a <= c) return left;
  return b <= c ? above : corner;
}
