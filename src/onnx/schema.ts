/**
 * The part of the ONNX file format that this project reads and writes, as a protobuf descriptor that is built when the
 * module is loaded. Field names and numbers are those of the specification (onnx.proto, IR version 3 to 13). What is not
 * listed (typed tensor data, sequences, training info, quantization) stays in `$unknown` and is written back.
 */
import { create, createFileRegistry, type Message } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import {
  type DescriptorProto,
  DescriptorProtoSchema,
  type FieldDescriptorProto,
  FieldDescriptorProtoSchema,
  FieldDescriptorProto_Type as FieldType,
  FileDescriptorProtoSchema,
  FieldDescriptorProto_Label as Label,
} from "@bufbuild/protobuf/wkt";

export interface StringStringEntryProto extends Message<"onnx.StringStringEntryProto"> {
  key: string;
  value: string;
}
export interface OperatorSetIdProto extends Message<"onnx.OperatorSetIdProto"> {
  domain: string;
  version: bigint;
}
export interface DimensionProto extends Message<"onnx.DimensionProto"> {
  dimValue: bigint;
  dimParam: string;
  denotation: string;
}
export interface TensorShapeProto extends Message<"onnx.TensorShapeProto"> {
  dim: DimensionProto[];
}
export interface TensorTypeProto extends Message<"onnx.TensorTypeProto"> {
  elemType: number;
  shape?: TensorShapeProto;
}
export interface TypeProto extends Message<"onnx.TypeProto"> {
  tensorType?: TensorTypeProto;
  denotation: string;
}
export interface ValueInfoProto extends Message<"onnx.ValueInfoProto"> {
  name: string;
  type?: TypeProto;
  docString: string;
}
export interface TensorProto extends Message<"onnx.TensorProto"> {
  dims: bigint[];
  dataType: number;
  stringData: Uint8Array[];
  name: string;
  rawData: Uint8Array;
  docString: string;
  externalData: StringStringEntryProto[];
  dataLocation: number;
}
export interface AttributeProto extends Message<"onnx.AttributeProto"> {
  name: string;
  f: number;
  i: bigint;
  s: Uint8Array;
  t?: TensorProto;
  g?: GraphProto;
  floats: number[];
  ints: bigint[];
  strings: Uint8Array[];
  docString: string;
  type: number;
  refAttrName: string;
}
export interface NodeProto extends Message<"onnx.NodeProto"> {
  input: string[];
  output: string[];
  name: string;
  opType: string;
  attribute: AttributeProto[];
  docString: string;
  domain: string;
  overload: string;
}
export interface SparseTensorProto extends Message<"onnx.SparseTensorProto"> {
  /** Named as the initializer; one axis. */
  values?: TensorProto;
  /** int64: places in the dense tensor, [count], or one index per axis, [count, axes]. */
  indices?: TensorProto;
  dims: bigint[];
}
export interface GraphProto extends Message<"onnx.GraphProto"> {
  node: NodeProto[];
  name: string;
  initializer: TensorProto[];
  sparseInitializer: SparseTensorProto[];
  docString: string;
  input: ValueInfoProto[];
  output: ValueInfoProto[];
  valueInfo: ValueInfoProto[];
}
/** A function of the file's own: a body that calls stand for. */
export interface FunctionProto extends Message<"onnx.FunctionProto"> {
  name: string;
  input: string[];
  output: string[];
  /** Names of attributes without a default. */
  attribute: string[];
  node: NodeProto[];
  opsetImport: OperatorSetIdProto[];
  domain: string;
  /** Attributes with their defaults. */
  attributeProto: AttributeProto[];
  overload: string;
}
export interface ModelProto extends Message<"onnx.ModelProto"> {
  irVersion: bigint;
  producerName: string;
  producerVersion: string;
  domain: string;
  modelVersion: bigint;
  docString: string;
  graph?: GraphProto;
  opsetImport: OperatorSetIdProto[];
  metadataProps: StringStringEntryProto[];
  functions: FunctionProto[];
}

/** `name: [number, type]`; a type is a scalar's or a message's name, with `[]` where it repeats. */
type Fields = Readonly<Record<string, readonly [number, string]>>;

