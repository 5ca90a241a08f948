import { InputError } from "../core/errors.ts";
import { constantNodeValue } from "../graph/constants.ts";
import type { Graph, Node, Tensor, Value } from "../graph/graph.ts";
import { hasTrait, traitsOf } from "../graph/op-traits.ts";
import { opOf } from "../graph/read-op.ts";
import { inferShapes } from "../graph/shapes/infer.ts";
import { ancestors } from "../graph/traversal.ts";
import { kindOfRule } from "./rules.ts";

/** Inputs that are state or settings rather than weights. */
function isSetting(node: Node, index: number): boolean {
  const traits = traitsOf(node);
  const settings = traits?.settingsFrom ?? Number.POSITIVE_INFINITY;
  return index >= settings || traits?.untrained?.includes(index) === true;
}

/** Whether the node's second and third input are weights even where the file stores them in Constant nodes. */
function hasWeights(node: Node): boolean {
  return hasTrait(node, "layer") || hasTrait(node, "normalises");
}

/**
 * Names of the weights that a value depends on: stored float tensors with at least one axis (single numbers are constants
 * of a formula) that a gradient reaches. Running statistics, bounds and scales of resizing are not among them. In the order
 * in which the network reads them.
 *
 * @example
 * differentiate(graph, { loss, withRespectTo: trainableParameters(graph, loss) });
 */
export function trainableParameters(graph: Graph, value: string): readonly string[] {
  const shapes = inferShapes(graph);
  const reached = new Set([value]);
  const found = new Set<string>();
  const take = (node: Node, name: string, index: number): void => {
    if (isSetting(node, index)) return;
    reached.add(name);
    if (isWeight(graph, node, name, index)) found.add(name);
  };
  for (const node of [...ancestors(graph, [value])].reverse()) {
    if (!node.outputs.some((name) => reached.has(name))) continue;
    if (kindOfRule(opOf(node, graph, shapes.constant)) === "constant") continue;
    node.inputs.forEach((name, index) => {
      take(node, name, index);
    });
  }
  const order = graph.nodes.flatMap((node) => node.inputs);
  return [...new Set(order.filter((name) => found.has(name)))];
}

function isWeight(graph: Graph, node: Node, name: string, index: number): boolean {
  const stored = graph.initializers.get(name);
  const constant = stored ?? (index > 0 && hasWeights(node) ? constantNode(graph, name) : null);
  if (constant === null || constant.shape.length === 0) return false;
  return constant.type === "float32" || constant.type === "float64";
}

function constantNode(graph: Graph, name: string): Tensor | null {
  const node = graph.nodes.find((other) => other.outputs[0] === name);
  return node?.opType === "Constant" ? constantNodeValue(node) : null;
}

/**
 * Stored tensors turned into inputs of the same names and shapes, so that each run is fed its own values.
 * @throws InputError `gradients/unknown-value` for a name that is neither an initializer nor a Constant node's output
 */
export function parametersAsInputs(graph: Graph, names: readonly string[]): Graph {
  const asked = new Set(names);
  const initializers = new Map([...graph.initializers].filter(([name]) => !asked.has(name)));
  const inputs = names.map((name): Value => {
    const tensor = graph.initializers.get(name) ?? constantNode(graph, name);
    if (tensor === null) throw notStored(graph, name);
    return { name, type: tensor.type, shape: tensor.shape };
  });
  const nodes = graph.nodes.filter(
    (node) => node.opType !== "Constant" || !asked.has(node.outputs[0] ?? ""),
  );
  return { ...graph, inputs: [...graph.inputs, ...inputs], initializers, nodes };
}

function notStored(graph: Graph, name: string): InputError {
  return new InputError({
    code: "gradients/unknown-value",
    message: `The network stores no tensor '${name}'.`,
    where: `graph '${graph.name}'`,
    hint: "Only stored weights can become inputs; trainableParameters(graph, loss) lists them.",
  });
}
