import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { expect, test } from "vitest";
import { randomFrom } from "../../src/core/random.ts";
import { graphBuilder } from "../../src/graph/build.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { floatTensor } from "../../src/graph/tensor.ts";
import { ATTRIBUTE_CODE } from "../../src/onnx/codes.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { parseModel } from "../../src/onnx/read.ts";
import {
  type AttributeProto,
  AttributeSchema,
  type FunctionProto,
  FunctionSchema,
  ModelSchema,
  OperatorSetSchema,
} from "../../src/onnx/schema.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import { networkBuilder } from "../helpers/networks.ts";
import { bytesOfModel } from "../helpers/ort.ts";

const from = { where: "memory", folder: null };
const OWN = "own.functions";

interface Body {
  readonly name: string;
  readonly graph: Graph;
  /** Attributes that nodes take from the call: node, its attribute, the function's. */
  readonly references?: readonly (readonly [string, string, string, number])[];
  readonly defaults?: readonly AttributeProto[];
  readonly opset?: number;
}

/** A function of a graph whose initializers have become Constant nodes. */
function functionOf({
  name,
  graph,
  references = [],
  defaults = [],
  opset = 17,
}: Body): FunctionProto {
  const proto = fromBinary(ModelSchema, bytesOfModel(modelOf(graph))).graph;
  for (const [node, attribute, refAttrName, type] of references) {
    proto?.node
      .find((item) => item.name === node)
      ?.attribute.push(create(AttributeSchema, { name: attribute, refAttrName, type }));
  }
  return create(FunctionSchema, {
    name,
    domain: OWN,
    input: graph.inputs.map((value) => value.name),
    output: graph.outputs.map((value) => value.name),
    attribute: references
      .map(([, , given]) => given)
      .filter((given) => !defaults.some((item) => item.name === given)),
    attributeProto: [...defaults],
    node: proto?.node ?? [],
    opsetImport: [
      create(OperatorSetSchema, { domain: "", version: BigInt(opset) }),
      create(OperatorSetSchema, { domain: OWN, version: 1n }),
    ],
  });
}

/** The file's bytes with these functions in it. */
function withFunctions(graph: Graph, bodies: readonly Body[]): Uint8Array {
  const proto = fromBinary(ModelSchema, bytesOfModel(modelOf(graph)));
  proto.functions = bodies.map(functionOf);
  return toBinary(ModelSchema, proto);
}

async function outputsOf(bytes: Uint8Array, shape: readonly number[]): Promise<number[][]> {
  const session = await InferenceSession.create(bytes, {
    graphOptimizationLevel: "disabled",
    logSeverityLevel: 3,
  });
  const random = randomFrom(3);
  const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, random.normal);
  const feeds = Object.fromEntries(
    session.inputNames.map((name) => [name, new Tensor("float32", data, shape)]),
  );
  const results = await session.run(feeds);
  await session.release();
  return session.outputNames.map((name) => Array.from(results[name]?.data as Float32Array));
}

/** x -> LeakyRelu(alpha of the call) + x, with an inner name that the network has too. */
function activation(): Body {
  const b = graphBuilder({ opset: 17 });
  b.input("x", null);
  b.node("LeakyRelu", ["x"], { name: "act", outputs: ["inner"] });
  b.node("Add", ["inner", "x"], { name: "sum", outputs: ["y"] });
  b.output("y");
  return {
    name: "Activation",
    graph: b.graph(),
    references: [["act", "alpha", "slope", ATTRIBUTE_CODE.float]],
    defaults: [create(AttributeSchema, { name: "slope", type: ATTRIBUTE_CODE.float, f: 0.3 })],
  };
}

/** Two convolutions with an activation each, by calls of another function; the second output is the input. */
function block(): Body {
  const b = graphBuilder({ opset: 17 });
  for (const name of ["x", "w1", "w2"]) b.input(name, null);
  const pads = { pads: [1, 1, 1, 1] };
  const first = b.node("Conv", ["x", "w1"], { name: "c1", outputs: ["inner"], attributes: pads });
  const active = b.node("Activation", [first], { name: "a1", outputs: ["x_1"], domain: OWN });
  const second = b.node("Conv", [active, "w2"], { name: "c2", outputs: ["z"], attributes: pads });
  b.output(b.node("Activation", [second], { name: "a2", outputs: ["y"], domain: OWN }));
  b.output(b.node("Identity", ["x"], { outputs: ["given"] }));
  return {
    name: "Block",
    graph: b.graph(),
    references: [["a1", "slope", "slope", ATTRIBUTE_CODE.float]],
  };
}

/** Calls of Block, whose inner names meet names of the network, once with and once without the attribute. */
function network(): Graph {
  const b = networkBuilder(4);
  b.input("x", ["batch", 3, 6, 6]);
  const w = (name: string, to: number, of: number): string => b.weight(name, [to, of, 3, 3]);
  const inner = b.node("Relu", ["x"], { name: "inner", outputs: ["inner"] });
  const one = b.node("Block", [inner, w("one.w1", 8, 3), w("one.w2", 6, 8)], {
    ...{ name: "one", outputs: ["one/inner", "one/x_1"], domain: OWN },
    attributes: { slope: { float: -0.5 } },
  });
  const two = b.node("Block", [one, w("two.w1", 8, 6), w("two.w2", 4, 8)], {
    ...{ name: "two", outputs: ["end", "two/given"], domain: OWN },
  });
  b.output(two, ["batch", 4, 6, 6]);
  b.output("one/x_1", ["batch", 3, 6, 6]);
  return b.graph();
}

