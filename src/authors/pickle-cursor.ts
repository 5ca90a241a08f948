import { InputError } from "../core/errors.ts";

/** Reads a pickle's bytes from front to back; every length is checked against what is left. */
export interface Cursor {
  readonly position: () => number;
  readonly byte: () => number;
  readonly bytes: (length: number) => Uint8Array;
  readonly uint16: () => number;
  readonly uint32: () => number;
  readonly int32: () => number;
  /** A length of eight bytes. */
  readonly length64: () => number;
  /** Big-endian, as pickles have it. */
  readonly float64: () => number;
  /** Up to the next newline, which is consumed. Bytes as Latin-1 characters. */
  readonly line: () => string;
  readonly damaged: (what: string) => InputError;
}

export function cursorOver(data: Uint8Array, where: string): Cursor {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let at = 0;
  const damaged = (what: string): InputError => damagedPickle(what, at, where);
  const skip = (length: number): number => {
    if (length > data.length - at) {
      throw damaged(`${length} bytes should follow, but the file ends after ${data.length - at}`);
    }
    const from = at;
    at += length;
    return from;
  };
  return {
    position: () => at,
    byte: () => view.getUint8(skip(1)),
    bytes: (length) => {
      const from = skip(length);
      return data.subarray(from, from + length);
    },
    uint16: () => view.getUint16(skip(2), true),
    uint32: () => view.getUint32(skip(4), true),
    int32: () => view.getInt32(skip(4), true),
    length64: () => {
      const length = view.getBigUint64(skip(8), true);
      if (length > BigInt(data.length)) throw damaged(`a length of ${length} bytes`);
      return Number(length);
    },
    float64: () => view.getFloat64(skip(8), false),
    line: () => {
      const end = data.indexOf(0x0a, at);
      if (end < 0) throw damaged("a line without an end");
      const text = Buffer.from(data.buffer, data.byteOffset + at, end - at).toString("latin1");
      at = end + 1;
      return text;
    },
    damaged,
  };
}

/** The file ends too early, or says what makes no sense. */
export function damagedPickle(what: string, offset: number, where: string): InputError {
  return new InputError({
    code: "formulation/pickle-damaged",
    message: `Not a complete pickle: ${what}, at byte ${offset}.`,
    where,
    hint: "Was the file downloaded completely, and is it a pickle at all?",
  });
}

/** The file asks for something that this reader doesn't do. */
export function refusedPickle(what: string, offset: number, where: string): InputError {
  return new InputError({
    code: "formulation/pickle-refused",
    message: `The pickle asks for ${what}, at byte ${offset}; only dicts, lists, tuples, texts, numbers and numpy arrays of numbers are read.`,
    where,
    hint: "A pickle can run any program when Python loads it; this reader runs nothing. Convert the file to plain dicts and arrays where you trust it.",
  });
}
