import type { Dataset } from "../../data/dataset.ts";
import { answersOf } from "../../graph/answers.ts";
import type { Graph } from "../../graph/graph.ts";
import { inferShapes } from "../../graph/shapes/infer.ts";
import { targetOf } from "../../runtime/batches.ts";
import { headLossOf } from "../../tasks/head-losses.ts";
import { guessedTask, type TaskName, taskNamed } from "../../tasks/plan.ts";
import { targetLossOf } from "../../tasks/target-losses.ts";
import type { Recipe } from "../../training/recipe.ts";
import type { TargetLoss } from "../../training/target-loss.ts";
import type { TrainingSettings } from "./training-settings.ts";

/** By what a network is taught on some data. */
export interface Taught {
  readonly task: TaskName;
  /** The recipe with the weights of the losses that there are. */
  readonly recipe: Recipe;
  readonly target: TargetLoss | null;
  /** What was decided, a sentence each. */
  readonly notes: readonly string[];
}

/**
 * The task of the data's targets, and its loss. Classes teach as the recipe says. Other targets teach by their task's loss, half of it by all outputs of the original network where one
 * is named; detectors, and data without targets, by the original network alone.
 */
export async function taughtBy(
  dataset: Dataset,
  graph: Graph,
  recipe: Recipe,
  {
    options,
    outputs,
  }: {
    readonly options: Pick<TrainingSettings, "teacher" | "task">;
    readonly outputs: readonly string[] | undefined;
  },
): Promise<Taught> {
  const classes = dataset.others === null && dataset.target !== "table";
  const named = options.task ?? dataset.task ?? undefined;
  if (named === undefined && classes) {
    return { task: "classification", recipe, target: null, notes: [] };
  }
  const shapes = inferShapes(graph, { batch: 2 });
  const seen = graph.outputs
    .filter(({ name }) => outputs?.includes(name) !== false)
    .map(({ name }) => ({ name, shape: shapes.resolved(name)?.slice(1) ?? [] }));
  const first = targetOf(await dataset.samples([0]), 0);
  const task = named === undefined ? guessedTask(first, seen) : taskNamed(named);
  if (task === "classification") return { task, recipe, target: null, notes: [] };
  // Whoever asks for the outputs alone gets them alone.
  const byOutputs = recipe.loss.outputs > 0 && recipe.loss.labels === 0;
  const target = byOutputs
    ? null
    : task === "heads"
      ? headLossOf(graph, first, dataset.heads)
      : targetLossOf(task, graph, outputs);
  const share = options.teacher === undefined ? 1 : 0.5;
  const labels = target === null ? 0 : share;
  const loss = { ...recipe.loss, labels, scores: 0, features: 0, outputs: 1 - labels };
  const by =
    target === null
      ? "the original network's outputs"
      : share === 1
        ? `the ${target.name} of its targets`
        : `the ${target.name} of its targets and the original network's outputs, half each`;
  // Which values stand for outputs that jump, or are put together, is told.
  const answers = loss.outputs > 0 ? answersOf(graph, outputs).notes : [];
  const notes = [`${task}: taught by ${by}.`, ...answers];
  return { task, recipe: { ...recipe, loss }, target, notes };
}