test("functions of the file are written out: nested, with attributes by reference and default, and clashing names", async () => {
  const bytes = withFunctions(network(), [activation(), block()]);
  const model = parseModel(bytes, from);
  expect(model.graph.nodes.filter(({ domain }) => domain !== "")).toEqual([]);
  const written = bytesOfModel(model);
  expect(fromBinary(ModelSchema, written).functions).toEqual([]);
  expect(await outputsOf(written, [2, 3, 6, 6])).toEqual(await outputsOf(bytes, [2, 3, 6, 6]));
  const { dims } = findStructure(model.graph);
  expect(dims.filter(({ pinned }) => pinned === null).map(({ size }) => size)).toEqual([8, 6, 8]);
});

test("a value that only the call gives is not confused with the network's, which a wrong attribute shows", async () => {
  const bytes = withFunctions(network(), [activation(), block()]);
  const other = withFunctions(network(), [{ ...activation(), defaults: [] }, block()]);
  expect(await outputsOf(bytesOfModel(parseModel(other, from)), [2, 3, 6, 6])).not.toEqual(
    await outputsOf(bytes, [2, 3, 6, 6]),
  );
});

test("a function is written out inside subgraphs, and a subgraph of a body reads the body's values", async () => {
  const branch = (name: string, op: string): Graph => {
    const inside = graphBuilder({ opset: 17 });
    inside.input("scaled", null);
    const call = inside.node(op, ["scaled"], {
      ...{ name: "call", outputs: [`${name}_out`], domain: op === "Activation" ? OWN : "" },
    });
    inside.output(call, null);
    return { ...inside.graph(), name, inputs: [] };
  };
  const body = graphBuilder({ opset: 17 });
  body.input("v", null);
  const two = body.node("Constant", [], {
    attributes: { value: floatTensor([], Float32Array.of(2)) },
  });
  const scaled = body.node("Mul", ["v", two], { outputs: ["scaled"] });
  const total = body.node("ReduceSum", [scaled], { attributes: { keepdims: 0 } });
  const condition = body.node("Greater", [total, two], { name: "test" });
  const chosen = body.node("If", [condition], {
    name: "if",
    attributes: {
      then_branch: { graph: branch("then", "Activation") },
      else_branch: { graph: branch("else", "Neg") },
    },
  });
  body.output(chosen);
  const b = networkBuilder(4);
  b.input("x", [2, 3]);
  b.node("Relu", ["x"], { outputs: ["scaled"] });
  const called = b.node("Chosen", ["scaled"], { name: "call", domain: OWN, outputs: ["y"] });
  b.output(called, [2, 3]);
  b.output(b.node("Chosen", ["y"], { name: "again", domain: OWN, outputs: ["z"] }), [2, 3]);
  const bytes = withFunctions(b.graph(), [activation(), { name: "Chosen", graph: body.graph() }]);
  expect(await outputsOf(bytesOfModel(parseModel(bytes, from)), [2, 3])).toEqual(
    await outputsOf(bytes, [2, 3]),
  );
});

// onnxruntime refuses such functions, and calls with an omitted output.
test("an output that is an input, one that is another output, and an omitted one are the values that they name", async () => {
  const body = graphBuilder({ opset: 17 });
  body.input("x", null);
  body.output(body.node("Neg", ["x"], { outputs: ["y"] }));
  body.output(body.node("Abs", ["x"], { outputs: ["unused"] }));
  body.output("x");
  body.output("y");
  const b = networkBuilder(4);
  b.input("x", [2, 3]);
  const outputs = ["negated", "", "same", "again"];
  b.node("Several", [b.node("Relu", ["x"], { outputs: ["y"] })], { outputs, domain: OWN });
  for (const name of ["y", "negated", "same", "again"]) b.output(name, [2, 3]);
  const { graph } = parseModel(
    withFunctions(b.graph(), [{ name: "Several", graph: body.graph() }]),
    from,
  );
  const [y, negated, same, again] = await outputsOf(bytesOfModel(modelOf(graph)), [2, 3]);
  expect(negated).toEqual(y?.map((value) => -value));
  expect(same).toEqual(y);
  expect(again).toEqual(negated);
});

test("a body that is written for another opset stays a call, and its function in the file", () => {
  const bytes = withFunctions(network(), [{ ...activation(), opset: 11 }, block()]);
  const model = parseModel(bytes, from);
  const calls = model.graph.nodes.filter(({ domain }) => domain === OWN);
  expect(calls.map(({ opType }) => opType)).toEqual(Array(4).fill("Activation"));
  expect(fromBinary(ModelSchema, bytesOfModel(model)).functions).toHaveLength(2);
});

test("a function that calls itself, and one that is there twice, are refused", () => {
  const b = graphBuilder({ opset: 17 });
  b.input("x", null);
  b.output(b.node("Activation", ["x"], { domain: OWN }));
  const endless = { ...activation(), graph: b.graph(), references: [] };
  const read = (bodies: readonly Body[]) => () =>
    parseModel(withFunctions(network(), bodies), from);
  expect(read([endless, block()])).toThrowError(
    expect.objectContaining({ code: "onnx/function-recursion", exitCode: 3 }),
  );
  expect(read([activation(), activation(), block()])).toThrowError(
    expect.objectContaining({ code: "onnx/duplicate-function", exitCode: 3 }),
  );
});
