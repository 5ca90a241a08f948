import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, test } from "vitest";
import { graphBuilder } from "../../src/graph/build.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { floatTensor } from "../../src/graph/tensor.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { parseModel, readModel } from "../../src/onnx/read.ts";
import { EntrySchema, ModelSchema } from "../../src/onnx/schema.ts";
import { writeModel } from "../../src/onnx/write.ts";
import { bytesOfModel } from "../helpers/ort.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "mdp-onnx-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function smallGraph(weight: ArrayLike<number> = new Float32Array(8)): Graph {
  const b = graphBuilder();
  b.input("x", ["batch", 4]);
  b.tensor("w", floatTensor([4, 2], weight));
  b.output(b.node("MatMul", ["x", "w"], { name: "project", outputs: ["y"] }), ["batch", 2]);
  return b.graph();
}

const from = { where: "model.onnx", folder: null };

const NOT_MODELS = {
  "an empty file": [new Uint8Array(0), "onnx/empty-file", /empty/],
  text: [Buffer.from("import torch\nprint('hello')\n"), "onnx/not-onnx", /looks like text/],
  "a Git LFS pointer": [
    Buffer.from("version https://git-lfs.github.com/spec/v1\n"),
    "onnx/not-onnx",
    /Git LFS/,
  ],
  "a JPEG image": [
    Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 16, 74, 70, 73, 70]),
    "onnx/not-onnx",
    /JPEG/,
  ],
  "a zip archive": [Buffer.from("PK\u0003\u0004 archive/data.pkl"), "onnx/not-onnx", /zip/],
} as const;

test.each(Object.entries(NOT_MODELS))(
  "%s is refused by what it is",
  (_name, [bytes, code, text]) => {
    expect(() => parseModel(bytes, from)).toThrowError(
      expect.objectContaining({ code, exitCode: 3, where: "model.onnx" }),
    );
    expect(() => parseModel(bytes, from)).toThrowError(text);
  },
);

test("a missing file is an error that names it", () => {
  expect(() => readModel(join(folder, "absent.onnx"))).toThrowError(
    expect.objectContaining({
      code: "core/read-failed",
      exitCode: 3,
      where: join(folder, "absent.onnx"),
    }),
  );
});

function parsed(change: (graph: Graph) => Graph) {
  return (): unknown => parseModel(bytesOfModel(modelOf(change(smallGraph()))), from);
}

test("a cyclic graph is an error that names file and node", () => {
  const cyclic = parsed((graph) => ({
    ...graph,
    nodes: graph.nodes.map((node) => ({ ...node, opType: "Add", inputs: ["y", "w"] })),
  }));
  expect(cyclic).toThrowError(
    expect.objectContaining({
      code: "graph/cycle",
      exitCode: 3,
      where: "model.onnx, node 'project'",
    }),
  );
});

test("a value that is written twice is an error", () => {
  const twice = parsed((graph) => ({ ...graph, nodes: [...graph.nodes, ...graph.nodes] }));
  expect(twice).toThrowError(
    expect.objectContaining({ code: "graph/duplicate-value", where: "model.onnx, node 'project'" }),
  );
});

test("a value that nobody writes is an error", () => {
  const missing = parsed((graph) => ({ ...graph, initializers: new Map() }));
  expect(missing).toThrowError(
    expect.objectContaining({ code: "graph/undefined-value", where: "model.onnx, node 'project'" }),
  );
});

test("a tensor whose bytes contradict its shape is an error that names it", () => {
  const wrong = parsed((graph) => {
    const initializers = new Map([
      ["w", { ...floatTensor([8], new Float32Array(8)), shape: [4, 3] }],
    ]);
    return { ...graph, initializers };
  });
  expect(wrong).toThrowError(
    expect.objectContaining({
      code: "onnx/tensor-size",
      where: "model.onnx, initializer 'w'",
      message: "The tensor of shape [4, 3] holds 32 bytes, but its shape asks for 48 of float32.",
    }),
  );
});

test.each([Number.NaN, Number.POSITIVE_INFINITY])(
  "a weight of %s is an error that names the node",
  (bad) => {
    const bytes = bytesOfModel(modelOf(smallGraph([1, 2, 3, bad, 5, 6, 7, 8])));
    expect(() => parseModel(bytes, from)).toThrowError(
      expect.objectContaining({
        code: "onnx/bad-weights",
        exitCode: 3,
        where: "model.onnx, node 'project'",
      }),
    );
    expect(parseModel(bytes, from, { checkWeights: false }).graph.nodes).toHaveLength(1);
  },
);

test("an infinite mask that only an Add reads is no failed training", () => {
  const b = graphBuilder();
  b.input("x", ["batch", 4]);
  b.tensor("mask", floatTensor([4], [0, Number.NEGATIVE_INFINITY, 0, 0]));
  b.output(b.node("Add", ["x", "mask"]));
  expect(parseModel(bytesOfModel(modelOf(b.graph())), from).graph.nodes).toHaveLength(1);
});

