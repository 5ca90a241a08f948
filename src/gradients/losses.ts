/** Losses, appended to a graph as ordinary operations. Each is one number: the mean over the batch. */
import { InputError } from "../core/errors.ts";
import type { DataType, Graph, Value } from "../graph/graph.ts";
import { inferShapes, type Shapes } from "../graph/shapes/infer.ts";
import { producerOf } from "../graph/traversal.ts";
import { type Emitter, emitterOn, type StaticValue } from "./emitter.ts";
import {
  add,
  axesFrom,
  cast,
  compare,
  matMul,
  matrixTranspose,
  multiply,
  reduce,
  reshape,
  scalar,
  scale,
  subtract,
  unary,
} from "./ops.ts";

/** A graph with a loss in it. The loss is not made an output; `differentiate` does that. */
export interface Lossy {
  readonly graph: Graph;
  /** Name of the loss: float, without axes. */
  readonly loss: string;
}

export interface CrossEntropyOptions {
  /** Values before softmax, batch x classes. */
  readonly logits: string;
  /** Name of a new int64 input, batch: the class of each sample, from 0 to classes - 1; with any other number a sample has no label. */
  readonly labels: string;
  /** Share of the target that is spread over all classes evenly; 0 unless given. */
  readonly labelSmoothing?: number;
}

/**
 * Cross entropy of class labels: mean over the batch of -sum_k t_k log softmax(logits)_k, where t is 1 - s + s/K for the
 * label and s/K elsewhere (s the smoothing, K classes; Szegedy et al. 2016, section 7). The labels become an input.
 * @throws InputError `gradients/not-logits` unless the logits are batch x classes
 *
 * @example
 * const { graph: lossy, loss } = crossEntropy(graph, { logits: "logits", labels: "labels" });
 */
export function crossEntropy(graph: Graph, options: CrossEntropyOptions): Lossy {
  const { logits, labels, labelSmoothing = 0 } = options;
  const [batch, classes] = matrixShape(graph, logits);
  const fed = withInput(graph, { name: labels, type: "int64", shape: [batch] });
  return appended(fed, "loss/cross_entropy", (e) => {
    const column = e.node("Reshape", [labels, e.ints([batch, 1])], [batch, 1]);
    const names = Array.from({ length: classes }, (_, name) => name);
    const hit = cast(e, compare(e, "Equal", column, e.ints(names)), e.typeOf(logits));
    const spread = scalar(e, labelSmoothing / classes, logits);
    const targets = add(e, scale(e, hit, 1 - labelSmoothing), spread);
    return expectedSurprise(e, logits, targets);
  });
}

export interface SoftCrossEntropyOptions {
  readonly logits: string;
  /**
   * Probabilities of the classes, batch x classes, each row summing to 1 (of mixed images, say): the name of a value of the
   * graph, or of a new input of the logits' type.
   */
  readonly targets: string;
}

/**
 * Cross entropy of target probabilities: mean over the batch of -sum_k t_k log softmax(logits)_k.
 * @throws InputError `gradients/not-logits`
 */
export function softCrossEntropy(graph: Graph, options: SoftCrossEntropyOptions): Lossy {
  const fed = likeLogits(graph, options.logits, options.targets);
  return appended(fed, "loss/soft_cross_entropy", (e) =>
    expectedSurprise(e, options.logits, options.targets),
  );
}

export interface DistillationOptions {
  readonly logits: string;
  /** The teacher's values before softmax, batch x classes: a value of the graph, or a new input of the logits' type. */
  readonly teacher: string;
  /** Both are divided by it before softmax; 1 unless given. */
  readonly temperature?: number;
}

/**
 * Distance to a teacher's answers: temperature^2 times the mean over the batch of KL(teacher || student), both softened by
 * the temperature (Hinton et al. 2015). No gradient flows to a teacher that is fed.
 * @throws InputError `gradients/not-logits`
 */
export function distillation(graph: Graph, options: DistillationOptions): Lossy {
  const { logits, teacher, temperature = 1 } = options;
  const fed = likeLogits(graph, logits, teacher);
  return appended(fed, "loss/distillation", (e) => {
    const [batch = 1] = e.shapeOf(logits);
    const soft = (name: string): string => scale(e, name, 1 / temperature);
    const wanted = unary(e, "LogSoftmax", soft(teacher), { axis: -1 });
    const given = unary(e, "LogSoftmax", soft(logits), { axis: -1 });
    const probability = unary(e, "Exp", wanted);
    const each = multiply(e, probability, subtract(e, wanted, given));
    return scale(e, reduce(e, "Sum", each, [0, 1]), temperature ** 2 / batch);
  });
}

export interface MeanSquareOptions {
  readonly value: string;
  /** What it should be: a value of the graph, or a new input of the same shape and type. */
  readonly target: string;
}

/** Mean over all elements of (value - target)^2. */
export function meanSquare(graph: Graph, { value, target }: MeanSquareOptions): Lossy {
  const { type, shape } = staticOf(graph, value);
  const fed = hasValue(graph, target) ? graph : withInput(graph, { name: target, type, shape });
  return appended(fed, "loss/mean_square", (e) => {
    const difference = subtract(e, value, target);
    return reduce(e, "Mean", multiply(e, difference, difference), axesFrom(shape, 0));
  });
}

/** A value whose samples span something, and the weights of their products. */
export interface GramTerm {
  /** batch x anything */
  readonly value: string;
  /** Name of a new input, batch x batch, symmetric. */
  readonly weights: string;
}

/**
 * Sum over the values of 1/2 <P, F F'>, with F the value as batch x everything else and P fed. Its gradient with respect to F is
 * P F; with P = (F F')^(-1/2) / r that is U V' / r, the gradient of the mean of F's r singular values, without a decomposition in the
 * graph.
 */
