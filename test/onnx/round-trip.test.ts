import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sha256 } from "../../src/core/files.ts";
import { graphBuilder } from "../../src/graph/build.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { floatsOf, floatTensor, integersOf, tensorFromBytes } from "../../src/graph/tensor.ts";
import { modelOf, withGraph } from "../../src/onnx/model.ts";
import { modelHash, parseModel, readModel } from "../../src/onnx/read.ts";
import { type ModelProto, ModelSchema } from "../../src/onnx/schema.ts";
import { writeModel } from "../../src/onnx/write.ts";
import { opsetNetwork } from "../helpers/opset-network.ts";
import { bytesOfModel, runSeeded } from "../helpers/ort.ts";
import { sharedPath } from "../helpers/shared.ts";

const from = { where: "memory", folder: null };
let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "mdp-onnx-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function protoOf(graph: Graph): ModelProto {
  return fromBinary(ModelSchema, bytesOfModel(modelOf(graph)));
}

/** Everything a model file holds, unknown fields too, as a digest that can be compared: the text has megabytes. */
function digestOf(bytes: Uint8Array): string {
  const proto = fromBinary(ModelSchema, new Uint8Array(bytes));
  const text = JSON.stringify(proto, (_key, value: unknown) => {
    if (typeof value === "bigint") return `${value}n`;
    return value instanceof Uint8Array ? Buffer.from(value).toString("base64") : value;
  });
  return sha256(text);
}

const FILES = [
  "models/cifar10_resnet20_op13_bn.onnx",
  "models/mnist_vit_mlde_op17.onnx",
  "models/squeezenet1.1_imagenet.onnx",
] as const;

test.skipIf(sharedPath("models") === null).each(FILES)(
  "%s keeps every field, and gives the same bytes each time (needs ../shared)",
  (name) => {
    const path = sharedPath(name) ?? "";
    const model = readModel(path);
    const written = bytesOfModel(model);
    expect(digestOf(written)).toBe(digestOf(readFileSync(path)));
    expect(Buffer.compare(written, bytesOfModel(readModel(path)))).toBe(0);
    expect(Buffer.compare(written, bytesOfModel(parseModel(written, from)))).toBe(0);
  },
);

function unknownField(
  no: number,
  text: string,
): { no: number; wireType: WireType; data: Uint8Array } {
  const data = new BinaryWriter().bytes(new TextEncoder().encode(text)).finish();
  return { no, wireType: WireType.LengthDelimited, data };
}

test("unknown fields, doc strings, metadata and names survive a change of the graph", () => {
  const proto = protoOf(opsetNetwork(17));
  const [node, tensor, value] = [
    proto.graph?.node[0],
    proto.graph?.initializer[0],
    proto.graph?.output[0],
  ];
  for (const message of [proto, proto.graph, node, tensor, value, node?.attribute[0]]) {
    if (message !== undefined) message.$unknown = [unknownField(900, "kept")];
    if (message !== undefined && "docString" in message) message.docString = "said";
  }
  proto.producerName = "somebody";
  proto.metadataProps = [{ $typeName: "onnx.StringStringEntryProto", key: "author", value: "me" }];
  const model = parseModel(toBinary(ModelSchema, proto), from);
  // New objects throughout, as surgery makes them: tensors of other bytes, nodes with other attributes.
  const { graph } = model;
  const nodes = graph.nodes.map((each) => ({
    ...each,
    name: `${each.name}.new`,
    attributes: new Map(each.attributes),
  }));
  const initializers = new Map(
    [...graph.initializers].map(([name, each]) => {
      const bytes = each.bytes().slice();
      return [name, { ...each, bytes: () => bytes }];
    }),
  );
  const written = fromBinary(
    ModelSchema,
    bytesOfModel(withGraph(model, { ...graph, nodes, initializers })),
  );
  const after = [
    written,
    written.graph,
    written.graph?.node[0],
    written.graph?.initializer[0],
    written.graph?.output[0],
    written.graph?.node[0]?.attribute[0],
  ];
  expect(after.map((message) => message?.$unknown?.map((field) => field.no))).toEqual(
    after.map(() => [900]),
  );
  expect([
    written.producerName,
    written.graph?.docString,
    written.graph?.node[0]?.docString,
    written.graph?.initializer[0]?.docString,
  ]).toEqual(["somebody", "said", "said", "said"]);
  expect(written.metadataProps.map(({ key, value: text }) => [key, text])).toEqual([
    ["author", "me"],
  ]);
  expect(written.graph?.node[0]?.name).toBe(`${node?.name}.new`);
});

