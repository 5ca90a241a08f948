/// <reference types="node" preserve="true" />
/** Losses, recipes and the training loop. Part of the library below its front door: names may change in a minor version. */
export type { TrainingBatch, TrainingData, Validation } from "../training/batches.ts";
export { chooseNorms } from "../training/choose-norms.ts";
export { randomWeights } from "../training/initialise.ts";
export type { EpochMetrics } from "../training/metrics.ts";
export type { OptimiserSpec } from "../training/optimisers.ts";
export {
  checkRecipe,
  DEFAULT_RECIPE,
  DISTILLATION,
  type LossSpec,
  type Recipe,
} from "../training/recipe.ts";
export type { ScheduleSpec } from "../training/schedules.ts";
export { applyMask, keptWeights } from "../training/soft-mask.ts";
export { type TrainingJob, type TrainingResult, train } from "../training/train.ts";
