import { type Emitter, emitterOn } from "../gradients/emitter.ts";
import {
  distillation,
  softCrossEntropy,
  type WeightedLoss,
  weightedSum,
} from "../gradients/losses.ts";
import {
  add,
  axesFrom,
  divide,
  multiply,
  reduce,
  reshape,
  scalar,
  scale,
  subtract,
  unary,
} from "../gradients/ops.ts";
import { crossModalDistillation } from "../gradients/pairs.ts";
import type { Graph } from "../graph/graph.ts";
import { inferShapes } from "../graph/shapes/infer.ts";
import { elementCount } from "../graph/tensor.ts";
import type { FeaturePair } from "./features.ts";
import type { Objective } from "./objective.ts";
import type { LossPart } from "./recipe.ts";

/** A graph with its loss. */
export interface LossGraph {
  /** Has an input for the targets and one for each value of the teacher. */
  readonly graph: Graph;
  readonly loss: string;
  /** The parts before they are weighted, by the recipe's names for them. */
  readonly parts: ReadonlyMap<LossPart, string>;
  /** Input of the soft targets, [batch, classes]; null where labels teach nothing. */
  readonly targets: string | null;
  /** Input by the value of the teacher that it is fed. */
  readonly fromTeacher: ReadonlyMap<string, string>;
}

const TARGETS = "targets";

/**
 * Appends the loss to a graph whose shapes are all known; its parts become outputs.
 * @param teacherShape shapes of the teacher's values at the same batch.
 */
export function addLoss(
  graph: Graph,
  objective: Objective,
  teacherShape: (name: string) => readonly number[],
): LossGraph {
  const fromTeacher = new Map(objective.fromTeacher.map((name) => [name, `teacher/${name}`]));
  const inputs = [...fromTeacher].map(([name, input]) => ({
    name: input,
    type: "float32" as const,
    shape: teacherShape(name),
  }));
  const fed: Graph = { ...graph, inputs: [...graph.inputs, ...inputs] };
  const compared = addComparisons(fed, objective, (name) => fromTeacher.get(name) ?? "");
  const parts = new Map(compared.parts);
  let lossy = compared.graph;
  const { loss: weights } = objective;
  const target = weights.labels > 0 ? objective.target : null;
  if (target !== null) {
    const made = target.append(lossy);
    lossy = made.graph;
    parts.set("labels", made.loss);
  }
  const byLabels = weights.labels > 0 && target === null;
  const targets = byLabels && compared.logits !== null ? TARGETS : null;
  if (targets !== null && compared.logits !== null) {
    const made = softCrossEntropy(lossy, { logits: compared.logits, targets });
    lossy = made.graph;
    parts.set("labels", made.loss);
  }
  if (weights.scores > 0 && compared.logits !== null && compared.teacherLogits !== null) {
    const { temperature } = weights;
    const { logits, teacherLogits: teacher } = compared;
    const made = distillation(lossy, { logits, teacher, temperature });
    lossy = made.graph;
    parts.set("scores", made.loss);
  }
  if (objective.pair !== null) {
    const [left, right] = objective.pair;
    const made = crossModalDistillation(lossy, {
      ...{ left, right },
      teacherLeft: fromTeacher.get(left) ?? "",
      teacherRight: fromTeacher.get(right) ?? "",
    });
    lossy = made.graph;
    parts.set("pairs", made.loss);
  }
  const terms = [...parts].map(
    ([part, loss]): WeightedLoss => ({ loss, weight: weights[part] ?? 0 }),
  );
  const sum = weightedSum(lossy, terms);
  const outputs = [...parts.values()].map((name) => ({
    name,
    type: "float32" as const,
    shape: [],
  }));
  return {
    graph: { ...sum.graph, outputs: [...sum.graph.outputs, ...outputs] },
    loss: sum.loss,
    parts,
    targets,
    fromTeacher,
  };
}

interface Compared {
  readonly graph: Graph;
  readonly parts: ReadonlyMap<LossPart, string>;
  /** Class scores before softmax, [batch, classes]. */
  readonly logits: string | null;
  readonly teacherLogits: string | null;
}

/** Comparisons of inner values and outputs with the teacher's, and the scores as matrices. */
function addComparisons(
  graph: Graph,
  { loss: weights, scores, features, compared }: Objective,
  teacherOf: (name: string) => string,
): Compared {
  const shapes = inferShapes(graph);
  const known = (name: string): { type: "float32"; shape: readonly number[] } | null => {
    const shape = shapes.resolved(name);
    return shape === null ? null : { type: "float32", shape };
  };
  const e = emitterOn(graph, known, "compare");
  const parts = new Map<LossPart, string>();
  const teacherScores = scores === null ? "" : teacherOf(scores.teacherName);
  const logits = scores === null ? null : asScores(e, scores.name);
  const teacherLogits = teacherScores === "" ? null : asScores(e, teacherScores);
  if (weights.features > 0 && features.length > 0) {
    const terms = features.map((pair) => featureTerm(e, pair, teacherOf(pair.name)));
    parts.set("features", mean(e, terms));
  }
  if (weights.outputs > 0) {
    const terms = compared.map((name) => relativeSquare(e, name, teacherOf(name)));
    parts.set("outputs", mean(e, terms));
  }
  return { graph: e.graph(), parts, logits, teacherLogits };
}

/** Class scores without trailing axes of one. */
function asScores(e: Emitter, name: string): string {
  return reshape(e, name, e.shapeOf(name).slice(0, 2));
}

function mean(e: Emitter, terms: readonly string[]): string {
  const sum = terms.reduce((left, right) => add(e, left, right));
  return scale(e, sum, 1 / terms.length);
}

function sumOfAll(e: Emitter, x: string): string {
  return reduce(e, "Sum", x, axesFrom(e.shapeOf(x), 0));
}

/** Mean square of the difference, as a share of the teacher's own mean square. */
function relativeSquare(e: Emitter, name: string, wanted: string): string {
  const difference = subtract(e, name, wanted);
  const energy = add(e, sumOfAll(e, multiply(e, wanted, wanted)), scalar(e, 1e-12, wanted));
  return divide(e, sumOfAll(e, multiply(e, difference, difference)), energy);
}

function featureTerm(e: Emitter, { name, compare }: FeaturePair, wanted: string): string {
  if (compare === "values") return relativeSquare(e, name, wanted);
  const batch = e.shapeOf(name)[0] ?? 1;
  const difference = subtract(e, attention(e, name), attention(e, wanted));
  return scale(e, sumOfAll(e, multiply(e, difference, difference)), 1 / batch);
}

/**
 * Zagoruyko and Komodakis (1612.03928): where in the image a network's values are large, the sum of squares over its
 * channels, brought to length one per image.
 */
function attention(e: Emitter, x: string): string {
  const shape = e.shapeOf(x);
  const squares = reduce(e, "Sum", multiply(e, x, x), [shape.length === 3 ? 2 : 1]);
  const extents = e.shapeOf(squares);
  const flat = reshape(e, squares, [extents[0] ?? 1, elementCount(extents.slice(1))]);
  const energy = reduce(e, "Sum", multiply(e, flat, flat), [1], true);
  const length = unary(e, "Sqrt", add(e, energy, scalar(e, 1e-12, x)));
  return divide(e, flat, length);
}
