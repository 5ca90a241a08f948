import { InputError } from "../core/errors.ts";
import { logitsOf } from "../gradients/losses.ts";
import { answersOf } from "../graph/answers.ts";
import type { Graph, Value } from "../graph/graph.ts";
import { inferShapes } from "../graph/shapes/infer.ts";
import { modalitiesOf } from "../importance/cross-modal/modalities.ts";
import { checkSampleShapes } from "../runtime/bind-feeds.ts";
import type { TrainingData } from "./batches.ts";
import { type FeaturePair, featurePairs } from "./features.ts";
import type { LossSpec } from "./recipe.ts";
import type { TargetLoss } from "./target-loss.ts";

/** What a network is trained towards, fixed before any batch size is known. */
export interface Objective {
  readonly loss: LossSpec;
  /** What the network reads. */
  readonly inputs: readonly Value[];
  /** Class scores (before a softmax at the end), [batch, classes] or with trailing ones; null where there are none. */
  readonly scores: Scores | null;
  readonly features: readonly FeaturePair[];
  /** The loss by the task's targets; null where class labels teach, or none do. */
  readonly target: TargetLoss | null;
  /** Two embeddings whose similarities are compared with the teacher's of the same names; null where they aren't. */
  readonly pair: readonly [left: string, right: string] | null;
  /** Values that are compared with the teacher's of the same name. */
  readonly compared: readonly string[];
  /** Values of the teacher that the loss reads, without repeats. */
  readonly fromTeacher: readonly string[];
}

interface Scores {
  readonly name: string;
  /** The same in the teacher; "" without one. */
  readonly teacherName: string;
  readonly classes: number;
}

export interface ObjectiveOptions {
  /** The loss by the task's targets, where they are no class labels. */
  readonly target?: TargetLoss | null | undefined;
  /** Values that are compared with the teacher's; all outputs, as `answersOf` reads them, where left out. */
  readonly outputs?: readonly string[] | undefined;
}

/**
 * Fits a loss to a network and its teacher.
 * @throws InputError `training/not-a-classifier`, `training/no-teacher`,
 * `training/other-teacher`
 */
export function objectiveOf(
  graph: Graph,
  teacher: Graph | null,
  loss: LossSpec,
  { target = null, outputs }: ObjectiveOptions = {},
): Objective {
  const { pairs = 0 } = loss;
  const needsTeacher = loss.scores + loss.features + loss.outputs + pairs > 0;
  if (needsTeacher && teacher === null) throw noTeacher();
  const needsScores = (loss.labels > 0 && target === null) || loss.scores > 0;
  const found = scoresOf(graph);
  if (needsScores && found === null) throw notAClassifier(graph);
  const taught = teacher === null ? null : scoresOf(teacher);
  if (teacher !== null && needsTeacher) checkTeacher(graph, teacher);
  const scores = found === null ? null : { ...found, teacherName: taught?.name ?? "" };
  const features = teacher !== null && loss.features > 0 ? featurePairs(graph, teacher) : [];
  const compared =
    teacher !== null && loss.outputs > 0 ? comparedValues(graph, teacher, outputs) : [];
  const pair = pairs > 0 ? modalitiesOf(graph).pair : null;
  const fromTeacher = new Set([
    ...(loss.scores > 0 && scores !== null ? [scores.teacherName] : []),
    ...features.map(({ name }) => name),
    ...compared,
    ...(pair ?? []),
  ]);
  return {
    ...{ loss, inputs: graph.inputs, scores, features, target: loss.labels > 0 ? target : null },
    ...{ pair, compared, fromTeacher: [...fromTeacher] },
  };
}

/** The teacher's answers that the network has too, in the same shape. */
function comparedValues(
  graph: Graph,
  teacher: Graph,
  outputs: readonly string[] | undefined,
): readonly string[] {
  const [own, taught] = [graph, teacher].map((each) => inferShapes(each, { batch: 2 }));
  const { values } = answersOf(teacher, outputs);
  const same = values.filter((name) => {
    const shape = own?.resolved(name)?.join();
    return shape !== undefined && shape === taught?.resolved(name)?.join();
  });
  if (same.length > 0) return same;
  throw new InputError({
    code: "training/nothing-to-compare",
    message: `None of the teacher's values ${values.map((name) => `'${name}'`).join(", ")} is in the network with the same shape.`,
    where: `graph '${graph.name}'`,
    hint: "Name values that both networks have with --outputs.",
  });
}

