import { typeOfCode } from "../graph/data-type.ts";
import type {
  Attribute,
  Extent,
  Graph,
  Node,
  SourcedAttribute,
  Tensor,
  Value,
} from "../graph/graph.ts";
import { ATTRIBUTE_CODE } from "./codes.ts";
import { damaged } from "./errors.ts";
import type { AttributeProto, GraphProto, NodeProto, ValueInfoProto } from "./schema.ts";
import { readSparseTensor } from "./sparse.ts";
import { type ReadContext, readTensor } from "./tensors.ts";

const decoder = new TextDecoder();
const readAttributes = new WeakMap<AttributeProto, Attribute>();
const readValues = new WeakMap<ValueInfoProto, Value>();

/** The attribute that was read from this part of the file: tells whether an attribute is unchanged. */
export function attributeAsRead(proto: AttributeProto): Attribute | undefined {
  return readAttributes.get(proto);
}

/** The value that was read from this part of the file. */
export function valueAsRead(proto: ValueInfoProto): Value | undefined {
  return readValues.get(proto);
}

/**
 * A graph as the file has it, not checked yet. Inputs that are initializers too are left out of `inputs`; the writer finds
 * them again in the source.
 * @throws InputError `onnx/sparse-...`, `onnx/...` of tensors
 */
export function readGraph(
  proto: GraphProto,
  opsets: ReadonlyMap<string, number>,
  context: ReadContext,
): Graph {
  const initializers = readInitializers(proto, context);
  return {
    name: proto.name,
    inputs: proto.input.filter((input) => !initializers.has(input.name)).map(readValue),
    outputs: proto.output.map(readValue),
    values: proto.valueInfo.map(readValue),
    initializers,
    nodes: proto.node.map((node) => readNode(node, opsets, context)),
    opsets,
    source: proto,
  };
}

function readInitializers(proto: GraphProto, context: ReadContext): ReadonlyMap<string, Tensor> {
  const initializers = new Map<string, Tensor>();
  const add = (name: string, read: (where: string) => Tensor): void => {
    const where = `${context.file}, initializer '${name}'`;
    if (initializers.has(name)) {
      throw damaged("duplicate-initializer", `The initializer '${name}' is there twice.`, where);
    }
    initializers.set(name, read(where));
  };
  for (const tensor of proto.initializer) {
    add(tensor.name, (where) => readTensor(tensor, where, context));
  }
  for (const sparse of proto.sparseInitializer) {
    add(sparse.values?.name ?? "", (where) => readSparseTensor(sparse, where, context));
  }
  return initializers;
}

function readValue(proto: ValueInfoProto): Value {
  const tensor = proto.type?.tensorType;
  const value: Value = {
    name: proto.name,
    type: tensor === undefined || tensor.elemType === 0 ? null : typeOfCode(tensor.elemType),
    shape: tensor?.shape === undefined ? null : tensor.shape.dim.map(readExtent),
    source: proto,
  };
  readValues.set(proto, value);
  return value;
}

// Some exporters write 0 or -1 for an extent that is not known.
function readExtent(dim: { readonly dimValue: bigint; readonly dimParam: string }): Extent {
  if (dim.dimParam !== "") return dim.dimParam;
  return Object.hasOwn(dim, "dimValue") && dim.dimValue > 0n ? Number(dim.dimValue) : null;
}

function readNode(
  proto: NodeProto,
  opsets: ReadonlyMap<string, number>,
  context: ReadContext,
): Node {
  const label = proto.name === "" ? (proto.output[0] ?? "") : proto.name;
  const where = `${context.file}, node '${label}'`;
  const attributes = new Map<string, SourcedAttribute>();
  for (const attribute of proto.attribute) {
    const at = `${where}, attribute '${attribute.name}'`;
    const read = readAttribute(attribute, opsets, at, context);
    readAttributes.set(attribute, read);
    attributes.set(attribute.name, { ...read, source: attribute });
  }
  return {
    name: proto.name,
    opType: proto.opType,
    domain: standardDomain(proto.domain),
    inputs: proto.input,
    outputs: proto.output,
    attributes,
    source: proto,
  };
}

/** "ai.onnx" is another name of the standard domain "". */
export function standardDomain(domain: string): string {
  return domain === "ai.onnx" ? "" : domain;
}

function readAttribute(
  proto: AttributeProto,
  opsets: ReadonlyMap<string, number>,
  where: string,
  context: ReadContext,
): Attribute {
  switch (kindOf(proto)) {
    case ATTRIBUTE_CODE.float:
      return { kind: "float", value: proto.f };
    case ATTRIBUTE_CODE.int:
      return { kind: "int", value: Number(proto.i) };
    case ATTRIBUTE_CODE.string:
      return { kind: "string", value: decoder.decode(proto.s) };
    case ATTRIBUTE_CODE.tensor:
      return proto.t === undefined
        ? { kind: "opaque" }
        : { kind: "tensor", value: readTensor(proto.t, where, context) };
    case ATTRIBUTE_CODE.graph:
      return proto.g === undefined
        ? { kind: "opaque" }
        : { kind: "graph", value: readGraph(proto.g, opsets, context) };
    case ATTRIBUTE_CODE.floats:
      return { kind: "floats", value: proto.floats };
    case ATTRIBUTE_CODE.ints:
      return { kind: "ints", value: proto.ints.map(Number) };
    case ATTRIBUTE_CODE.strings:
      return { kind: "strings", value: proto.strings.map((text) => decoder.decode(text)) };
    default:
      return { kind: "opaque" };
  }
}

// Early exporters left the type out; then the field that is filled says it.
function kindOf(proto: AttributeProto): number {
  if (proto.refAttrName !== "") return 0;
  if (proto.type !== 0) return proto.type;
  if (Object.hasOwn(proto, "i")) return ATTRIBUTE_CODE.int;
  if (Object.hasOwn(proto, "f")) return ATTRIBUTE_CODE.float;
  if (Object.hasOwn(proto, "s")) return ATTRIBUTE_CODE.string;
  if (proto.t !== undefined) return ATTRIBUTE_CODE.tensor;
  if (proto.g !== undefined) return ATTRIBUTE_CODE.graph;
  if (proto.ints.length > 0) return ATTRIBUTE_CODE.ints;
  if (proto.floats.length > 0) return ATTRIBUTE_CODE.floats;
  return proto.strings.length > 0 ? ATTRIBUTE_CODE.strings : 0;
}
