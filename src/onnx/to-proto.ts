import { create, isMessage, type Message } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import { InternalError } from "../core/errors.ts";
import { codeOfType } from "../graph/data-type.ts";
import type {
  DataType,
  Extent,
  Graph,
  Node,
  SourcedAttribute,
  Tensor,
  Value,
} from "../graph/graph.ts";
import { ATTRIBUTE_CODE } from "./codes.ts";
import { attributeAsRead, standardDomain, valueAsRead } from "./read-graph.ts";
import {
  type AttributeProto,
  AttributeSchema,
  DimensionSchema,
  type GraphProto,
  GraphSchema,
  type NodeProto,
  NodeSchema,
  ShapeSchema,
  type TensorProto,
  TensorSchema,
  TensorTypeSchema,
  TypeSchema,
  type ValueInfoProto,
  ValueInfoSchema,
} from "./schema.ts";
import { EXTERNAL, tensorAsRead } from "./tensors.ts";
import { isTypedData } from "./typed-data.ts";

const encoder = new TextEncoder();
const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

/** The source where it is a message of that kind; a graph made in memory has none. */
export function sourceOf<Shape extends Message>(
  schema: GenMessage<Shape>,
  source: unknown,
): Shape | undefined {
  return isMessage(source, schema) ? source : undefined;
}

/** A new message with the fields of `source`, known and unknown, and `changes` on top. */
export function changed<Shape extends Message>(
  schema: GenMessage<Shape>,
  source: Shape | undefined,
  changes: Partial<Omit<Shape, "$typeName" | "$unknown">>,
): Shape {
  const { $typeName: _name, $unknown: unknown, ...own } = source ?? ({} as Partial<Shape>);
  // The fields are those of the schema's own interface; the generic parameter hides that from the checker.
  const message = create(schema, { ...own, ...changes } as Parameters<
    typeof create<GenMessage<Shape>>
  >[1]);
  if (unknown !== undefined) message.$unknown = unknown;
  return message;
}

/** An integer as the format's int64; what a number can't hold exactly is clamped ("to the end" markers). */
function int64(value: number): bigint {
  const whole = BigInt(Math.trunc(value));
  return whole < INT64_MIN ? INT64_MIN : whole > INT64_MAX ? INT64_MAX : whole;
}

/** Whether a tensor is still the one that was read from its source. */
export function isAsRead(tensor: Tensor): boolean {
  const source = sourceOf(TensorSchema, tensor.source);
  const read = source === undefined ? undefined : tensorAsRead(source);
  return (
    read !== undefined &&
    read.bytes === tensor.bytes &&
    read.type === tensor.type &&
    sameList(read.shape, tensor.shape)
  );
}

function sameList(left: readonly unknown[], right: readonly unknown[]): boolean {
  return left.length === right.length && left.every((item, index) => item === right[index]);
}

export function typeCode(type: DataType, source: number | undefined): number {
  const code = codeOfType(type) ?? source;
  if (code !== undefined) return code;
  throw new InternalError({
    code: "onnx/unknown-type",
    message: "A tensor of unknown element type has no source to take the type from.",
  });
}

/**
 * The tensor without its elements: type, shape, name, and what the file said around them. The caller adds the elements as
 * raw data or as an external place. String tensors keep theirs: they can't be changed.
 */
export function tensorHead(name: string, tensor: Tensor): TensorProto {
  const source = sourceOf(TensorSchema, tensor.source);
  const head = create(TensorSchema, {
    ...(source?.docString ? { docString: source.docString } : {}),
    ...(tensor.type === "string" ? { stringData: source?.stringData ?? [] } : {}),
    name,
    dims: tensor.shape.map(int64),
    dataType: typeCode(tensor.type, source?.dataType),
  });
  const unknown = source?.$unknown?.filter((field) => !isTypedData(field.no));
  if (unknown !== undefined) head.$unknown = unknown;
  return head;
}

/** The whole tensor in one message, for tensors inside attributes; an unchanged one keeps the form it was read in. */
function tensorProto(tensor: Tensor): TensorProto {
  const source = sourceOf(TensorSchema, tensor.source);
  if (source !== undefined && isAsRead(tensor) && source.dataLocation !== EXTERNAL) return source;
  const head = tensorHead(source?.name ?? "", tensor);
  head.rawData = tensor.bytes();
  return head;
}

/** The graph without its initializers, whose bytes the writer streams. */
export function graphProto(graph: Graph, irVersion: number): GraphProto {
  const source = sourceOf(GraphSchema, graph.source);
  return changed(GraphSchema, source, {
    ...(graph.name === "" && source === undefined ? {} : { name: graph.name }),
    node: graph.nodes.map((node) => nodeProto(node, irVersion)),
    initializer: [],
    sparseInitializer: [],
    input: inputProtos(graph, source, irVersion),
    output: graph.outputs.map(valueProto),
    valueInfo: graph.values.map(valueProto),
  });
}

/** Subgraphs hold their initializers inside: they are small. */
function wholeGraphProto(graph: Graph, irVersion: number): GraphProto {
  const proto = graphProto(graph, irVersion);
  proto.initializer = [...graph.initializers].map(([name, tensor]) => {
    const whole = tensorProto(tensor);
    return whole.name === name ? whole : changed(TensorSchema, whole, { name });
  });
  return proto;
}

