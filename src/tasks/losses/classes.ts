/** Losses of values that say which class something is of: pixels, tokens, answers, whole samples. */
import { InputError } from "../../core/errors.ts";
import type { Emitter } from "../../gradients/emitter.ts";
import { appended, type Lossy, staticOf, withInput } from "../../gradients/losses.ts";
import {
  add,
  axesFrom,
  cast,
  compare,
  divide,
  multiply,
  reduce,
  reshape,
  scalar,
  scale,
  subtract,
  unary,
} from "../../gradients/ops.ts";
import type { Graph } from "../../graph/graph.ts";

export interface IndexCrossEntropyOptions {
  /** Values before softmax; the classes lie along `axis`. */
  readonly logits: string;
  /** Axis of the classes, counted from 0. */
  readonly axis: number;
  /** Name of a new int64 input: the shape of the logits without the classes' axis. Any other number than a class counts for nothing. */
  readonly labels: string;
}

/**
 * Cross entropy over positions that have a class each: -log softmax(logits) at the label, averaged over all positions that have a label (0
 * where none has). Pixels of a segmentation (axis 1), tokens of an answer (the last axis).
 * @throws InputError `gradients/not-logits`
 */
export function indexCrossEntropy(graph: Graph, options: IndexCrossEntropyOptions): Lossy {
  const { logits, axis, labels } = options;
  const { shape } = staticOf(graph, logits);
  const classes = shape[axis];
  if (classes === undefined || axis < 1) throw notLogits(logits, shape, axis);
  const positions = shape.filter((_, at) => at !== axis);
  const fed = withInput(graph, { name: labels, type: "int64", shape: positions });
  return appended(fed, "loss/index_cross_entropy", (e) => {
    const column = reshape(
      e,
      labels,
      shape.map((extent, at) => (at === axis ? 1 : extent)),
    );
    const names = reshape(e, e.ints(Array.from({ length: classes }, (_, name) => name)), [
      ...shape.map((_, at) => (at === axis ? classes : 1)),
    ]);
    const hit = cast(e, compare(e, "Equal", column, names), e.typeOf(logits));
    const log = logSoftmaxAlong(e, logits, axis);
    const sum = sumOfAll(e, multiply(e, hit, log));
    const count = add(e, sumOfAll(e, hit), scalar(e, 1e-12, logits));
    return scale(e, divide(e, sum, count), -1);
  });
}

export interface MultiLabelOptions {
  /** Values before the sigmoid, samples x classes. */
  readonly logits: string;
  /** Name of a new input of the logits' type and shape: 1 where the sample has the class, 0 where not, -1 where it isn't known. */
  readonly targets: string;
}

/**
 * Binary cross entropy of every class, averaged over those that are known: softplus(z) - t z, which is -t log s - (1 - t) log(1 - s) of the sigmoid s.
 */
export function multiLabelCrossEntropy(graph: Graph, options: MultiLabelOptions): Lossy {
  const { logits, targets } = options;
  const { type, shape } = staticOf(graph, logits);
  const fed = withInput(graph, { name: targets, type, shape });
  return appended(fed, "loss/multi_label", (e) => {
    const zero = scalar(e, 0, logits);
    const known = cast(e, compare(e, "GreaterOrEqual", targets, zero), type);
    const each = subtract(e, unary(e, "Softplus", logits), multiply(e, targets, logits));
    const sum = sumOfAll(e, multiply(e, known, each));
    return divide(e, sum, add(e, sumOfAll(e, known), scalar(e, 1e-12, logits)));
  });
}

/** The logarithm of the softmax along any axis: z - max - log sum exp(z - max). */
function logSoftmaxAlong(e: Emitter, logits: string, axis: number): string {
  const last = e.shapeOf(logits).length - 1;
  // Before opset 13 softmax takes all axes from the given one together, so that only the last means the same everywhere.
  if (axis === last) return unary(e, "LogSoftmax", logits, { axis: -1 });
  if (e.opset >= 13) return unary(e, "LogSoftmax", logits, { axis });
  const shifted = subtract(e, logits, reduce(e, "Max", logits, [axis], true));
  const total = reduce(e, "Sum", unary(e, "Exp", shifted), [axis], true);
  return subtract(e, shifted, unary(e, "Log", total));
}

/** The sum over all axes. */
export function sumOfAll(e: Emitter, x: string): string {
  return reduce(e, "Sum", x, axesFrom(e.shapeOf(x), 0));
}

function notLogits(logits: string, shape: readonly number[], axis: number): InputError {
  return new InputError({
    code: "gradients/not-logits",
    message: `'${logits}' has shape [${shape.join(", ")}], in which axis ${axis} can't be the classes'.`,
    where: logits,
    hint: "Name the output that holds one number per class and position.",
  });
}
