import { UsageError } from "../core/errors.ts";
import type { OptimiserSpec } from "./optimisers.ts";
import type { ScheduleSpec } from "./schedules.ts";
import type { ZeroSpec } from "./zeros.ts";

/** How the loss is mixed. Every part is a mean over the images of a batch. */
export interface LossSpec {
  /** Share of the cross entropy with the labels that is spread evenly over all classes, 0 to 1. */
  readonly labelSmoothing: number;
  /** Weight of the cross entropy with the labels. */
  readonly labels: number;
  /** Weight of the distance between the softened scores of the network and its teacher (Hinton et al., 1503.02531). */
  readonly scores: number;
  /** Softens the scores before they are compared. */
  readonly temperature: number;
  /** Weight of the distance between inner values of the network and its teacher. */
  readonly features: number;
  /**
   * Weight of the mean square between all outputs of the network and its teacher, relative to the teacher's own: the loss of
   * networks that give no class scores.
   */
  readonly outputs: number;
  /**
   * Weight of the distance between what the network and its teacher say of all pairs in a batch, for networks of two towers (see
   * `crossModalDistillation`); 0 unless given.
   */
  readonly pairs?: number | undefined;
}

/** Names of the loss's parts. */
export type LossPart = "labels" | "scores" | "features" | "outputs" | "pairs";

/** Everything that decides what a training run does, apart from network, teacher and data. */
export interface Recipe {
  readonly epochs: number;
  /** Images per step of the network; one entry, or several that take equal turns over the epochs. */
  readonly batch: readonly number[];
  /** Batches whose gradients are averaged before the weights move. */
  readonly accumulate: number;
  readonly optimiser: OptimiserSpec;
  readonly schedule: ScheduleSpec;
  readonly loss: LossSpec;
  /**
   * What BatchNormalization uses while the network is trained: the statistics of each batch, which move the running ones, or
   * the running ones as they are.
   */
  readonly norms: "batch" | "frozen";
  /** Largest norm of all gradients together; null: never clipped. */
  readonly clipNorm: number | null;
  /** How much of the averaged weights stays in each step; null: no average, the last weights are the result. */
  readonly ema: number | null;
  /** Zeros of a sparse network that stay, and more of them on the way; null or absent: weights move as they like. */
  readonly zeros?: ZeroSpec | null | undefined;
  /** Epochs without a better validation after which the run ends; null: never. */
  readonly patience: number | null;
  readonly seed: number;
}

export const DEFAULT_RECIPE: Recipe = {
  epochs: 3,
  batch: [128],
  accumulate: 1,
  optimiser: { kind: "sgd", momentum: 0.9, nesterov: true, weightDecay: 1e-4, decayAll: false },
  schedule: { kind: "cosine", rate: 0.01, warmupEpochs: 0, finalShare: 0 },
  loss: { labelSmoothing: 0, labels: 1, scores: 0, temperature: 4, features: 0, outputs: 0 },
  norms: "batch",
  clipNorm: null,
  ema: null,
  patience: null,
  seed: 1,
};

/** The mix of losses where there is a teacher and nobody chose another. */
export const DISTILLATION: LossSpec = {
  labelSmoothing: 0,
  labels: 0.5,
  scores: 0.5,
  temperature: 4,
  features: 0.1,
  outputs: 0,
};

/**
 * The recipe, unless a number in it makes no sense.
 * @throws UsageError `training/bad-recipe`
 */
export function checkRecipe(recipe: Recipe): Recipe {
  const { epochs, batch, accumulate, loss, clipNorm, ema, patience, schedule } = recipe;
  whole(epochs, "the number of epochs", 1);
  for (const size of batch) whole(size, "a batch", 1);
  if (batch.length === 0) throw badRecipe("There is no batch size.");
  whole(accumulate, "the number of accumulated batches", 1);
  if (patience !== null) whole(patience, "the patience", 1);
  whole(recipe.seed, "the seed", 0);
  between(schedule.rate, "the learning rate", 0, Number.MAX_VALUE);
  between(schedule.warmupEpochs, "the warm-up", 0, epochs);
  between(schedule.finalShare, "the final share of the learning rate", 0, 1);
  between(recipe.optimiser.weightDecay, "the weight decay", 0, 1);
  between(loss.labelSmoothing, "the label smoothing", 0, 1);
  for (const part of ["labels", "scores", "features", "outputs"] as const) {
    between(loss[part], `the weight of the loss of ${part}`, 0, Number.MAX_VALUE);
  }
  if (loss.labels + loss.scores + loss.features + loss.outputs === 0) {
    throw badRecipe("All parts of the loss have weight 0.");
  }
  positive(loss.temperature, "the temperature");
  if (clipNorm !== null) positive(clipNorm, "the largest norm");
  if (recipe.zeros?.target != null) between(recipe.zeros.target, "the share of zeros", 0, 1);
  if (ema !== null) between(ema, "the share of the averaged weights", 0, 1);
  return recipe;
}

function whole(value: number, what: string, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return;
  throw badRecipe(`${sentence(what)} is ${value}; a whole number of at least ${least} is needed.`);
}

function between(value: number, what: string, low: number, high: number): void {
  if (value >= low && value <= high) return;
  const range = high === Number.MAX_VALUE ? `at least ${low}` : `${low} to ${high}`;
  throw badRecipe(`${sentence(what)} is ${value}; ${range} is possible.`);
}

function positive(value: number, what: string): void {
  if (value > 0 && Number.isFinite(value)) return;
  throw badRecipe(`${sentence(what)} is ${value}; it must be above 0.`);
}

function sentence(what: string): string {
  return what.charAt(0).toUpperCase() + what.slice(1);
}

function badRecipe(message: string): UsageError {
  return new UsageError({
    code: "training/bad-recipe",
    message,
    where: "training recipe",
    hint: "See mdp finetune --help for what each option means.",
  });
}
