import type { Attribute, Graph, Node, Tensor, Value } from "../../graph/graph.ts";
import { intTensor } from "../../graph/tensor.ts";

/** A graph to which nodes are added that reduce what it computes to a few numbers per unit. */
export interface Extension {
  /** Adds a node of one output; returns the output's name. */
  readonly node: (
    opType: string,
    inputs: readonly string[],
    attributes?: Readonly<Record<string, Attribute>>,
  ) => string;
  readonly tensor: (tensor: Tensor) => string;
  /** Sum over all axes of a value but the given ones, which stay in their order. */
  readonly sumBut: (value: string, rank: number, kept: readonly number[]) => string;
  /** Makes a value an output, unless it is one. */
  readonly output: (value: string) => string;
  /** The graph with the chosen outputs only. */
  readonly graph: () => Graph;
}

/** @param prefix of all names that are added; no name of the graph may begin with it. */
export function extend(graph: Graph, prefix = "mdp_score"): Extension {
  const opset = graph.opsets.get("") ?? 0;
  const nodes: Node[] = [];
  const tensors = new Map<string, Tensor>();
  const outputs = new Map<string, Value>();
  const node: Extension["node"] = (opType, inputs, attributes = {}) => {
    const name = `${prefix}_${nodes.length}`;
    const entries = new Map(Object.entries(attributes));
    nodes.push({ name, opType, domain: "", inputs, outputs: [name], attributes: entries });
    return name;
  };
  const tensor: Extension["tensor"] = (value) => {
    const name = `${prefix}_constant_${tensors.size}`;
    tensors.set(name, value);
    return name;
  };
  const sumBut: Extension["sumBut"] = (value, rank, kept) => {
    const axes = Array.from({ length: rank }, (_, axis) => axis).filter(
      (axis) => !kept.includes(axis),
    );
    if (axes.length === 0) return value;
    const keepdims: Attribute = { kind: "int", value: 0 };
    // Since opset 13 the axes are an input.
    return opset >= 13
      ? node("ReduceSum", [value, tensor(intTensor([axes.length], axes))], { keepdims })
      : node("ReduceSum", [value], { keepdims, axes: { kind: "ints", value: axes } });
  };
  return {
    node,
    tensor,
    sumBut,
    output: (name) => {
      outputs.set(name, { name, type: "float32", shape: null });
      return name;
    },
    graph: () => ({
      ...graph,
      nodes: [...graph.nodes, ...nodes],
      initializers: new Map([...graph.initializers, ...tensors]),
      outputs: [...outputs.values()],
    }),
  };
}
