import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { MdpError } from "../../src/core/errors.ts";
import type { DataType, Tensor } from "../../src/graph/graph.ts";
import {
  bytesPerElement,
  elementCount,
  floatsOf,
  floatTensor,
  tensorFromBytes,
} from "../../src/graph/tensor.ts";
import { duplicateKey } from "../../src/pytorch/safetensors/duplicate-key.ts";
import { readSafetensors } from "../../src/pytorch/safetensors/read.ts";
import { widened } from "../../src/pytorch/safetensors/widen.ts";
import { writeSafetensors } from "../../src/pytorch/safetensors/write.ts";

const folder = mkdtempSync(join(tmpdir(), "mdp-safetensors-"));
const path = join(folder, "weights.safetensors");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SEED = 20261122;

/** A file as the specification lays it out, from a header that may be anything. */
function file(header: string | object, data: Uint8Array = new Uint8Array()): Uint8Array {
  const text = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, data]);
}

function codeOf(bytes: Uint8Array): string {
  writeFileSync(path, bytes);
  try {
    for (const tensor of readSafetensors(path).tensors.values()) tensor.bytes();
    return "none";
  } catch (error) {
    if (error instanceof MdpError && error.exitCode === 3) return error.code;
    throw error;
  }
}

const f32 = (begin: number, end: number, shape = [(end - begin) / 4]): object => ({
  dtype: "F32",
  shape,
  data_offsets: [begin, end],
});

const TYPES: readonly DataType[] = [
  ...(["float64", "float32", "float16", "bfloat16"] as const),
  ...(["int64", "int32", "int16", "int8", "uint8", "bool"] as const),
];

const anyTensor = fc
  .record({
    type: fc.constantFrom(...TYPES),
    shape: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }),
  })
  .chain(({ type, shape }) => {
    const byteLength = elementCount(shape) * bytesPerElement(type);
    return fc
      .uint8Array({ minLength: byteLength, maxLength: byteLength })
      .map((bytes) => tensorFromBytes(type, shape, bytes));
  });
const anyName = fc
  .oneof(fc.string(), fc.constantFrom("0", "12", "__proto__", "constructor", 'a"b\\', "ü\u2028"))
  .filter((name) => name !== "__metadata__");

test("tensors of every type, and metadata, come back as they were written", () => {
  const files = fc.record({
    tensors: fc.uniqueArray(fc.tuple(anyName, anyTensor), { selector: ([name]) => name }),
    metadata: fc.dictionary(fc.string(), fc.string(), { noNullPrototype: true }),
  });
  fc.assert(
    fc.property(files, ({ tensors, metadata }) => {
      writeSafetensors(path, new Map(tensors), metadata);
      const read = readSafetensors(path);
      expect(read.tensors.size).toBe(tensors.length);
      for (const [name, tensor] of tensors) {
        const found = read.tensors.get(name);
        expect([found?.type, found?.shape]).toEqual([tensor.type, tensor.shape]);
        expect(Buffer.from(found?.bytes() ?? [])).toEqual(Buffer.from(tensor.bytes()));
      }
      expect({ ...read.metadata }).toEqual({ ...metadata });
    }),
    { numRuns: 150, seed: SEED },
  );
});

test("the same tensors give the same bytes, and data begin at a multiple of eight", () => {
  const tensors = new Map<string, Tensor>([
    ["flag", tensorFromBytes("bool", [3], Uint8Array.of(1, 0, 1))],
    ["weight", floatTensor([2, 2], [1, 2, 3, 4])],
  ]);
  writeSafetensors(path, tensors, { epoch: "3" });
  const first = readFileSync(path);
  writeSafetensors(path, tensors, { epoch: "3" });
  expect(readFileSync(path)).toEqual(first);
  expect(Number(first.readBigUInt64LE(0)) % 8).toBe(0);
  expect([...readSafetensors(path).tensors.keys()]).toEqual(["weight", "flag"]);
});

