import type { DataType, Graph, Node, Tensor } from "./graph.ts";
import { elementCount, floatTensor, integersOf, intTensor } from "./tensor.ts";
import { consumersOf, producerOf } from "./traversal.ts";

// A Constant node's list becomes a tensor once, so that callers may compare tensors by identity.
const tensorByNode = new WeakMap<Node, Tensor>();

/**
 * The value of a name that is constant: an initializer, or the output of a Constant node in any of its forms (tensor, int,
 * ints, float, floats) or of an Identity of one; null where it is not constant.
 */
export function constantOf(graph: Graph, name: string): Tensor | null {
  const initializer = graph.initializers.get(name);
  if (initializer !== undefined) return initializer;
  const node = producerOf(graph).get(name);
  if (node === undefined || node.domain !== "") return null;
  if (node.opType === "Identity") return constantOf(graph, node.inputs[0] ?? "");
  return node.opType === "Constant" ? constantNodeValue(node) : null;
}

/** The tensor of a Constant node; null where it holds strings or a sparse tensor. */
export function constantNodeValue(node: Node): Tensor | null {
  const known = tensorByNode.get(node);
  if (known !== undefined) return known;
  const tensor = readConstant(node);
  if (tensor !== null) tensorByNode.set(node, tensor);
  return tensor;
}

function readConstant(node: Node): Tensor | null {
  const attributes = [...node.attributes.values()];
  for (const attribute of attributes) {
    switch (attribute.kind) {
      case "tensor":
        return attribute.value;
      case "int":
        return intTensor([], [attribute.value]);
      case "ints":
        return intTensor([attribute.value.length], attribute.value);
      case "float":
        return floatTensor([], [attribute.value]);
      case "floats":
        return floatTensor([attribute.value.length], attribute.value);
      case "string":
      case "strings":
      case "graph":
      case "opaque":
        break;
      default:
        attribute satisfies never;
    }
  }
  return null;
}

/** The integers of a constant (int64, int32, bool, uint8), row-major; null where the name is not a constant of these. */
export function constantIntegers(graph: Graph, name: string): readonly number[] | null {
  const tensor = name === "" ? null : constantOf(graph, name);
  if (tensor === null || !["int64", "int32", "bool", "uint8"].includes(tensor.type)) return null;
  return integersOf(tensor);
}

const FLOATS: ReadonlySet<DataType> = new Set(["float32", "float16", "bfloat16", "float64"]);

/**
 * A constant of at least one axis that holds trained numbers, and who reads it: a floating-point one, or the whole numbers that stand
 * for such behind a DequantizeLinear. The scales and zero points of these are none.
 */
export interface ReadWeight {
  readonly name: string;
  readonly tensor: Tensor;
  readonly readers: readonly Node[];
}

function isScale(reader: Node, name: string): boolean {
  return /^(Dequantize|Quantize)Linear$/.test(reader.opType) && reader.inputs[0] !== name;
}

/** Such constants among the initializers and Constant nodes, in this order. */
export function readWeights(graph: Graph): readonly ReadWeight[] {
  const constants: [string, Tensor][] = [...graph.initializers];
  for (const node of graph.nodes) {
    const tensor = node.opType === "Constant" ? constantNodeValue(node) : null;
    if (tensor !== null) constants.push([node.outputs[0] ?? "", tensor]);
  }
  const consumers = consumersOf(graph);
  return constants.flatMap(([name, tensor]) => {
    const readers = consumers.get(name) ?? [];
    if (tensor.shape.length === 0 || readers.length === 0) return [];
    const holds = FLOATS.has(tensor.type)
      ? !readers.every((reader) => isScale(reader, name))
      : readers.some((reader) => reader.opType === "DequantizeLinear" && reader.inputs[0] === name);
    return holds ? [{ name, tensor, readers }] : [];
  });
}

/**
 * The graph with constants of Constant nodes that could be weights as initializers, so that all weights are in one place.
 */
export function weightsAsInitializers(graph: Graph): Graph {
  const initializers = new Map(graph.initializers);
  const nodes = graph.nodes.filter((node) => {
    const tensor =
      node.opType === "Constant" && node.domain === "" ? constantNodeValue(node) : null;
    if (tensor?.type !== "float32" || elementCount(tensor.shape) < 2) return true;
    initializers.set(node.outputs[0] ?? "", tensor);
    return false;
  });
  return nodes.length === graph.nodes.length ? graph : { ...graph, nodes, initializers };
}
