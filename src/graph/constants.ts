import type { Graph, Node, Tensor } from "./graph.ts";
import { floatTensor, integersOf, intTensor } from "./tensor.ts";
import { producerOf } from "./traversal.ts";

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