test("a file as the format's own library writes it is read", () => {
  // Keys out of order, format metadata of PyTorch, spaces behind the header, a scalar, an empty tensor.
  const header = `{"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[2],"data_offsets":[8,16]},"n":{"dtype":"I64","shape":[],"data_offsets":[0,8]},"none":{"dtype":"F32","shape":[0,3],"data_offsets":[8,8]}}   `;
  const data = Buffer.alloc(16);
  data.writeBigInt64LE(-7n, 0);
  data.writeFloatLE(1.5, 8);
  data.writeFloatLE(-2, 12);
  writeFileSync(path, file(header, data));
  const { tensors, metadata } = readSafetensors(path);
  expect([...tensors.keys()]).toEqual(["n", "none", "b"]);
  expect(metadata).toEqual({ format: "pt" });
  expect(tensors.get("n")?.shape).toEqual([]);
  const weight = tensors.get("b");
  expect(weight && [...floatsOf(weight)]).toEqual([1.5, -2]);
});

const four = new Uint8Array(4);
test.each([
  ["an empty file", new Uint8Array(), "safetensors/not-safetensors"],
  ["a header length beyond the file", file("{}").subarray(0, 9), "safetensors/not-safetensors"],
  ["a pickle in a zip", Buffer.from("PK\x03\x04archive/data.pkl"), "safetensors/not-safetensors"],
  ["a header that is no JSON", file("{oops}"), "safetensors/bad-header"],
  ["a header that is a list", file("[]"), "safetensors/bad-header"],
  ["a header of no UTF-8", file("{}").with(9, 0xff), "safetensors/bad-header"],
  ["a space before the header", file(' {"a":{}}'), "safetensors/bad-header"],
  ["a tensor without a shape", file({ a: { dtype: "F32" } }), "safetensors/bad-header"],
  ["a negative extent", file({ a: f32(0, 4, [-1]) }, four), "safetensors/bad-header"],
  ["a fractional offset", file({ a: f32(0.5, 4, [1]) }, four), "safetensors/bad-header"],
  ["metadata that are no text", file({ __metadata__: { a: 1 } }), "safetensors/bad-header"],
  ["metadata that are a list", file({ __metadata__: [] }), "safetensors/bad-header"],
  [
    "one name twice",
    file(`{"a":${JSON.stringify(f32(0, 4))},"\\u0061":${JSON.stringify(f32(0, 4))}}`, four),
    "safetensors/bad-header",
  ],
  [
    "8-bit floats",
    file({ a: { dtype: "F8_E4M3", shape: [4], data_offsets: [0, 4] } }, four),
    "safetensors/unsupported-type",
  ],
  ["a shape of another size", file({ a: f32(0, 4, [2]) }, four), "safetensors/bad-offsets"],
  ["an end before its begin", file({ a: f32(4, 0, [1]) }, four), "safetensors/bad-offsets"],
  ["a hole at the start", file({ a: f32(4, 8) }, new Uint8Array(8)), "safetensors/bad-offsets"],
  [
    "a hole between tensors",
    file({ a: f32(0, 4), b: f32(8, 12) }, new Uint8Array(12)),
    "safetensors/bad-offsets",
  ],
  [
    "tensors that overlap",
    file({ a: f32(0, 8), b: f32(4, 8) }, new Uint8Array(8)),
    "safetensors/bad-offsets",
  ],
  ["data that end early", file({ a: f32(0, 8) }, four), "safetensors/bad-offsets"],
  ["data that go on", file({ a: f32(0, 4) }, new Uint8Array(5)), "safetensors/bad-offsets"],
])("%s is refused", (_what, bytes, code) => {
  expect(codeOf(bytes)).toBe(code);
});

test("a header of 100 MB is refused before it is read", () => {
  const bytes = Buffer.alloc(16);
  bytes.writeBigUInt64LE(2n ** 63n);
  expect(codeOf(bytes)).toBe("safetensors/not-safetensors");
});

