import { expect, test } from "vitest";
import { readPickle } from "../../src/authors/pickle.ts";
import type { PickleValue } from "../../src/authors/pickle-values.ts";
import { InputError } from "../../src/core/errors.ts";
import { randomFrom } from "../../src/core/random.ts";
import { pickles } from "./fixtures.ts";

const read = (bytes: Uint8Array): PickleValue => readPickle(bytes, "test.pkl");
const list = (...items: PickleValue[]): PickleValue => ({ kind: "list", items });
const tuple = (...items: PickleValue[]): PickleValue => ({ kind: "tuple", items });
const code = (what: string): unknown => expect.objectContaining({ code: what, exitCode: 3 });
/** A pickle written by hand. */
const bytes = (...parts: (number | string)[]): Uint8Array =>
  Uint8Array.from(
    parts.flatMap((part) => (typeof part === "number" ? [part] : [...Buffer.from(part, "latin1")])),
  );

const PLAIN = list(
  ...[null, true, false, 0, -1, 255, 256, 65535, 65536, -(2 ** 31), 2 ** 31, 2 ** 40],
  ...[Number.MAX_SAFE_INTEGER, 2n ** 70n, -(2n ** 70n), 1.5, Number.POSITIVE_INFINITY, "a", "ü€𝄞"],
  Uint8Array.of(0, 255),
  ...[tuple(), tuple(1), tuple(1, 2), tuple(1, 2, 3), tuple(1, 2, 3, 4)],
  ...[list(), { kind: "dict", entries: [] } as const],
  { kind: "dict", entries: [["k", list(1)]] },
  { kind: "dict", entries: [["z", 1]] },
);

test("every plain value is read as Python wrote it, in each protocol", () => {
  expect(pickles("plain")).toHaveLength(6);
  for (const pickle of pickles("plain")) expect(read(pickle)).toEqual(PLAIN);
});

test("numpy arrays of every number type are read, whatever their byte order", () => {
  const array = (...numbers: number[]): PickleValue => ({
    kind: "array",
    shape: [numbers.length],
    data: Float64Array.from(numbers),
  });
  const floats = [array(1.5, -2.5), array(1.5, -2.5), array(1.5, -2.5)];
  const signed = Array.from({ length: 4 }, () => array(1, -2));
  const unsigned = Array.from({ length: 4 }, () => array(1, 250));
  const expected = list(...floats, ...signed, ...unsigned, array(1, 0), 2.5, 7);
  for (const pickle of pickles("numbers")) expect(read(pickle)).toEqual(expected);
});

test("a list that holds itself is read without end", () => {
  const [pickle = new Uint8Array()] = pickles("circle");
  const circle = read(pickle);
  const items =
    typeof circle === "object" && circle !== null && "items" in circle ? circle.items : [];
  expect(items[0]).toBe(circle);
});

test("what would run a program, build an object or hold a set is refused", () => {
  expect(pickles("refused")).toHaveLength(9);
  for (const pickle of pickles("refused")) {
    expect(() => read(pickle)).toThrow(code("formulation/pickle-refused"));
  }
});

test("a refusal names the callable or the opcode and where it stands", () => {
  expect(() => read(bytes(0x80, 2, "cos\nsystem\n"))).toThrow(/'os\.system', at byte 2/);
  expect(() => read(bytes(0x80, 2, "N", 0x81, "."))).toThrow(/opcode 0x81, at byte 3/);
  expect(() => read(bytes(0x80, 9))).toThrow(/protocol 9/);
  // Names that only begin like those that are known.
  expect(() => read(bytes("cnumpy\nload\n."))).toThrow(code("formulation/pickle-refused"));
  expect(() => read(bytes("cnumpy\n__proto__\n."))).toThrow(code("formulation/pickle-refused"));
  expect(() => read(bytes("c\nconstructor\n."))).toThrow(code("formulation/pickle-refused"));
});

test.each([
  ["nothing", bytes()],
  ["no end", bytes("N")],
  ["no value", bytes(".")],
  ["a text longer than the file", bytes("X", 255, 255, 255, 127, "abc")],
  ["eight bytes of length beyond the file", bytes(0x8e, 255, 255, 255, 255, 255, 255, 255, 255)],
  ["a memo entry that isn't there", bytes("h", 7, ".")],
  ["items without a mark", bytes("]", "e.")],
  ["a value taken from before a mark", bytes("](a.")],
  ["an odd number of keys and values", bytes("}(Nu.")],
  ["pairs for a list", bytes("](NNu.")],
  ["a number without digits", bytes("Ixy\n.")],
  ["a float without digits", bytes("F1e\n.")],
  ["an endless line", bytes("I12")],
])("%s is a damaged file", (_, data) => {
  expect(() => read(data)).toThrow(code("formulation/pickle-damaged"));
});

test("tuples nested deeply are read in one pass", () => {
  const depth = 200_000;
  const deep = new Uint8Array(depth + 2).fill(0x85);
  deep[0] = 0x4e;
  deep[depth + 1] = 0x2e;
  expect(read(deep)).toMatchObject({ kind: "tuple" });
});

test("naming one stretch of bytes as an array again and again ends before the memory does", () => {
  const raw = new Uint8Array(256);
  const header = bytes("cnumpy\ndtype\n(X", 2, 0, 0, 0, "b1tRq", 1);
  const call = bytes("cnumpy.core.numeric\n_frombuffer\nq", 2, "B", 0, 1, 0, 0);
  const again = bytes("h", 2, "(h", 0, "h", 1, "M", 0, 1, 0x85, "X", 1, 0, 0, 0, "CtR");
  const repeated = (times: number): Uint8Array =>
    Buffer.concat([
      ...[header, call, raw, bytes("q", 0)],
      ...Array.from({ length: times }, () => again),
      bytes("."),
    ]);
  expect(readPickle(repeated(3), "x", 1024)).toMatchObject({ kind: "array", shape: [256] });
  expect(() => readPickle(repeated(5), "x", 1024)).toThrow(/more than 1024 numbers/);
});

test("damaged and mutated pickles end in a value or in a clear error, never otherwise", () => {
  const random = randomFrom(20261121);
  const sources = ["withBlocks", "withoutBlocks", "numbers", "plain"].flatMap(pickles);
  let values = 0;
  let errors = 0;
  for (const source of sources) {
    for (let round = 0; round < 400; round += 1) {
      const mutant = mutated(source, random);
      try {
        readPickle(mutant, "mutant.pkl");
        values += 1;
      } catch (error) {
        expect(error).toBeInstanceOf(InputError);
        errors += 1;
      }
    }
  }
  expect(values).toBeGreaterThan(500);
  expect(errors).toBeGreaterThan(2000);
});

/** A byte or a few changed, a piece cut out, doubled, or the end missing. */
function mutated(source: Uint8Array, random: ReturnType<typeof randomFrom>): Uint8Array {
  const copy = Uint8Array.from(source);
  const at = random.integer(copy.length);
  switch (random.integer(4)) {
    case 0:
      return copy.subarray(0, at);
    case 1:
      return Uint8Array.from([
        ...copy.subarray(0, at),
        ...copy.subarray(at + 1 + random.integer(8)),
      ]);
    case 2:
      return Uint8Array.from([...copy.subarray(0, at), ...copy.subarray(random.integer(at + 1))]);
    default:
      for (let change = 0; change <= random.integer(4); change += 1) {
        copy[random.integer(copy.length)] = random.integer(256);
      }
      return copy;
  }
}