// Inputs keep the order of the file, with the initializers that it listed among them. Before IR version 4 all must be.
function inputProtos(
  graph: Graph,
  source: GraphProto | undefined,
  irVersion: number,
): ValueInfoProto[] {
  const inputs = new Map(graph.inputs.map((value) => [value.name, value]));
  const protos: ValueInfoProto[] = [];
  const listed = new Set<string>();
  for (const input of source?.input ?? []) {
    const tensor = graph.initializers.get(input.name);
    const value = inputs.get(input.name);
    listed.add(input.name);
    if (value !== undefined) protos.push(valueProto(value));
    else if (tensor !== undefined && tensor.sparse !== true)
      protos.push(initializerInput(input.name, tensor, input));
  }
  const added = graph.inputs.filter((value) => !listed.has(value.name)).map(valueProto);
  const unlisted = [...graph.initializers].filter(([name]) => irVersion < 4 && !listed.has(name));
  return [
    ...protos,
    ...added,
    ...unlisted.map(([name, tensor]) => initializerInput(name, tensor, undefined)),
  ];
}

function initializerInput(
  name: string,
  tensor: Tensor,
  source: ValueInfoProto | undefined,
): ValueInfoProto {
  return valueProto({ name, type: tensor.type, shape: tensor.shape, source });
}

function valueProto(value: Value): ValueInfoProto {
  const source = sourceOf(ValueInfoSchema, value.source);
  const read = source === undefined ? undefined : valueAsRead(source);
  const same =
    read !== undefined &&
    read.type === value.type &&
    (read.shape === null || value.shape === null
      ? read.shape === value.shape
      : sameList(read.shape, value.shape));
  if (source !== undefined && same) {
    return source.name === value.name
      ? source
      : changed(ValueInfoSchema, source, { name: value.name });
  }
  if (value.type === null) return changed(ValueInfoSchema, source, { name: value.name });
  const oldTensor = source?.type?.tensorType;
  const tensorType = changed(TensorTypeSchema, oldTensor, {
    elemType: typeCode(value.type, oldTensor?.elemType),
    ...(value.shape === null
      ? {}
      : { shape: changed(ShapeSchema, oldTensor?.shape, { dim: value.shape.map(dimension) }) }),
  });
  return changed(ValueInfoSchema, source, {
    name: value.name,
    type: changed(TypeSchema, source?.type, { tensorType }),
  });
}

function dimension(extent: Extent): ReturnType<typeof create<typeof DimensionSchema>> {
  if (typeof extent === "number") return create(DimensionSchema, { dimValue: int64(extent) });
  return create(DimensionSchema, extent === null ? {} : { dimParam: extent });
}

function nodeProto(node: Node, irVersion: number): NodeProto {
  const source = sourceOf(NodeSchema, node.source);
  const sameDomain = source !== undefined && standardDomain(source.domain) === node.domain;
  return changed(NodeSchema, source, {
    input: [...node.inputs],
    output: [...node.outputs],
    ...(node.name === "" && source === undefined ? {} : { name: node.name }),
    opType: node.opType,
    ...(sameDomain || (node.domain === "" && source === undefined) ? {} : { domain: node.domain }),
    attribute: [...node.attributes].map(([name, attribute]) =>
      attributeProto(name, attribute, irVersion),
    ),
  });
}

function attributeProto(
  name: string,
  attribute: SourcedAttribute,
  irVersion: number,
): AttributeProto {
  const source = sourceOf(AttributeSchema, attribute.source);
  const read = source === undefined ? undefined : attributeAsRead(source);
  const asRead =
    read !== undefined &&
    read.kind === attribute.kind &&
    (read.kind === "opaque" ||
      attribute.kind === "opaque" ||
      Object.is(read.value, attribute.value));
  if (source !== undefined && asRead && source.name === name) return source;
  const around = {
    ...(source === undefined || source.docString === "" ? {} : { docString: source.docString }),
    name,
  };
  const proto = create(AttributeSchema, { ...around, ...attributeValue(attribute, irVersion) });
  if (source?.$unknown !== undefined) proto.$unknown = source.$unknown;
  return proto;
}

function attributeValue(
  attribute: SourcedAttribute,
  irVersion: number,
): Partial<Omit<AttributeProto, "$typeName" | "$unknown">> {
  switch (attribute.kind) {
    case "int":
      return { type: ATTRIBUTE_CODE.int, i: int64(attribute.value) };
    case "float":
      return { type: ATTRIBUTE_CODE.float, f: attribute.value };
    case "string":
      return { type: ATTRIBUTE_CODE.string, s: encoder.encode(attribute.value) };
    case "tensor":
      return { type: ATTRIBUTE_CODE.tensor, t: tensorProto(attribute.value) };
    case "graph":
      return { type: ATTRIBUTE_CODE.graph, g: wholeGraphProto(attribute.value, irVersion) };
    case "ints":
      return { type: ATTRIBUTE_CODE.ints, ints: attribute.value.map(int64) };
    case "floats":
      return { type: ATTRIBUTE_CODE.floats, floats: [...attribute.value] };
    case "strings":
      return {
        type: ATTRIBUTE_CODE.strings,
        strings: attribute.value.map((text) => encoder.encode(text)),
      };
    case "opaque":
      throw new InternalError({
        code: "onnx/unknown-attribute",
        message: "An attribute of unknown kind has no source to be written from.",
      });
    default:
      return attribute satisfies never;
  }
}