test("whatever bytes a file is changed in, it is read or refused, and reads inside the file", () => {
  const tensors = new Map<string, Tensor>([
    [
      "conv.weight",
      floatTensor(
        [2, 1, 3, 3],
        Float32Array.from({ length: 18 }, (_, i) => i),
      ),
    ],
    ["conv.bias", floatTensor([2], [1, 2])],
    ["steps", tensorFromBytes("int64", [], new Uint8Array(8))],
  ]);
  writeSafetensors(path, tensors, { schema: "mdp-weights/1" });
  const whole = readFileSync(path);
  const header = 8 + Number(whole.readBigUInt64LE(0));
  const counts = { read: 0, refused: 0 };
  const change = fc.record({
    at: fc.nat(header - 1),
    value: fc.nat(255),
    length: fc.oneof(fc.constant(whole.length), fc.nat(whole.length)),
  });
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
      let bytes: Uint8Array = Uint8Array.from(whole);
      for (const { at, value, length } of changes) {
        if (at < bytes.length) bytes[at] = value;
        bytes = bytes.subarray(0, length);
      }
      counts[codeOf(bytes) === "none" ? "read" : "refused"] += 1;
    }),
    { numRuns: 400, seed: SEED },
  );
  expect(counts.refused).toBeGreaterThan(250);
});

test("halves are widened to the numbers they stand for", () => {
  const halves = Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x03ff, 0x7bff, 0x8000, 0x7c00, 0x7e00);
  const bytes = new Uint8Array(halves.buffer);
  const found = widened(tensorFromBytes("float16", [8], bytes));
  expect([...(found ?? [])]).toEqual([
    1,
    -2,
    2 ** -24,
    1023 * 2 ** -24,
    65504,
    -0,
    Number.POSITIVE_INFINITY,
    Number.NaN,
  ]);
  const brain = new Uint8Array(Uint16Array.of(0x3f80, 0xc0a0).buffer);
  expect([...(widened(tensorFromBytes("bfloat16", [2], brain)) ?? [])]).toEqual([1, -5]);
  expect(widened(tensorFromBytes("int32", [1], new Uint8Array(4)))).toBeNull();
});

test("every half is widened to its value by the definition of the format", () => {
  const all = Uint16Array.from({ length: 2 ** 16 }, (_, bits) => bits);
  const found = widened(tensorFromBytes("float16", [2 ** 16], new Uint8Array(all.buffer)));
  let wrong = 0;
  all.forEach((bits, index) => {
    const [exponent, mantissa] = [(bits >> 10) & 31, bits & 1023];
    if (exponent === 31) return;
    const size =
      exponent === 0 ? mantissa * 2 ** -24 : (1 + mantissa / 1024) * 2 ** (exponent - 15);
    if (!Object.is(found?.[index], bits >> 15 === 1 ? -size : size)) wrong += 1;
  });
  expect(wrong).toBe(0);
});

test("a key that an object has twice is found, a text that looks like one is not", () => {
  expect(duplicateKey('{"a":{"b":1},"c":{"b":2}}')).toBeNull();
  expect(duplicateKey('{"a":"b","b":["a","a"]}')).toBeNull();
  expect(duplicateKey('{"a":"\\"a\\":","c":1}')).toBeNull();
  expect(duplicateKey('{"x":[{"a":1, "a" : 2}]}')).toBe("a");
});

test("a file that can't be written leaves nothing behind", () => {
  const inside = join(folder, "full");
  const broken: Tensor = {
    ...floatTensor([2], [1, 2]),
    bytes: () => {
      throw new Error("ENOSPC: no space left on device, write");
    },
  };
  const write = (): void =>
    writeSafetensors(
      join(inside, "w.safetensors"),
      new Map([
        ["a", floatTensor([1], [1])],
        ["b", broken],
      ]),
    );
  expect(write).toThrow(expect.objectContaining({ code: "core/write-failed" }));
  expect(existsSync(inside) ? readdirSync(inside) : []).toEqual([]);
});