export function gramForms(graph: Graph, terms: readonly GramTerm[]): Lossy {
  const fed = terms.reduce((open, { value, weights }) => {
    const { type, shape } = staticOf(graph, value);
    const [batch = 1] = shape;
    return withInput(open, { name: weights, type, shape: [batch, batch] });
  }, graph);
  return appended(fed, "loss/gram", (e) => {
    const forms = terms.map(({ value, weights }) => {
      const shape = e.shapeOf(value);
      const [batch = 1] = shape;
      const rest = shape.slice(1).reduce((product, extent) => product * extent, 1);
      const flat = reshape(e, value, [batch, rest]);
      const products = matMul(e, flat, matrixTranspose(e, flat));
      return scale(e, reduce(e, "Sum", multiply(e, weights, products), [0, 1]), 0.5);
    });
    return forms.reduce((sum, form) => add(e, sum, form));
  });
}

/** A part of a loss: `weight` is a number, or the name of a new float input without axes. */
export interface WeightedLoss {
  readonly loss: string;
  readonly weight: number | string;
}

/**
 * The weighted sum of losses that are in the graph already.
 *
 * @example
 * const hard = crossEntropy(graph, { logits, labels: "labels" });
 * const soft = distillation(hard.graph, { logits, teacher: "teacher", temperature: 4 });
 * weightedSum(soft.graph, [{ loss: hard.loss, weight: 0.5 }, { loss: soft.loss, weight: 0.5 }]);
 */
export function weightedSum(graph: Graph, parts: readonly WeightedLoss[]): Lossy {
  const weights = parts.flatMap(({ weight }) => (typeof weight === "string" ? [weight] : []));
  const type = staticOf(graph, parts[0]?.loss ?? "").type;
  const fed = [...new Set(weights)]
    .filter((name) => !hasValue(graph, name))
    .reduce((open, name) => withInput(open, { name, type, shape: [] }), graph);
  return appended(fed, "loss/sum", (e) => {
    const scaled = parts.map(({ loss, weight }) =>
      multiply(e, loss, typeof weight === "string" ? weight : scalar(e, weight, loss)),
    );
    return scaled.reduce((sum, part) => add(e, sum, part));
  });
}

/**
 * The value before the softmax that a network ends with, which losses want; the output itself where it ends without one.
 */
export function logitsOf(graph: Graph, output: string): string {
  const node = producerOf(graph).get(output);
  const passes = node?.domain === "" && ["Softmax", "LogSoftmax", "Identity"].includes(node.opType);
  return passes ? logitsOf(graph, node.inputs[0] ?? "") : output;
}

// -sum t log softmax(z), over the classes, averaged over the batch.
function expectedSurprise(e: Emitter, logits: string, targets: string): string {
  const [batch = 1] = e.shapeOf(logits);
  const surprise = unary(e, "LogSoftmax", logits, { axis: -1 });
  return scale(e, reduce(e, "Sum", multiply(e, targets, surprise), [0, 1]), -1 / batch);
}

/** Appends a loss that `write` makes to a graph whose shapes are all known. */
export function appended(graph: Graph, scope: string, write: (e: Emitter) => string): Lossy {
  const shapes = inferShapes(graph);
  const emit = emitterOn(graph, (name) => staticValue(shapes, name), scope);
  const loss = write(emit);
  return { graph: emit.graph(), loss };
}

function staticValue(shapes: Shapes, name: string): StaticValue | null {
  const shape = shapes.resolved(name);
  const type = shapes.of(name)?.type;
  return shape === null || type === undefined ? null : { type, shape };
}

/**
 * Type and shape of a value of the graph.
 * @throws InputError `gradients/unknown-value`
 */
export function staticOf(graph: Graph, name: string): StaticValue {
  const value = staticValue(inferShapes(graph), name);
  if (value !== null) return value;
  throw new InputError({
    code: "gradients/unknown-value",
    message: `'${name}' is no value of the network whose shape is known.`,
    where: `graph '${graph.name}'`,
    hint: "Fix the batch size with staticGraph(graph, { batch }), and name a value of that graph.",
  });
}

function matrixShape(graph: Graph, logits: string): readonly [number, number] {
  const { shape } = staticOf(graph, logits);
  const [batch, classes] = shape;
  if (shape.length === 2 && batch !== undefined && classes !== undefined) return [batch, classes];
  throw new InputError({
    code: "gradients/not-logits",
    message: `'${logits}' has shape [${shape.join(", ")}]; a classifier's answer is batch x classes.`,
    where: logits,
    hint: "Name the output that holds one number per class, or use meanSquare against a target.",
  });
}

function likeLogits(graph: Graph, logits: string, name: string): Graph {
  const shape = matrixShape(graph, logits);
  if (hasValue(graph, name)) return graph;
  return withInput(graph, { name, type: staticOf(graph, logits).type, shape });
}

/** Whether a value of this name is fed, stored or computed. */
export function hasValue(graph: Graph, name: string): boolean {
  const isInput = graph.inputs.some((value) => value.name === name);
  return isInput || graph.initializers.has(name) || producerOf(graph).has(name);
}

/**
 * The graph with one more input.
 * @throws InputError `gradients/name-taken`
 */
export function withInput(
  graph: Graph,
  input: { readonly name: string; readonly type: DataType; readonly shape: readonly number[] },
): Graph {
  if (!hasValue(graph, input.name)) {
    const value: Value = input;
    return { ...graph, inputs: [...graph.inputs, value] };
  }
  throw new InputError({
    code: "gradients/name-taken",
    message: `The network has a value '${input.name}' already; the labels need an input of their own.`,
    where: input.name,
    hint: "Give the new input another name.",
  });
}