test("shapes that contradict each other are an error that names file and node", () => {
  const narrow = parsed((graph) => ({
    ...graph,
    inputs: graph.inputs.map((input) => ({ ...input, shape: ["batch", 5] })),
  }));
  expect(narrow).toThrowError(
    expect.objectContaining({
      code: "graph/contradictory-shapes",
      exitCode: 3,
      where: "model.onnx, node 'project'",
    }),
  );
});

test("an output that is declared with another shape than it comes out with is no error: the runtime only warns", () => {
  const declared = parsed((graph) => ({
    ...graph,
    outputs: graph.outputs.map((output) => ({ ...output, shape: ["batch", 3] })),
  }));
  expect(declared).not.toThrow();
});

test("a compressed model is read by its ending, and a broken archive is an error", () => {
  const bytes = bytesOfModel(modelOf(smallGraph()));
  writeFileSync(join(folder, "small.onnx.br"), brotliCompressSync(bytes));
  writeFileSync(join(folder, "small.onnx.gz"), gzipSync(bytes));
  writeFileSync(join(folder, "broken.onnx.br"), bytes);
  expect(readModel(join(folder, "small.onnx.br")).graph.nodes).toHaveLength(1);
  expect(readModel(join(folder, "small.onnx.gz")).graph.nodes).toHaveLength(1);
  expect(() => readModel(join(folder, "broken.onnx.br"))).toThrowError(
    expect.objectContaining({ code: "onnx/not-onnx", exitCode: 3 }),
  );
});

/** The small model with its weight in `model.onnx.data`, and the entries that say where it lies replaced. */
function externalModel(name: string, entries: Readonly<Record<string, string>>): string {
  const path = join(folder, name, "model.onnx");
  writeModel(modelOf(smallGraph()), path, { externalData: "always", threshold: 0 });
  const proto = fromBinary(ModelSchema, readFileSync(path));
  const place = { location: "model.onnx.data", offset: "0", length: "32", ...entries };
  for (const tensor of proto.graph?.initializer ?? []) {
    tensor.externalData = Object.entries(place).map(([key, value]) =>
      create(EntrySchema, { key, value }),
    );
  }
  writeFileSync(path, toBinary(ModelSchema, proto));
  return path;
}

const BAD_PLACES = {
  "a missing external file": [{ location: "absent.data" }, "onnx/external-missing"],
  "a folder as external file": [{ location: "sub" }, "onnx/external-missing"],
  "a path to the parent folder": [{ location: "../secret.data" }, "onnx/external-outside"],
  "a path through a folder to the outside": [
    { location: "sub/../../secret.data" },
    "onnx/external-outside",
  ],
  "an absolute path": [{ location: "/elsewhere/secret.data" }, "onnx/external-outside"],
  "a link to the outside": [{ location: "link.data" }, "onnx/external-outside"],
  "an empty path": [{ location: "" }, "onnx/external-outside"],
  "an offset beyond the end": [{ offset: "1000" }, "onnx/external-range"],
  "a negative offset": [{ offset: "-8" }, "onnx/external-range"],
  "an offset that is no number": [{ offset: "0x10" }, "onnx/external-range"],
  "a length that contradicts the shape": [{ length: "16" }, "onnx/external-range"],
} as const;

test.each(Object.entries(BAD_PLACES))("%s is refused", (name, [entries, code]) => {
  const path = externalModel(name, entries);
  mkdirSync(join(folder, name, "sub"));
  writeFileSync(join(folder, "secret.data"), new Uint8Array(32));
  symlinkSync(join(folder, "secret.data"), join(folder, name, "link.data"));
  expect(() => readModel(path)).toThrowError(
    expect.objectContaining({ code, exitCode: 3, where: `${path}, initializer 'w'` }),
  );
});

test("external data without a folder, or in a file that became too short, is refused", () => {
  const path = externalModel("short", {});
  expect(readModel(path).graph.initializers.get("w")?.bytes()).toHaveLength(32);
  expect(() => parseModel(readFileSync(path), from)).toThrowError(
    expect.objectContaining({ code: "onnx/external-missing" }),
  );
  const model = readModel(path);
  truncateSync(`${path}.data`, 8);
  expect(() => readModel(path)).toThrowError(
    expect.objectContaining({ code: "onnx/external-range" }),
  );
  expect(() => model.graph.initializers.get("w")?.bytes()).toThrowError(
    expect.objectContaining({ code: "onnx/external-range" }),
  );
});

test("where writing fails, nothing is left behind", () => {
  const model = readModel(externalModel("failing", {}));
  truncateSync(join(folder, "failing", "model.onnx.data"), 0);
  const target = join(folder, "target");
  expect(() => writeModel(model, join(target, "out.onnx"))).toThrowError(expect.anything());
  expect(readdirSync(target)).toEqual([]);
});

test("weights are not written over the file that they are read from", () => {
  const path = externalModel("over", {});
  expect(() => writeModel(readModel(path), path)).toThrowError(
    expect.objectContaining({ code: "onnx/overwrites-source", exitCode: 3 }),
  );
  expect(readModel(path).graph.initializers.get("w")?.bytes()).toHaveLength(32);
});
