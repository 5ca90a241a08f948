import type { Random } from "../../../src/core/random.ts";

/** Bytes at which formats change their mind: signs, limits of varints, ends of texts. */
const SPECIAL = [0x00, 0x01, 0x0a, 0x20, 0x22, 0x2c, 0x5b, 0x7b, 0x7f, 0x80, 0xfe, 0xff];
/** Whole numbers that lengths and counts are replaced with. */
const LENGTHS = [0, 1, 7, 127, 128, 255, 256, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];

type Change = (bytes: Uint8Array, random: Random) => Uint8Array;

const CHANGES: readonly Change[] = [
  // One bit.
  (bytes, random) => at(bytes, random, (byte) => byte ^ (1 << random.integer(8))),
  (bytes, random) => at(bytes, random, () => random.integer(256)),
  (bytes, random) => at(bytes, random, () => SPECIAL[random.integer(SPECIAL.length)] ?? 0),
  // Cut off.
  (bytes, random) => bytes.slice(0, random.integer(bytes.length + 1)),
  // A word of two, four or eight bytes, in either order.
  (bytes, random) => {
    const width = [2, 4, 8][random.integer(3)] ?? 4;
    if (bytes.length < width) return bytes;
    const changed = bytes.slice();
    const view = new DataView(changed.buffer);
    const place = placeIn(bytes, random, width);
    const value = LENGTHS[random.integer(LENGTHS.length)] ?? 0;
    const little = random.integer(2) === 0;
    if (width === 2) view.setUint16(place, value & 0xffff, little);
    else if (width === 4) view.setUint32(place, value, little);
    else view.setBigUint64(place, BigInt(value) << (random.integer(2) === 0 ? 0n : 31n), little);
    return changed;
  },
  // A chunk that is left out, there twice, or somewhere else.
  (bytes, random) => {
    const [start, end] = chunk(bytes, random);
    return joined(bytes.subarray(0, start), bytes.subarray(end));
  },
  (bytes, random) => {
    const [start, end] = chunk(bytes, random);
    return joined(bytes.subarray(0, end), bytes.subarray(start));
  },
  (bytes, random) => {
    const [start, end] = chunk(bytes, random);
    const rest = joined(bytes.subarray(0, start), bytes.subarray(end));
    const place = random.integer(rest.length + 1);
    return joined(rest.subarray(0, place), bytes.subarray(start, end), rest.subarray(place));
  },
];

/** The bytes after one to four random changes. Places near the start, where headers are, are hit more often. */
export function mutatedBytes(bytes: Uint8Array, random: Random): Uint8Array {
  // A Buffer's slices are no copies.
  let changed: Uint8Array = Uint8Array.from(bytes);
  for (let left = 1 + random.integer(4); left > 0; left -= 1) {
    changed = CHANGES[random.integer(CHANGES.length)]?.(changed, random) ?? changed;
  }
  return changed;
}

function placeIn(bytes: Uint8Array, random: Random, width = 1): number {
  const places = bytes.length - width + 1;
  return random.integer(random.integer(2) === 0 ? Math.min(places, 128) : places);
}

function at(bytes: Uint8Array, random: Random, change: (byte: number) => number): Uint8Array {
  if (bytes.length === 0) return bytes;
  const changed = bytes.slice();
  const place = placeIn(bytes, random);
  changed[place] = change(changed[place] ?? 0);
  return changed;
}

function chunk(bytes: Uint8Array, random: Random): readonly [number, number] {
  const start = bytes.length === 0 ? 0 : placeIn(bytes, random);
  return [start, Math.min(bytes.length, start + 1 + random.integer(64))];
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}
