import { InputError } from "../core/errors.ts";
import type { TrainingData } from "./batches.ts";
import type { Recipe } from "./recipe.ts";
import { rateAt } from "./schedules.ts";

/** Batch sizes and steps of every epoch, known before the first one. */
export interface Plan {
  readonly sizes: readonly number[];
  readonly batches: readonly number[];
  /** Steps of the optimiser before each epoch; one more entry for the whole run. */
  readonly stepsBefore: readonly number[];
}

/** The plan of a run over `count` images. */
export function planOf({ epochs, batch, accumulate }: Recipe, count: number): Plan {
  const sizes = Array.from(
    { length: epochs },
    (_, epoch) => batch[Math.floor((epoch * batch.length) / epochs)] ?? 1,
  );
  const batches = sizes.map((size) => Math.floor(count / size));
  const stepsBefore = [0];
  for (const each of batches) {
    stepsBefore.push((stepsBefore.at(-1) ?? 0) + Math.ceil(each / accumulate));
  }
  return { sizes, batches, stepsBefore };
}

/** The learning rate of a step, counted from 0 over the whole run. */
export function plannedRate(plan: Plan, recipe: Recipe, step: number): number {
  const total = plan.stepsBefore.at(-1) ?? 1;
  return rateAt(recipe.schedule, step, total, total / recipe.epochs);
}

/**
 * Refuses batches that the data can't fill.
 * @throws InputError `training/no-images`, `training/batch-too-large`, `training/more-batches-than-epochs`
 */
export function checkBatches({ batch, epochs }: Recipe, { count }: TrainingData): void {
  if (count === 0) {
    throw new InputError({
      code: "training/no-images",
      message: "There are no images to train on.",
      where: "training data",
      hint: "Check --data and --split.",
    });
  }
  const largest = Math.max(...batch);
  if (largest > count) {
    throw new InputError({
      code: "training/batch-too-large",
      message: `A batch of ${largest} is larger than the ${count} training images.`,
      where: "--batch",
      hint: `Use --batch ${Math.max(1, Math.floor(count / 2))} or fewer.`,
    });
  }
  if (batch.length > epochs) {
    throw new InputError({
      code: "training/more-batches-than-epochs",
      message: `${batch.length} batch sizes don't get an epoch each: there are ${epochs}.`,
      where: "--batch",
      hint: "Give fewer sizes, or more epochs.",
    });
  }
}
