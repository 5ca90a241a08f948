import { InternalError } from "../core/errors.ts";

/** Element types of ONNX tensors, by the names the specification uses. */
export type DataType =
  | "float32"
  | "uint8"
  | "int8"
  | "uint16"
  | "int16"
  | "int32"
  | "int64"
  | "string"
  | "bool"
  | "float16"
  | "float64"
  | "uint32"
  | "uint64"
  | "complex64"
  | "complex128"
  | "bfloat16"
  | "other";

/**
 * A constant of the network. `bytes` gives the elements, row-major and little-endian; for external data it reads
 * them from the file at every call, so that a network larger than memory can be held.
 */
export interface Tensor {
  readonly type: DataType;
  readonly shape: readonly number[];
  readonly byteLength: number;
  readonly bytes: () => Uint8Array;
  /** Written as values and their places (ONNX sparse_initializer); in memory it is dense all the same. */
  readonly sparse?: boolean | undefined;
  /** What the tensor was read from (src/onnx): keeps fields that this project doesn't know. */
  readonly source?: unknown;
}

/** One extent of a shape as read: a number, a name ("batch"), or unknown. */
export type Extent = number | string | null;

/** A named input, output or inner value with what the file says of its type. */
export interface Value {
  readonly name: string;
  readonly type: DataType | null;
  /** null: rank unknown. */
  readonly shape: readonly Extent[] | null;
  readonly source?: unknown;
}

export type Attribute =
  | { readonly kind: "int"; readonly value: number }
  | { readonly kind: "float"; readonly value: number }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "tensor"; readonly value: Tensor }
  | { readonly kind: "ints"; readonly value: readonly number[] }
  | { readonly kind: "floats"; readonly value: readonly number[] }
  | { readonly kind: "strings"; readonly value: readonly string[] }
  | { readonly kind: "graph"; readonly value: Graph }
  /** Kept as it was read, not understood. */
  | { readonly kind: "opaque" };

/** An attribute with what it was read from. */
export type SourcedAttribute = Attribute & { readonly source?: unknown };

/** One operation. Its identity is the name of its first output (see `nodeId`): names may be empty or repeat. */
export interface Node {
  readonly name: string;
  readonly opType: string;
  /** "" is the standard ONNX domain. */
  readonly domain: string;
  /** Value names; "" stands for an omitted optional input. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, SourcedAttribute>;
  readonly source?: unknown;
}

/** A network in memory. Nodes are in topological order; every value is written once. */
export interface Graph {
  readonly name: string;
  /** Inputs that must be fed; initializers are not among them. */
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  /** What the file says of inner values; may be incomplete. */
  readonly values: readonly Value[];
  readonly initializers: ReadonlyMap<string, Tensor>;
  readonly nodes: readonly Node[];
  /** Operator-set version by domain ("" is the standard one). */
  readonly opsets: ReadonlyMap<string, number>;
  readonly source?: unknown;
}

/** Identity of a node inside its graph: the name of its first output that is not omitted. */
export type NodeId = string & { readonly brand?: "NodeId" };

export function nodeId(node: Node): NodeId {
  return node.outputs.find((name) => name !== "") ?? node.name;
}

/**
 * The name of an input that a node must have.
 * @throws InternalError `graph/no-input` where it is omitted
 */
export function input(node: Node, index: number): string {
  const name = node.inputs[index];
  if (name !== undefined && name !== "") return name;
  throw new InternalError({
    code: "graph/no-input",
    message: `${node.opType} '${nodeLabel(node)}' has no input ${index}.`,
    where: `node '${nodeLabel(node)}'`,
  });
}

/** What to call a node in front of people: its name, or its first output where it has none. */
export function nodeLabel(node: Node): string {
  return node.name === "" ? nodeId(node) : node.name;
}

/** An integer attribute, or the default where it is absent. */
export function intAttribute(node: Node, name: string, otherwise: number): number {
  const attribute = node.attributes.get(name);
  return attribute?.kind === "int" ? attribute.value : otherwise;
}

/** A list of integers, or the default where it is absent. */
export function intsAttribute(
  node: Node,
  name: string,
  otherwise: readonly number[],
): readonly number[] {
  const attribute = node.attributes.get(name);
  return attribute?.kind === "ints" ? attribute.value : otherwise;
}

/** A string attribute, or the default where it is absent. */
export function stringAttribute(node: Node, name: string, otherwise: string): string {
  const attribute = node.attributes.get(name);
  return attribute?.kind === "string" ? attribute.value : otherwise;
}

/** A float attribute, or the default where it is absent. */
export function floatAttribute(node: Node, name: string, otherwise: number): number {
  const attribute = node.attributes.get(name);
  return attribute?.kind === "float" ? attribute.value : otherwise;
}
