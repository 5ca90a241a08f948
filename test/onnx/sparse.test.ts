import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { graphBuilder } from "../../src/graph/build.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { floatsOf, floatTensor, intTensor } from "../../src/graph/tensor.ts";
import { type Model, modelOf } from "../../src/onnx/model.ts";
import { parseModel } from "../../src/onnx/read.ts";
import { ModelSchema, SparseTensorSchema, TensorSchema } from "../../src/onnx/schema.ts";
import { bytesOfModel, runSeeded } from "../helpers/ort.ts";

const from = { where: "model.onnx", folder: null };
const WEIGHT = [0, 1.5, 0, -2, 0, 0, -0, 3];

function network(sparse: boolean): Graph {
  const b = graphBuilder();
  b.input("x", ["batch", 4]);
  b.tensor("w", { ...floatTensor([4, 2], WEIGHT), sparse });
  b.tensor("bias", floatTensor([2], [1, 2]));
  b.output(b.node("Gemm", ["x", "w", "bias"], { name: "fc", outputs: ["y"] }), ["batch", 2]);
  return b.graph();
}

test("a sparse initializer comes back dense, with minus zero, beside dense ones", () => {
  const read = parseModel(bytesOfModel(modelOf(network(true))), from);
  const tensor = read.graph.initializers.get("w");
  expect(tensor?.sparse).toBe(true);
  expect([...floatsOf(tensor ?? floatTensor([], [0]))]).toEqual(WEIGHT);
  expect(read.graph.initializers.get("bias")?.sparse).toBeUndefined();
});

test("onnxruntime gives the same outputs from sparse and dense initializers", async () => {
  const [sparse, dense] = await Promise.all(
    [true, false].map((kind) => runSeeded(modelOf(network(kind)), { batch: 3 })),
  );
  expect(sparse).toEqual(dense);
});

test("an unchanged network is written as it was read, and an older IR version is raised to that of sparse initializers", () => {
  const old: Model = { ...modelOf(network(true)), irVersion: 3 };
  const first = bytesOfModel(old);
  const read = parseModel(first, from);
  expect(read.irVersion).toBe(5);
  expect(Buffer.compare(Buffer.from(bytesOfModel(read)), Buffer.from(first))).toBe(0);
});

/** The network with its sparse initializer's indices and values replaced. */
function withIndices(shape: readonly number[], indices: readonly number[], values = 3): Uint8Array {
  const proto = fromBinary(ModelSchema, bytesOfModel(modelOf(network(true))));
  const part = create(SparseTensorSchema, {
    dims: [4n, 2n],
    values: create(TensorSchema, {
      ...{ name: "w", dims: [BigInt(values)], dataType: 1 },
      rawData: new Uint8Array(Float32Array.from({ length: values }, (_, at) => at + 1).buffer),
    }),
    indices: create(TensorSchema, {
      ...{ dims: shape.map(BigInt), dataType: 7, rawData: intTensor(shape, indices).bytes() },
    }),
  });
  if (proto.graph !== undefined) proto.graph.sparseInitializer = [part];
  return toBinary(ModelSchema, proto);
}

test("indices per axis are read as places in the row-major tensor", () => {
  const { graph } = parseModel(withIndices([3, 2], [0, 1, 2, 0, 3, 1]), from);
  const weight = graph.initializers.get("w");
  expect([...floatsOf(weight ?? floatTensor([], [0]))]).toEqual([0, 1, 0, 0, 2, 0, 0, 3]);
});

describe("damaged indices are errors", () => {
  const cases: readonly [string, readonly number[], readonly number[], RegExp][] = [
    ["duplicate", [3], [1, 1, 2], /given twice/],
    ["unsorted", [3], [4, 1, 2], /not sorted/],
    ["beyond the end", [3], [1, 2, 8], /outside of the shape/],
    ["negative", [3], [-1, 2, 3], /outside of the shape/],
    ["outside of one axis", [3, 2], [0, 1, 0, 2, 3, 1], /outside of the shape/],
    ["too few", [2], [1, 2], /3 values and indices of \[2\]/],
    ["of another rank", [3, 3], [0, 0, 0, 1, 0, 0, 2, 0, 0], /is needed/],
  ];
  test.each(cases)("%s", (_name, shape, indices, message) => {
    const read = (): unknown => parseModel(withIndices(shape, indices), from);
    expect(read).toThrowError(message);
    expect(read).toThrowError(
      expect.objectContaining({ code: "onnx/sparse-indices", exitCode: 3 }),
    );
  });
});
