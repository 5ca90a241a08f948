/**
 * Changes protobuf messages field by field, knowing the wire format and no schema: a field of bytes that reads as a message
 * from its first byte to its last is taken for one.
 */
import type { Random } from "../../../src/core/random.ts";

interface Field {
  readonly number: number;
  readonly wire: number;
  /** A varint's value. */
  readonly value: bigint;
  /** Bytes of a fixed or a delimited field. */
  readonly bytes: Uint8Array;
  /** Of a delimited field that reads as a message. */
  readonly message: readonly Field[] | null;
}

const MOST_DEPTH = 8;
const VARINTS = [
  0n,
  1n,
  2n,
  127n,
  128n,
  0xffffffffn,
  2n ** 31n,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 1n,
];
const WORDS = [
  "",
  "x",
  "Conv",
  "Add",
  "Reshape",
  "Gather",
  "If",
  "Loop",
  "Concat",
  "axis",
  "group",
  "input",
  "__proto__",
];

/** The message after one to three changes of fields; null where the bytes are no message. */
export function mutatedMessage(bytes: Uint8Array, random: Random): Uint8Array | null {
  let fields = messageOf(Uint8Array.from(bytes), 0);
  if (fields === null) return null;
  for (let left = 1 + random.integer(3); left > 0; left -= 1) fields = changed(fields, random);
  return written(fields);
}

function changed(fields: readonly Field[], random: Random): readonly Field[] {
  const at = random.integer(fields.length);
  const field = fields[at];
  if (field === undefined) return fields;
  if (field.message !== null && field.message.length > 0 && random.integer(8) > 0) {
    const message = changed(field.message, random);
    return replaced(fields, at, [{ ...field, message }]);
  }
  switch (random.integer(6)) {
    case 0:
      return replaced(fields, at, []);
    case 1:
      return replaced(fields, at, [field, field]);
    case 2: {
      const other = random.integer(fields.length);
      const twin = fields[other];
      return twin === undefined ? fields : replaced(replaced(fields, at, [twin]), other, [field]);
    }
    case 3:
      return replaced(fields, at, [{ ...field, number: 1 + random.integer(20) }]);
    default:
      return replaced(fields, at, [otherField(field, random)]);
  }
}

function otherField(field: Field, random: Random): Field {
  if (field.wire === 0) {
    const near = field.value + BigInt(random.integer(5) - 2);
    const value = random.integer(2) === 0 ? near : (VARINTS[random.integer(VARINTS.length)] ?? 0n);
    return { ...field, value: BigInt.asUintN(64, value) };
  }
  const word = new TextEncoder().encode(WORDS[random.integer(WORDS.length)] ?? "");
  const short = field.bytes.slice(0, random.integer(field.bytes.length + 1));
  const bytes =
    field.wire !== 2 || random.integer(2) === 0
      ? flipped(field.bytes, random)
      : random.integer(2) === 0
        ? word
        : short;
  return { ...field, bytes, message: null };
}

function flipped(bytes: Uint8Array, random: Random): Uint8Array {
  const changedBytes = bytes.slice();
  const place = random.integer(bytes.length);
  if (bytes.length > 0) changedBytes[place] = random.integer(256);
  return changedBytes;
}

function replaced(fields: readonly Field[], at: number, by: readonly Field[]): readonly Field[] {
  return [...fields.slice(0, at), ...by, ...fields.slice(at + 1)];
}

function messageOf(bytes: Uint8Array, depth: number): readonly Field[] | null {
  if (depth > MOST_DEPTH) return null;
  const fields: Field[] = [];
  for (let at = 0; at < bytes.length; ) {
    const tag = varint(bytes, at);
    if (tag === null) return null;
    const [number, wire] = [Number(tag.value >> 3n), Number(tag.value & 7n)];
    at = tag.end;
    if (number < 1 || number > 20_000) return null;
    if (wire === 0) {
      const read = varint(bytes, at);
      if (read === null) return null;
      fields.push({ number, wire, value: read.value, bytes: new Uint8Array(), message: null });
      at = read.end;
      continue;
    }
    const size =
      wire === 2 ? varint(bytes, at) : { value: wire === 5 ? 4n : wire === 1 ? 8n : -1n, end: at };
    if (size === null || size.value < 0n || BigInt(size.end) + size.value > BigInt(bytes.length))
      return null;
    const end = size.end + Number(size.value);
    const inner = bytes.slice(size.end, end);
    fields.push({
      number,
      wire,
      value: 0n,
      bytes: inner,
      message: wire === 2 ? messageOf(inner, depth + 1) : null,
    });
    at = end;
  }
  return fields;
}

function varint(bytes: Uint8Array, start: number): { value: bigint; end: number } | null {
  let value = 0n;
  for (let at = start; at < Math.min(bytes.length, start + 10); at += 1) {
    const byte = bytes[at] ?? 0;
    value |= BigInt(byte & 0x7f) << BigInt(7 * (at - start));
    if (byte < 0x80) return { value, end: at + 1 };
  }
  return null;
}

function written(fields: readonly Field[]): Uint8Array {
  const parts = fields.flatMap((field): Uint8Array[] => {
    const tag = varintBytes((BigInt(field.number) << 3n) | BigInt(field.wire));
    if (field.wire === 0) return [tag, varintBytes(field.value)];
    const bytes = field.message === null ? field.bytes : written(field.message);
    return field.wire === 2 ? [tag, varintBytes(BigInt(bytes.length)), bytes] : [tag, bytes];
  });
  return Uint8Array.from(Buffer.concat(parts));
}

function varintBytes(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let left = value;
  do {
    bytes.push(Number(left & 0x7fn) | (left > 0x7fn ? 0x80 : 0));
    left >>= 7n;
  } while (left > 0n);
  return Uint8Array.from(bytes);
}