/** The first output where it has the form of class scores, [batch, classes] (or with trailing ones). */
function scoresOf(graph: Graph): Pick<Scores, "name" | "classes"> | null {
  const output = graph.outputs[0];
  const shape =
    output === undefined ? null : inferShapes(graph, { batch: 2 }).resolved(output.name);
  if (output === undefined || shape === null) return null;
  const [batch, classes = 0, ...rest] = shape;
  const isScores = batch === 2 && classes > 1 && rest.every((extent) => extent === 1);
  return isScores ? { name: logitsOf(graph, output.name), classes } : null;
}

function checkTeacher(graph: Graph, teacher: Graph): void {
  const scores = scoresOf(graph);
  const missing = graph.outputs.find(
    ({ name }) => !teacher.outputs.some((output) => output.name === name),
  );
  const classes = scoresOf(teacher)?.classes;
  if (
    inputNames(teacher) === inputNames(graph) &&
    missing === undefined &&
    classes === scores?.classes
  ) {
    return;
  }
  throw new InputError({
    code: "training/other-teacher",
    message: `The teacher reads ${inputNames(teacher)} and gives ${teacher.outputs.map(({ name }) => `'${name}'`).join(", ")} with ${classes ?? "no"} classes; the network reads ${inputNames(graph)} and gives ${graph.outputs.map(({ name }) => `'${name}'`).join(", ")} with ${scores?.classes ?? "no"} classes.`,
    where: "--teacher",
    hint: "Name the network that this one was cut from.",
  });
}

function inputNames({ inputs }: Graph): string {
  return inputs.map(({ name }) => `'${name}'`).join(", ");
}

function noTeacher(): InputError {
  return new InputError({
    code: "training/no-teacher",
    message: "The loss compares with another network, and none is named.",
    where: "--teacher",
    hint: "Name the original network with --teacher, or leave the distillation weights out.",
  });
}

function notAClassifier(graph: Graph): InputError {
  const output = graph.outputs[0];
  const shape =
    output === undefined ? null : inferShapes(graph, { batch: 2 }).resolved(output.name);
  return new InputError({
    code: "training/not-a-classifier",
    message: `The first output '${output?.name ?? "?"}' is [${shape?.join(", ") ?? "of unknown shape"}] for two images; class scores of [2, classes] are needed for a loss with labels.`,
    where: `graph '${graph.name}'`,
    hint: "Give another loss: --loss outputs --teacher ORIGINAL.onnx brings all outputs near to the original network's and needs no labels.",
  });
}

/**
 * Refuses images that the network can't read, and more classes than it has, before anything runs.
 * @throws InputError as `checkSampleShapes`; `training/bad-label`
 */
export function checkImages(
  graph: Graph,
  { scores, loss, target }: Objective,
  data: TrainingData,
): void {
  checkSampleShapes(graph.inputs, data.shapes, "training data");
  if (
    loss.labels === 0 ||
    target !== null ||
    scores === null ||
    (data.classes ?? 0) <= scores.classes
  )
    return;
  throw new InputError({
    code: "training/bad-label",
    message: `The data have ${data.classes} classes, the network ${scores.classes}.`,
    where: "training data",
    hint: "Check 'classes' in the data set's config, or train a network with as many classes.",
  });
}

/** The values that training brings nearer to what they should be: all weights behind them move. */
export function trainedValues({
  scores,
  loss,
  target,
  compared,
  pair,
}: Objective): readonly string[] {
  const byScores = (loss.labels > 0 && target === null) || loss.scores > 0;
  const read = [
    ...(scores === null || !byScores ? [] : [scores.name]),
    ...(target?.reads ?? []),
    ...compared,
    ...(pair ?? []),
  ];
  return [...new Set(read)];
}