test("initializers that the file lists as inputs stay listed, in the file's order and with their new shapes", () => {
  const early = { ...modelOf(opsetNetwork(13)), irVersion: 3 };
  const listed = fromBinary(ModelSchema, bytesOfModel(early));
  listed.irVersion = 8n;
  listed.graph?.input.reverse();
  const model = parseModel(toBinary(ModelSchema, listed), from);
  const wider = floatTensor([7], new Float32Array(7));
  const initializers = new Map([...model.graph.initializers, ["bias", wider]]);
  const written = fromBinary(
    ModelSchema,
    bytesOfModel(withGraph(model, { ...model.graph, initializers })),
  );
  const names = (proto: ModelProto): string[] => proto.graph?.input.map(({ name }) => name) ?? [];
  expect(names(written)).toEqual(names(listed));
  const bias = written.graph?.input.find(({ name }) => name === "bias");
  expect(bias?.type?.tensorType?.shape?.dim.map(({ dimValue }) => dimValue)).toEqual([7n]);
});

test("markers that a number can't hold exactly keep their value", () => {
  const b = graphBuilder({ opset: 9 });
  b.input("x", [8]);
  b.output(b.node("Slice", ["x"], { attributes: { starts: [1], ends: [2 ** 63] } }));
  const [, ends] = protoOf(b.graph()).graph?.node[0]?.attribute ?? [];
  expect(ends?.ints).toEqual([9223372036854775807n]);
});

test("subgraphs survive, and the values they take from outside count as read", async () => {
  const branch = (op: string): Graph => {
    const b = graphBuilder();
    const inner = b.tensor(`${op}.c`, floatTensor([1], [2]));
    const y = `${op}.y`;
    const graph = b.graph();
    return {
      ...graph,
      initializers: new Map([[inner, floatTensor([1], [2])]]),
      nodes: [
        {
          name: op,
          opType: op,
          domain: "",
          inputs: ["x", inner],
          outputs: [y],
          attributes: new Map(),
        },
      ],
      outputs: [{ name: y, type: "float32", shape: null }],
    };
  };
  const b = graphBuilder();
  b.input("x", ["batch", 3]);
  b.tensor("flag", tensorFromBytes("bool", [], Uint8Array.of(1)));
  b.output(
    b.node("If", ["flag"], {
      attributes: { then_branch: { graph: branch("Mul") }, else_branch: { graph: branch("Add") } },
      outputs: ["y"],
    }),
  );
  const model = parseModel(bytesOfModel(modelOf(b.graph())), from);
  const fresh = model.graph.nodes.map((node) => ({
    ...node,
    attributes: new Map(
      [...node.attributes].map(
        ([name, { source: _source, ...attribute }]) => [name, attribute] as const,
      ),
    ),
  }));
  const runs = await Promise.all(
    [model, withGraph(model, { ...model.graph, nodes: fresh })].map((each) => runSeeded(each)),
  );
  expect(Array.from(runs[0]?.get("y")?.data ?? [], Number)).toHaveLength(6);
  expect(runs[1]?.get("y")?.data).toEqual(runs[0]?.get("y")?.data);
});

test("external data is read when asked for, and written back as external data in the same form", async () => {
  const model = modelOf(opsetNetwork(17));
  const [first, second, inside] = ["a.onnx", "b.onnx", "c.onnx"].map((name) => join(folder, name));
  if (first === undefined || second === undefined || inside === undefined)
    throw new Error("no path");
  writeModel(model, first, { externalData: "always", threshold: 64 });
  const read = readModel(first);
  writeModel(read, second, { threshold: 64 });
  writeModel(readModel(second), inside, { externalData: "never" });
  expect(readFileSync(`${second}.data`).equals(readFileSync(`${first}.data`))).toBe(true);
  expect(statSync(`${first}.data`).size % 4).toBe(0);
  expect(readFileSync(inside).equals(Buffer.from(bytesOfModel(model)))).toBe(true);
  for (const [name, tensor] of model.graph.initializers) {
    expect(Buffer.from(read.graph.initializers.get(name)?.bytes() ?? [])).toEqual(
      Buffer.from(tensor.bytes()),
    );
  }
});

test("a model's hash is that of its file", async () => {
  const path = join(folder, "hash.onnx");
  writeModel(modelOf(opsetNetwork(12)), path);
  const again = join(folder, "hash2.onnx");
  writeModel(modelOf(opsetNetwork(12)), again);
  expect(await modelHash(path)).toMatch(/^[0-9a-f]{64}$/);
  expect(await modelHash(again)).toBe(await modelHash(path));
  await expect(modelHash(join(folder, "absent"))).rejects.toMatchObject({
    code: "core/read-failed",
  });
});

test("weights that start anywhere in the file are read as the numbers they are", () => {
  for (let shift = 0; shift < 4; shift += 1) {
    const b = graphBuilder({ name: "g".repeat(1 + shift) });
    b.input("x", ["batch", 3]);
    b.tensor("t", floatTensor([3], [1.5, -2, 3]));
    b.output(b.node("Add", ["x", "t"]));
    const read = parseModel(Buffer.from(bytesOfModel(modelOf(b.graph()))), from);
    const tensor = read.graph.initializers.get("t");
    expect(tensor === undefined ? [] : [...floatsOf(tensor)]).toEqual([1.5, -2, 3]);
  }
  expect(
    integersOf(
      tensorFromBytes("int64", [1], Buffer.from([0, 0, 9, 0, 0, 0, 0, 0, 0, 0]).subarray(2)),
    ),
  ).toEqual([9]);
});
