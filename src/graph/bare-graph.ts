/**
 * A graph as JSON without its weights: everything but the numbers of large floating-point constants, which say nothing of
 * what can be pruned. What a structure is found from is kept.
 */
import type { Attribute, DataType, Graph, Node, Tensor, Value } from "./graph.ts";
import { elementCount } from "./tensor.ts";

interface BareTensor {
  readonly type: DataType;
  readonly shape: readonly number[];
  readonly byteLength: number;
  /** Base 64; null where the numbers were left out. */
  readonly bytes: string | null;
}

type BareAttribute =
  | Exclude<Attribute, { readonly kind: "tensor" | "graph" | "float" | "floats" }>
  | { readonly kind: "float"; readonly value: number | string }
  | { readonly kind: "floats"; readonly value: readonly (number | string)[] }
  | { readonly kind: "tensor"; readonly value: BareTensor }
  | { readonly kind: "graph"; readonly value: BareGraph };

interface BareNode {
  readonly name: string;
  readonly opType: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: readonly (readonly [string, BareAttribute])[];
}

export interface BareGraph {
  readonly name: string;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly values: readonly Value[];
  readonly initializers: readonly (readonly [string, BareTensor])[];
  readonly nodes: readonly BareNode[];
  readonly opsets: readonly (readonly [string, number])[];
}

/** Floating-point constants of more elements are left out unless they are needed. */
const SMALL = 64;

/**
 * @param isNeeded whether the numbers of a large floating-point initializer, by its name, have to be there
 */
export function bareGraph(graph: Graph, isNeeded: (name: string) => boolean): BareGraph {
  return {
    name: graph.name,
    inputs: graph.inputs.map(bareValue),
    outputs: graph.outputs.map(bareValue),
    values: graph.values.map(bareValue),
    initializers: [...graph.initializers].map(
      ([name, tensor]) => [name, bareTensor(tensor, isNeeded(name))] as const,
    ),
    nodes: graph.nodes.map(({ name, opType, domain, inputs, outputs, attributes }) => ({
      ...{ name, opType, domain, inputs, outputs },
      attributes: [...attributes].map(
        ([key, attribute]) => [key, bareAttribute(attribute, isNeeded)] as const,
      ),
    })),
    opsets: [...graph.opsets],
  };
}

/** The graph again. Constants that were left out are zeros. */
export function graphOfBare(bare: BareGraph): Graph {
  return {
    ...bare,
    initializers: new Map(bare.initializers.map(([name, tensor]) => [name, tensorOf(tensor)])),
    nodes: bare.nodes.map(
      (node): Node => ({
        ...node,
        attributes: new Map(node.attributes.map(([key, value]) => [key, attributeOf(value)])),
      }),
    ),
    opsets: new Map(bare.opsets),
  };
}

function bareValue({ name, type, shape }: Value): Value {
  return { name, type, shape };
}

function bareTensor(tensor: Tensor, isNeeded: boolean): BareTensor {
  const { type, shape, byteLength } = tensor;
  const isFloat = /float/.test(type);
  const isKept = !isFloat || isNeeded || elementCount(shape) <= SMALL;
  return { type, shape, byteLength, bytes: isKept ? base64Of(tensor.bytes()) : null };
}

function tensorOf({ type, shape, byteLength, bytes }: BareTensor): Tensor {
  let made: Uint8Array | null = null;
  return {
    ...{ type, shape, byteLength },
    bytes: () => {
      made ??= bytes === null ? new Uint8Array(byteLength) : bytesOfBase64(bytes);
      return made;
    },
  };
}

function bareAttribute(attribute: Attribute, isNeeded: (name: string) => boolean): BareAttribute {
  switch (attribute.kind) {
    case "tensor":
      return { kind: "tensor", value: bareTensor(attribute.value, false) };
    case "graph":
      return { kind: "graph", value: bareGraph(attribute.value, isNeeded) };
    case "float":
      return { kind: "float", value: written(attribute.value) };
    case "floats":
      return { kind: "floats", value: attribute.value.map(written) };
    case "opaque":
      return { kind: "opaque" };
    default:
      return { kind: attribute.kind, value: attribute.value } as BareAttribute;
  }
}

function attributeOf(bare: BareAttribute): Attribute {
  switch (bare.kind) {
    case "tensor":
      return { kind: "tensor", value: tensorOf(bare.value) };
    case "graph":
      return { kind: "graph", value: graphOfBare(bare.value) };
    case "float":
      return { kind: "float", value: Number(bare.value) };
    case "floats":
      return { kind: "floats", value: bare.value.map(Number) };
    default:
      return bare;
  }
}

/** JSON has no infinities. */
function written(value: number): number | string {
  return Number.isFinite(value) ? value : String(value);
}

const CHUNK = 0x8000;

function base64Of(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += CHUNK) {
    text += String.fromCharCode(...bytes.subarray(at, at + CHUNK));
  }
  return btoa(text);
}

function bytesOfBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
}
