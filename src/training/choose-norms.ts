import type { TrainingBatch } from "./batches.ts";
import { objectiveOf, trainedValues } from "./objective.ts";
import { runningStatistics, weightsAsInitializers } from "./parameters.ts";
import type { Recipe } from "./recipe.ts";
import { startState } from "./state.ts";
import { openStepper } from "./stepper.ts";
import type { TrainingJob } from "./train.ts";

const BATCHES = 4;
/** Statistics of the batch are what a network was trained with: they are left only where they cost more than this share. */
const MARGIN = 1.1;

/**
 * Whether to train a network with the statistics of each batch or with those it has: by which of them it starts from the lower
 * loss, on the first batches of the first epoch. Repaired networks are fitted to the statistics they have, with less variance
 * than these say, and lose most of what was repaired when each batch is brought to variance one again; freshly cut networks
 * have statistics of what was cut away.
 * @throws InputError as `train`
 */
export async function chooseNorms(
  job: Pick<TrainingJob, "model" | "teacher" | "data" | "recipe" | "threads">,
): Promise<Recipe["norms"]> {
  if (runningStatistics(weightsAsInitializers(job.model.graph)).length === 0) return "batch";
  const batches: TrainingBatch[] = [];
  for await (const batch of job.data.epoch(0, job.recipe.batch[0] ?? 1, 0)) {
    batches.push(batch);
    if (batches.length === BATCHES) break;
  }
  const own = await startingLoss(job, "batch", batches);
  const frozen = await startingLoss(job, "frozen", batches);
  return own <= MARGIN * frozen ? "batch" : "frozen";
}

async function startingLoss(
  { model, teacher, recipe: asked, threads }: Parameters<typeof chooseNorms>[0],
  norms: Recipe["norms"],
  batches: readonly TrainingBatch[],
): Promise<number> {
  const recipe = { ...asked, norms };
  const graph = weightsAsInitializers(model.graph);
  const objective = objectiveOf(graph, teacher?.graph ?? null, recipe.loss);
  const state = startState(graph, trainedValues(graph, objective), recipe, null);
  const stepper = await openStepper(graph, objective, state, { teacher, recipe, threads });
  try {
    let sum = 0;
    for (const batch of batches) sum += (await stepper.run(batch)).loss;
    return sum;
  } finally {
    await stepper.close();
  }
}
