import { InputError, InternalError } from "../core/errors.ts";
import type { Graph, Node } from "../graph/graph.ts";
import { nodeId, nodeLabel } from "../graph/graph.ts";
import type { Op } from "../graph/op.ts";
import { opOf } from "../graph/read-op.ts";
import { inferShapes, type Shapes } from "../graph/shapes/infer.ts";
import { producerOf } from "../graph/traversal.ts";
import { type Emitter, emitterOn, type StaticValue } from "./emitter.ts";
import { add, filled } from "./ops.ts";
import { noRule, type Site } from "./rule.ts";
import { applyRule, kindOfRule } from "./rules.ts";

export interface GradientRequest {
  /** The value whose gradient is wanted. Where it has several elements, their sum is meant. */
  readonly loss: string;
  /** Initializers, inputs or inner values. */
  readonly withRespectTo: readonly string[];
}

export interface Differentiated {
  /** The graph with the gradients computed in it. The loss and the gradients are among its outputs. */
  readonly graph: Graph;
  /** Name of the gradient of each value that was asked for; it has that value's shape and type. */
  readonly gradients: ReadonlyMap<string, string>;
}

/**
 * Appends the gradient of a loss to a graph, in ordinary ONNX operations: reverse-mode differentiation, one rule per op.
 * Requires a graph from `staticGraph`; ensures that everything which was there is there under the same name.
 * @throws InputError `gradients/no-rule` names the first op without a rule that the loss depends on; `gradients/not-connected`
 *   where the loss doesn't depend on a value that was asked for; `gradients/unknown-value`, `gradients/open-shape`,
 *   `gradients/not-float`
 *
 * @example
 * const graph = staticGraph(model.graph, { batch: 8 });
 * const { graph: lossy, loss } = crossEntropy(graph, { logits: "logits", labels: "labels" });
 * differentiate(lossy, { loss, withRespectTo: ["fc.weight"] }).gradients.get("fc.weight"); // the output's name
 */
export function differentiate(graph: Graph, request: GradientRequest): Differentiated {
  const shapes = inferShapes(graph);
  const active = activeNodes(graph, shapes, request);
  const emit = emitterOn(graph, (name) => staticValue(shapes, name), "grad");
  const gradients = new GradientSums(emit);
  const { type, shape } = floatValue(shapes, request.loss);
  gradients.add(request.loss, filled(emit, 1, shape, type));
  for (const { node, op, wanted } of active.reverse()) {
    emit.enter(nodeLabel(node));
    backward(node, op, { emit, shapes, gradients, wanted });
  }
  const named = new Map(request.withRespectTo.map((name) => [name, gradients.of(name) ?? ""]));
  return finished(emit, request, named);
}

/**
 * Checks that a loss can be differentiated, without running anything.
 * @throws InputError as `differentiate`
 */
export function checkDifferentiable(graph: Graph, request: GradientRequest): void {
  differentiate(graph, request);
}

/** The gradient of each value so far: what the nodes that read it have added. */
class GradientSums {
  private readonly sums = new Map<string, string>();
  private readonly emit: Emitter;

  constructor(emit: Emitter) {
    this.emit = emit;
  }

  of(name: string): string | null {
    return this.sums.get(name) ?? null;
  }

  add(name: string, gradient: string): void {
    const sum = this.sums.get(name);
    this.sums.set(name, sum === undefined ? gradient : add(this.emit, sum, gradient));
  }
}

interface ActiveNode {
  readonly node: Node;
  readonly op: Op;
  /** Whether the gradient of an input is needed. */
  readonly wanted: readonly boolean[];
}

/** The nodes on the ways from what is asked for to the loss, in order. */
function activeNodes(graph: Graph, shapes: Shapes, request: GradientRequest): ActiveNode[] {
  checkNames(graph, shapes, request);
  const reached = new Set([request.loss]);
  const active: ActiveNode[] = [];
  for (const candidate of movingNodes(graph, shapes, request.withRespectTo).reverse()) {
    const { node, op, wanted } = candidate;
    if (!node.outputs.some((name) => reached.has(name))) continue;
    if (kindOfRule(op) === "none") throw noRule(node);
    active.push(candidate);
    for (const name of node.inputs.filter((_, index) => wanted[index] === true)) reached.add(name);
  }
  const missing = request.withRespectTo.find((name) => !reached.has(name));
  if (missing !== undefined) throw notConnected(missing, request.loss);
  return active.reverse();
}

