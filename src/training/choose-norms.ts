import { weightsAsInitializers } from "../graph/constants.ts";
import type { Graph } from "../graph/graph.ts";
import { type Model, withGraph } from "../onnx/model.ts";
import type { TrainingBatch } from "./batches.ts";
import { matchNorms } from "./match-norms.ts";
import { type Objective, objectiveOf, trainedValues } from "./objective.ts";
import { runningStatistics } from "./parameters.ts";
import type { Recipe } from "./recipe.ts";
import { startState } from "./state.ts";
import { openStepper } from "./stepper.ts";
import type { TrainingJob } from "./train.ts";

const BATCHES = 4;
/** Statistics of the batch are what a network was trained with: they are left only where they cost more than this share. */
const MARGIN = 1.1;

/** How to train a network that has BatchNormalization. */
export interface NormChoice {
  readonly norms: Recipe["norms"];
  /** The network to start from: the same function, its norms matched to their inputs where that makes batches start better. */
  readonly model: Model;
  readonly matched: boolean;
}

/**
 * How to train the norms of a network, by the loss that it starts from on the first batches of the first epoch. Statistics of each
 * batch, where they cost little; freshly cut networks have running ones of what was cut away. Repaired networks are fitted to
 * the statistics they have, with another variance than these say, and lose most of what was repaired when each batch is brought to
 * variance one: there the norms are matched first (`matchNorms`). Norms stay frozen only where that doesn't help either.
 * @throws InputError as `train`
 */
export async function chooseNorms(
  job: Pick<
    TrainingJob,
    "model" | "teacher" | "data" | "recipe" | "threads" | "target" | "outputs"
  >,
): Promise<NormChoice> {
  const { model } = job;
  const graph = weightsAsInitializers(model.graph);
  if (runningStatistics(graph).length === 0) return { norms: "batch", model, matched: false };
  const batches: TrainingBatch[] = [];
  for await (const batch of job.data.epoch(0, job.recipe.batch[0] ?? 1, 0)) {
    batches.push(batch);
    if (batches.length === BATCHES) break;
  }
  const objective = objectiveOf(graph, job.teacher?.graph ?? null, job.recipe.loss, job);
  const losses = { job, objective, batches };
  const own = await startingLoss(losses, graph, "batch");
  const frozen = await startingLoss(losses, graph, "frozen");
  if (own <= MARGIN * frozen) return { norms: "batch", model, matched: false };
  const fitted = await matchNorms(withGraph(model, graph), batches, job.threads);
  const matched = await startingLoss(losses, weightsAsInitializers(fitted.graph), "batch");
  return matched < own
    ? { norms: "batch", model: fitted, matched: true }
    : { norms: "frozen", model, matched: false };
}

/** What the starting losses are of. The objective holds for the matched network too: the values bear the same names. */
interface Losses {
  readonly job: Parameters<typeof chooseNorms>[0];
  readonly objective: Objective;
  readonly batches: readonly TrainingBatch[];
}

async function startingLoss(
  { job: { teacher, recipe: asked, threads }, objective, batches }: Losses,
  graph: Graph,
  norms: Recipe["norms"],
): Promise<number> {
  const recipe = { ...asked, norms };
  const state = startState(graph, trainedValues(objective), recipe, null, 1);
  const stepper = await openStepper(graph, objective, state, { teacher, recipe, threads });
  try {
    let sum = 0;
    for (const batch of batches) sum += (await stepper.run(batch)).loss;
    return sum;
  } finally {
    await stepper.close();
  }
}
