import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { expect, test } from "vitest";
import { graphBuilder } from "../../src/graph/build.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { floatTensor } from "../../src/graph/tensor.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { parseModel } from "../../src/onnx/read.ts";
import { type ModelProto, ModelSchema, TensorSchema } from "../../src/onnx/schema.ts";
import { bytesOfModel } from "../helpers/ort.ts";

const from = { where: "memory", folder: null };

function protoOf(graph: Graph): ModelProto {
  return fromBinary(ModelSchema, bytesOfModel(modelOf(graph)));
}

/** A tensor with its elements in a typed field, packed or one by one. */
function typedModel(
  dataType: number,
  field: number,
  dims: readonly number[],
  packed: boolean,
  write: (writer: BinaryWriter, index: number) => void,
  wireType: WireType,
): Uint8Array {
  const b = graphBuilder();
  b.input("x", ["batch", 3]);
  b.tensor("t", floatTensor([3], [0, 0, 0]));
  b.output(b.node("Mystery", ["x", "t"], { domain: "acme" }));
  const proto = protoOf(b.graph());
  const tensor = create(TensorSchema, { name: "t", dims: dims.map(BigInt), dataType });
  const count = dims.reduce((product, extent) => product * extent, 1);
  const runs = Array.from({ length: count }, (_, index) => {
    const writer = new BinaryWriter();
    write(writer, index);
    return writer.finish();
  });
  tensor.$unknown = packed
    ? [
        {
          no: field,
          wireType: WireType.LengthDelimited,
          data: new BinaryWriter().bytes(Buffer.concat(runs)).finish(),
        },
      ]
    : runs.map((data) => ({ no: field, wireType, data }));
  if (proto.graph !== undefined) proto.graph.initializer = [tensor];
  return toBinary(ModelSchema, proto);
}

const HALVES = [0x3c00, 0xc000, 0x7bff];
const TYPED = {
  float32: [
    1,
    4,
    WireType.Bit32,
    (w: BinaryWriter, i: number) => w.float(i - 0.5),
    new Uint8Array(Float32Array.of(-0.5, 0.5, 1.5).buffer),
  ],
  float64: [
    11,
    10,
    WireType.Bit64,
    (w: BinaryWriter, i: number) => w.double(i / 3),
    new Uint8Array(Float64Array.of(0, 1 / 3, 2 / 3).buffer),
  ],
  int64: [
    7,
    7,
    WireType.Varint,
    (w: BinaryWriter, i: number) => w.int64(i - 1),
    new Uint8Array(BigInt64Array.of(-1n, 0n, 1n).buffer),
  ],
  int32: [
    6,
    5,
    WireType.Varint,
    (w: BinaryWriter, i: number) => w.int32(i - 1),
    new Uint8Array(Int32Array.of(-1, 0, 1).buffer),
  ],
  int8: [
    3,
    5,
    WireType.Varint,
    (w: BinaryWriter, i: number) => w.int32(i - 1),
    new Uint8Array(Int8Array.of(-1, 0, 1).buffer),
  ],
  uint8: [
    2,
    5,
    WireType.Varint,
    (w: BinaryWriter, i: number) => w.int32(i + 250),
    Uint8Array.of(250, 251, 252),
  ],
  bool: [
    9,
    5,
    WireType.Varint,
    (w: BinaryWriter, i: number) => w.int32(i % 2),
    Uint8Array.of(0, 1, 0),
  ],
  float16: [
    10,
    5,
    WireType.Varint,
    (w: BinaryWriter, i: number) => w.int32(HALVES[i] ?? 0),
    new Uint8Array(Uint16Array.from(HALVES).buffer),
  ],
  bfloat16: [
    16,
    5,
    WireType.Varint,
    (w: BinaryWriter, i: number) => w.int32(0x3f80 + i),
    new Uint8Array(Uint16Array.of(0x3f80, 0x3f81, 0x3f82).buffer),
  ],
  uint32: [
    12,
    11,
    WireType.Varint,
    (w: BinaryWriter, i: number) => w.uint64(2 ** 32 - 1 - i),
    new Uint8Array(Uint32Array.of(2 ** 32 - 1, 2 ** 32 - 2, 2 ** 32 - 3).buffer),
  ],
  uint64: [
    13,
    11,
    WireType.Varint,
    (w: BinaryWriter, i: number) => w.uint64((1n << 63n) + BigInt(i)),
    new Uint8Array(BigUint64Array.of(1n << 63n, (1n << 63n) + 1n, (1n << 63n) + 2n).buffer),
  ],
} as const;

test.each(Object.entries(TYPED))(
  "%s is read from its typed field, packed or not, and written back as it was",
  (type, [code, field, wireType, write, expected]) => {
    for (const packed of [true, false]) {
      const model = parseModel(typedModel(code, field, [3], packed, write, wireType), from);
      const tensor = model.graph.initializers.get("t");
      expect(tensor?.type).toBe(type);
      expect(Buffer.from(tensor?.bytes() ?? [])).toEqual(Buffer.from(expected));
      const again = fromBinary(ModelSchema, bytesOfModel(model)).graph?.initializer[0];
      expect(again?.$unknown?.every(({ no }) => no === field)).toBe(true);
      expect(again?.$unknown).toHaveLength(packed ? 1 : 3);
    }
  },
);

test("a typed field of another type, or with too few elements, is an error", () => {
  const write = (writer: BinaryWriter, index: number): unknown => writer.float(index);
  expect(() => parseModel(typedModel(7, 4, [3], true, write, WireType.Bit32), from)).toThrowError(
    expect.objectContaining({ code: "onnx/tensor-data" }),
  );
  const short = fromBinary(ModelSchema, typedModel(1, 4, [3], true, write, WireType.Bit32));
  for (const tensor of short.graph?.initializer ?? []) tensor.dims = [4n];
  expect(() => parseModel(toBinary(ModelSchema, short), from)).toThrowError(
    expect.objectContaining({ code: "onnx/tensor-size" }),
  );
});
