/**
 * Constants that a network computes from constants: weights behind DequantizeLinear, Cast, Reshape, a weight standardisation and
 * the like. They are folded for reading only; the graph stays as it is.
 */
import { constantOf } from "../constants.ts";
import { type Graph, type Node, nodeId, type Tensor } from "../graph.ts";
import { opOf } from "../read-op.ts";
import { inferShapes } from "../shapes/infer.ts";
import { bytesPerElement, elementCount } from "../tensor.ts";
import { producerOf } from "../traversal.ts";
import { isNumeric, type Numbers, numbersOf, rounded, tensorOf } from "./numbers.ts";
import { foldRuleOf } from "./rules.ts";

const constantNodes = new WeakMap<Graph, ReadonlySet<string>>();

/** Values that follow from constants alone by ops that can be folded; stored constants are not among them. By name. */
export function foldableValues(graph: Graph): ReadonlySet<string> {
  const known = constantNodes.get(graph);
  if (known !== undefined) return known;
  const found = new Set<string>();
  const isConstant = (name: string): boolean =>
    name === "" || found.has(name) || constantOf(graph, name) !== null;
  for (const node of graph.nodes) {
    const [output = ""] = node.outputs;
    if (node.opType === "Constant" || output === "" || foldRuleOf(node) === null) continue;
    if (node.inputs.some((name) => name !== "") && node.inputs.every(isConstant)) found.add(output);
  }
  constantNodes.set(graph, found);
  return found;
}

const tensors = new WeakMap<Graph, Map<string, Tensor | null>>();

/**
 * The value of a name that is constant, stored or computed from what is stored; null where it is neither. What is computed is
 * computed each time its `bytes` are asked for, so that no copy of the weights is held.
 */
export function foldedOf(graph: Graph, name: string): Tensor | null {
  const stored = constantOf(graph, name);
  if (stored !== null || name === "") return stored;
  const known = tensors.get(graph) ?? new Map<string, Tensor | null>();
  tensors.set(graph, known);
  const before = known.get(name);
  if (before !== undefined) return before;
  const tensor = foldableValues(graph).has(name) ? lazyTensor(graph, name) : null;
  known.set(name, tensor);
  return tensor;
}

function lazyTensor(graph: Graph, name: string): Tensor | null {
  const shapes = inferShapes(graph);
  const shape = shapes.resolved(name);
  const type = shapes.of(name)?.type ?? "other";
  if (shape === null || !isNumeric(type)) return null;
  // A rule may still refuse (scales in blocks, a table that isn't constant): the cheapest way to know is to run it.
  if (evaluate(graph, name) === null) return null;
  return {
    type,
    shape,
    byteLength: elementCount(shape) * bytesPerElement(type),
    bytes: () => {
      const numbers = evaluate(graph, name);
      return numbers === null ? new Uint8Array() : tensorOf(numbers).bytes();
    },
  };
}

function evaluate(graph: Graph, name: string): Numbers | null {
  const done = new Map<string, Numbers | null>();
  const numbersAt = (value: string): Numbers | null => {
    const before = done.get(value);
    if (before !== undefined) return before;
    const stored = constantOf(graph, value);
    const node = producerOf(graph).get(value);
    const numbers = stored === null ? evaluateNode(graph, node, numbersAt) : numbersOf(stored);
    done.set(value, numbers);
    return numbers;
  };
  return numbersAt(name);
}

function evaluateNode(
  graph: Graph,
  node: Node | undefined,
  numbersAt: (name: string) => Numbers | null,
): Numbers | null {
  const rule = node === undefined ? null : foldRuleOf(node);
  if (node === undefined || rule === null) return null;
  const shapes = inferShapes(graph);
  const shape = shapes.resolved(nodeId(node));
  const type = shapes.of(nodeId(node))?.type ?? "other";
  if (shape === null || !isNumeric(type)) return null;
  const inputs = node.inputs.map((name) => (name === "" ? null : numbersAt(name)));
  if (node.inputs.some((name, index) => name !== "" && inputs[index] === null)) return null;
  const values = rule({ node, op: opOf(node, graph, shapes.constant), inputs, shape, type });
  if (values === null || values.length !== elementCount(shape)) return null;
  return { type, shape, values: rounded(values, type) };
}