/** The nodes whose output moves when one of the named values does. */
function movingNodes(graph: Graph, shapes: Shapes, names: readonly string[]): ActiveNode[] {
  const moving = new Set(names);
  return graph.nodes.flatMap((node) => {
    const wanted = node.inputs.map((name) => name !== "" && moving.has(name));
    if (!wanted.includes(true)) return [];
    const op = opOf(node, graph, shapes.constant);
    if (kindOfRule(op) === "constant") return [];
    for (const name of node.outputs) if (name !== "") moving.add(name);
    return [{ node, op, wanted }];
  });
}

function checkNames(graph: Graph, shapes: Shapes, request: GradientRequest): void {
  const producers = producerOf(graph);
  const inputs = new Set(graph.inputs.map((value) => value.name));
  for (const name of [request.loss, ...request.withRespectTo]) {
    if (producers.has(name) || inputs.has(name) || graph.initializers.has(name)) {
      floatValue(shapes, name);
      continue;
    }
    throw new InputError({
      code: "gradients/unknown-value",
      message: `The network has no value '${name}'.`,
      where: `graph '${graph.name}'`,
      hint: "Name an initializer, an input, or the output of a node.",
    });
  }
}

function staticValue(shapes: Shapes, name: string): StaticValue | null {
  const shape = shapes.resolved(name);
  const type = shapes.of(name)?.type;
  return shape === null || type === undefined ? null : { type, shape };
}

function floatValue(shapes: Shapes, name: string): StaticValue {
  const value = staticValue(shapes, name);
  if (value === null) {
    throw new InputError({
      code: "gradients/open-shape",
      message: `The shape of '${name}' is not known.`,
      where: name,
      hint: "Gradients are written for one batch size: fix it with staticGraph(graph, { batch }).",
    });
  }
  if (value.type === "float32" || value.type === "float64") return value;
  throw new InputError({
    code: "gradients/not-float",
    message: `'${name}' holds elements of ${value.type}; gradients exist for float32 and float64 only.`,
    where: name,
    hint: "Convert the network to float32.",
  });
}

function notConnected(name: string, loss: string): InputError {
  return new InputError({
    code: "gradients/not-connected",
    message: `The loss '${loss}' doesn't depend on '${name}', so that there is no gradient.`,
    where: name,
    hint: "Leave it out; trainableParameters(graph, loss) lists the weights that have one.",
  });
}

interface Pass {
  readonly emit: Emitter;
  readonly shapes: Shapes;
  readonly gradients: GradientSums;
  readonly wanted: readonly boolean[];
}

function backward(node: Node, op: Op, { emit, shapes, gradients, wanted }: Pass): void {
  const gradientOf = (output: number): string | null => gradients.of(node.outputs[output] ?? "");
  const [first = ""] = node.outputs;
  const gradient = gradientOf(0) ?? "";
  const others = node.outputs.slice(1).some((name) => gradients.of(name) !== null);
  if (op.kind !== "split" && (others || gradient === "")) {
    throw noRule(node, `'${nodeId(node)}' is not the output that the loss depends on`);
  }
  const site: Site = {
    node,
    emit,
    gradient,
    gradientOf,
    input: (index) => node.inputs[index] ?? "",
    output: first,
    constant: (index) => {
      const values = shapes.constant(node.inputs[index] ?? "");
      return values?.every((value) => typeof value === "number") ? values : null;
    },
  };
  const rules = applyRule(op, site);
  node.inputs.forEach((name, index) => {
    if (wanted[index] !== true) return;
    const rule = rules[index] ?? null;
    if (rule === null) return;
    const made = rule();
    if (String(emit.shapeOf(made)) !== String(emit.shapeOf(name))) throw wrongShape(node, name);
    gradients.add(name, made);
  });
}

function wrongShape(node: Node, name: string): InternalError {
  return new InternalError({
    code: "gradients/wrong-shape",
    message: `The gradient of '${name}' through ${node.opType} '${nodeLabel(node)}' has another shape than the value.`,
  });
}

function finished(
  emit: Emitter,
  request: GradientRequest,
  named: ReadonlyMap<string, string>,
): Differentiated {
  const outputs = new Map<string, string>();
  for (const [name, gradient] of named) {
    // An input of a rule with no way back (the indices of a Gather) is reached, and yet has no gradient.
    if (gradient === "") throw notConnected(name, request.loss);
    emit.enter(name);
    // A copy, because two values may share one gradient and every output needs a name of its own.
    outputs.set(name, emit.node("Identity", [gradient], emit.shapeOf(gradient)));
  }
  const graph = emit.graph();
  const there = new Set(graph.outputs.map((value) => value.name));
  const added = [request.loss, ...outputs.values()]
    .filter((name) => !there.has(name))
    .map((name) => ({ name, type: emit.typeOf(name), shape: emit.shapeOf(name) }));
  return { graph: { ...graph, outputs: [...graph.outputs, ...added] }, gradients: outputs };
}
