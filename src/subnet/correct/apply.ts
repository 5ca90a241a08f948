import { constantOf } from "../../graph/constants.ts";
import type { Graph, Node, Tensor } from "../../graph/graph.ts";
import { nodeId } from "../../graph/graph.ts";
import { elementCount, floatsOf, floatTensor } from "../../graph/tensor.ts";
import { consumersOf, producerOf } from "../../graph/traversal.ts";
import { onlyReader } from "./aim.ts";
import type { Update } from "./least-squares.ts";
import type { LinearLayer } from "./linear.ts";

/**
 * Where a layer's output can be shifted: its own bias, the mean of the BatchNormalization behind it, a constant added to it; null for
 * a matrix product with nothing behind it.
 */
export type BiasPlace =
  | { readonly kind: "own"; readonly node: Node; readonly input: number }
  | { readonly kind: "norm"; readonly node: Node }
  | { readonly kind: "added"; readonly node: Node; readonly input: number };

export function biasPlace(graph: Graph, layer: LinearLayer): BiasPlace | null {
  // As the node is now: it may have got a bias since the layer was planned.
  const node = producerOf(graph).get(layer.output) ?? layer.node;
  const own = node.inputs[2] ?? "";
  if (own !== "") return isFloat(graph, own) ? { kind: "own", node, input: 2 } : null;
  const reader = onlyReader(graph, layer.output);
  if (reader?.opType === "BatchNormalization" && isFloat(graph, reader.inputs[3] ?? ""))
    return { kind: "norm", node: reader };
  return layer.kind === "matMul"
    ? addedPlace(graph, layer, reader)
    : { kind: "own", node, input: 2 };
}

function addedPlace(graph: Graph, layer: LinearLayer, reader: Node | null): BiasPlace | null {
  if (reader?.opType !== "Add") return null;
  const input = reader.inputs.findIndex((name) => name !== layer.output);
  const added = constantOf(graph, reader.inputs[input] ?? "");
  const fits =
    added?.type === "float32" &&
    elementCount(added.shape) === layer.outputs &&
    added.shape.at(-1) === layer.outputs;
  return fits ? { kind: "added", node: reader, input } : null;
}

function isFloat(graph: Graph, name: string): boolean {
  return constantOf(graph, name)?.type === "float32";
}

/** The graph with a layer's weights and bias changed. */
export function applyUpdate(graph: Graph, layer: LinearLayer, update: Update): Graph {
  const weight = graph.initializers.get(layer.weight);
  if (weight === undefined) return graph;
  const initializers = new Map(graph.initializers);
  initializers.set(layer.weight, changedWeight(weight, layer, update.weights));
  const place = biasPlace(graph, layer);
  const changed = { ...graph, initializers };
  return place === null ? changed : shifted(changed, place, update.bias);
}

function changedWeight(weight: Tensor, layer: LinearLayer, change: Float64Array): Tensor {
  const values = Float32Array.from(floatsOf(weight));
  const { unknowns } = layer;
  const outputs = layer.outputs * layer.groups;
  for (let row = 0; row < outputs; row += 1) {
    for (let at = 0; at < unknowns; at += 1) {
      const place = layer.rows ? row * unknowns + at : at * outputs + row;
      values[place] = (values[place] ?? 0) + (change[row * unknowns + at] ?? 0);
    }
  }
  return floatTensor(weight.shape, values);
}

function shifted(graph: Graph, place: BiasPlace, shift: Float64Array): Graph {
  const { node } = place;
  const input = place.kind === "norm" ? 3 : place.input;
  // BatchNormalization subtracts its mean.
  const sign = place.kind === "norm" ? -1 : 1;
  const name = node.inputs[input] ?? "";
  const old = name === "" ? null : constantOf(graph, name);
  const values = old === null ? new Float32Array(1) : floatsOf(old);
  const sum = Float32Array.from(
    shift,
    (value, row) => (values[values.length === 1 ? 0 : row] ?? 0) + sign * value,
  );
  const shape =
    old !== null && elementCount(old.shape) === shift.length ? old.shape : [shift.length];
  return withConstant(graph, node, input, floatTensor(shape, sum), "corrected_bias");
}

/** The graph with another constant at a node's input: under the old name where only this node reads it. */
export function withConstant(
  graph: Graph,
  node: Node,
  input: number,
  tensor: Tensor,
  role: string,
): Graph {
  const name = node.inputs[input] ?? "";
  const uses = (consumersOf(graph).get(name) ?? []).length;
  const initializers = new Map(graph.initializers);
  const repeats = node.inputs.filter((other) => other === name).length;
  if (initializers.has(name) && uses === 1 && repeats === 1) {
    initializers.set(name, tensor);
    return { ...graph, initializers };
  }
  let fresh = `${nodeId(node)}_${role}`;
  while (initializers.has(fresh) || graph.values.some((value) => value.name === fresh))
    fresh = `${fresh}_`;
  initializers.set(fresh, tensor);
  const inputs = Array.from({ length: Math.max(node.inputs.length, input + 1) }, (_, index) =>
    index === input ? fresh : (node.inputs[index] ?? ""),
  );
  const nodes = graph.nodes.map((other) =>
    nodeId(other) === nodeId(node) ? { ...other, inputs } : other,
  );
  return { ...graph, initializers, nodes };
}