const MESSAGES = {
  StringStringEntryProto: { key: [1, "string"], value: [2, "string"] },
  OperatorSetIdProto: { domain: [1, "string"], version: [2, "int64"] },
  DimensionProto: { dim_value: [1, "int64"], dim_param: [2, "string"], denotation: [3, "string"] },
  TensorShapeProto: { dim: [1, "DimensionProto[]"] },
  TensorTypeProto: { elem_type: [1, "int32"], shape: [2, "TensorShapeProto"] },
  TypeProto: { tensor_type: [1, "TensorTypeProto"], denotation: [6, "string"] },
  ValueInfoProto: { name: [1, "string"], type: [2, "TypeProto"], doc_string: [3, "string"] },
  TensorProto: {
    dims: [1, "int64[]"],
    data_type: [2, "int32"],
    string_data: [6, "bytes[]"],
    name: [8, "string"],
    raw_data: [9, "bytes"],
    doc_string: [12, "string"],
    external_data: [13, "StringStringEntryProto[]"],
    data_location: [14, "int32"],
  },
  SparseTensorProto: {
    values: [1, "TensorProto"],
    indices: [2, "TensorProto"],
    dims: [3, "int64[]"],
  },
  AttributeProto: {
    name: [1, "string"],
    f: [2, "float"],
    i: [3, "int64"],
    s: [4, "bytes"],
    t: [5, "TensorProto"],
    g: [6, "GraphProto"],
    floats: [7, "float[]"],
    ints: [8, "int64[]"],
    strings: [9, "bytes[]"],
    doc_string: [13, "string"],
    type: [20, "int32"],
    ref_attr_name: [21, "string"],
  },
  NodeProto: {
    input: [1, "string[]"],
    output: [2, "string[]"],
    name: [3, "string"],
    op_type: [4, "string"],
    attribute: [5, "AttributeProto[]"],
    doc_string: [6, "string"],
    domain: [7, "string"],
    overload: [8, "string"],
  },
  FunctionProto: {
    name: [1, "string"],
    input: [4, "string[]"],
    output: [5, "string[]"],
    attribute: [6, "string[]"],
    node: [7, "NodeProto[]"],
    opset_import: [9, "OperatorSetIdProto[]"],
    domain: [10, "string"],
    attribute_proto: [11, "AttributeProto[]"],
    overload: [13, "string"],
  },
  GraphProto: {
    node: [1, "NodeProto[]"],
    name: [2, "string"],
    initializer: [5, "TensorProto[]"],
    doc_string: [10, "string"],
    input: [11, "ValueInfoProto[]"],
    output: [12, "ValueInfoProto[]"],
    value_info: [13, "ValueInfoProto[]"],
    sparse_initializer: [15, "SparseTensorProto[]"],
  },
  ModelProto: {
    ir_version: [1, "int64"],
    producer_name: [2, "string"],
    producer_version: [3, "string"],
    domain: [4, "string"],
    model_version: [5, "int64"],
    doc_string: [6, "string"],
    graph: [7, "GraphProto"],
    opset_import: [8, "OperatorSetIdProto[]"],
    metadata_props: [14, "StringStringEntryProto[]"],
    functions: [25, "FunctionProto[]"],
  },
} as const satisfies Readonly<Record<string, Fields>>;

/** Field numbers of what is kept encoded, or written by hand so that weights are never copied. */
export const FIELD = {
  graph: 7,
  initializer: 5,
  sparseInitializer: 15,
  floatData: 4,
  int32Data: 5,
  int64Data: 7,
  rawData: 9,
  doubleData: 10,
  uint64Data: 11,
} as const;

const SCALARS: ReadonlyMap<string, FieldType> = new Map([
  ["string", FieldType.STRING],
  ["bytes", FieldType.BYTES],
  ["int32", FieldType.INT32],
  ["int64", FieldType.INT64],
  ["float", FieldType.FLOAT],
]);

function describe(name: string, fields: Fields): DescriptorProto {
  const field = Object.entries(fields).map(([key, value]) => describeField(key, value));
  return create(DescriptorProtoSchema, { name, field });
}

function describeField(
  name: string,
  [number, text]: readonly [number, string],
): FieldDescriptorProto {
  const repeated = text.endsWith("[]");
  const typeName = repeated ? text.slice(0, -2) : text;
  const scalar = SCALARS.get(typeName);
  return create(FieldDescriptorProtoSchema, {
    name,
    number,
    label: repeated ? Label.REPEATED : Label.OPTIONAL,
    type: scalar ?? FieldType.MESSAGE,
    ...(scalar === undefined ? { typeName: `.onnx.${typeName}` } : {}),
  });
}

const registry = createFileRegistry(
  create(FileDescriptorProtoSchema, {
    name: "onnx.proto",
    package: "onnx",
    syntax: "proto2",
    messageType: Object.entries(MESSAGES).map(([name, fields]) => describe(name, fields)),
  }),
  () => undefined,
);

// The registry types every message alike; the interfaces above say what the descriptor of that name holds.
function schemaOf<Shape extends Message>(name: keyof typeof MESSAGES): GenMessage<Shape> {
  return registry.getMessage(`onnx.${name}`) as unknown as GenMessage<Shape>;
}

export const EntrySchema: GenMessage<StringStringEntryProto> = schemaOf("StringStringEntryProto");
export const OperatorSetSchema: GenMessage<OperatorSetIdProto> = schemaOf("OperatorSetIdProto");
export const DimensionSchema: GenMessage<DimensionProto> = schemaOf("DimensionProto");
export const ShapeSchema: GenMessage<TensorShapeProto> = schemaOf("TensorShapeProto");
export const TensorTypeSchema: GenMessage<TensorTypeProto> = schemaOf("TensorTypeProto");
export const TypeSchema: GenMessage<TypeProto> = schemaOf("TypeProto");
export const ValueInfoSchema: GenMessage<ValueInfoProto> = schemaOf("ValueInfoProto");
export const TensorSchema: GenMessage<TensorProto> = schemaOf("TensorProto");
export const SparseTensorSchema: GenMessage<SparseTensorProto> = schemaOf("SparseTensorProto");
export const AttributeSchema: GenMessage<AttributeProto> = schemaOf("AttributeProto");
export const NodeSchema: GenMessage<NodeProto> = schemaOf("NodeProto");
export const GraphSchema: GenMessage<GraphProto> = schemaOf("GraphProto");
export const FunctionSchema: GenMessage<FunctionProto> = schemaOf("FunctionProto");
export const ModelSchema: GenMessage<ModelProto> = schemaOf("ModelProto");
