import { UsageError } from "../../core/errors.ts";
import type { AugmentSpec } from "../../data/augment.ts";
import type { OptimiserSpec } from "../../training/optimisers.ts";
import { checkRecipe, DISTILLATION, type LossSpec, type Recipe } from "../../training/recipe.ts";
import { checkWhole, sparsityOf } from "../checks.ts";
import type { TrainingSettings } from "./training-settings.ts";

/**
 * The recipe that the options ask for.
 * @throws UsageError `training/bad-recipe`, `cli/not-a-count`, `cli/needs-a-teacher`
 */
export function recipeOf(options: TrainingSettings): Recipe {
  checkWhole(options.threads, "--threads", 1);
  checkWhole(options.workers, "--workers", 1);
  checkWhole(options.images, "--images", 1);
  checkWhole(options.valImages, "--val-images", 1);
  checkWhole(options.crop, "--crop", 0);
  if (!(options.mixup >= 0)) throw badMixup(options.mixup);
  return checkRecipe({
    epochs: options.epochs,
    batch: options.batch.split(",").map((size) => Number(size.trim() === "" ? Number.NaN : size)),
    accumulate: options.accumulate,
    optimiser: optimiserOf(options),
    schedule: {
      kind: options.lrSchedule,
      rate: options.lr ?? (options.optimizer === "sgd" ? 0.02 : 0.001),
      warmupEpochs: options.warmup,
      finalShare: options.finalLr,
    },
    loss: lossOf(options),
    norms: options.norms === "frozen" ? "frozen" : "batch",
    clipNorm: options.clip === 0 ? null : options.clip,
    ...zerosOf(options),
    ema: options.ema ?? null,
    patience: options.patience ?? null,
    seed: options.seed,
  });
}

/** Zeros are kept where somebody asks for it; a share to reach keeps those that are there, too. */
function zerosOf({ keepZeros, sparsity }: TrainingSettings): Pick<Recipe, "zeros"> {
  if (sparsity === undefined) return keepZeros === true ? { zeros: { target: null } } : {};
  return { zeros: { target: sparsityOf(sparsity) } };
}

function optimiserOf(options: TrainingSettings): OptimiserSpec {
  const { momentum, nesterov } = options;
  const decayAll = options.decayAll;
  const decay = options.weightDecay;
  return options.optimizer === "sgd"
    ? { kind: "sgd", momentum, nesterov, weightDecay: decay ?? 1e-4, decayAll }
    : {
        kind: "adamw",
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        weightDecay: decay ?? 0.05,
        decayAll,
      };
}

function lossOf(options: TrainingSettings): LossSpec {
  const { teacher, temperature } = options;
  const labelSmoothing = options.labelSmoothing;
  const compares = options.loss !== "mix" || (options.scoreWeight ?? 0) > 0;
  if (teacher === undefined && (compares || (options.featureWeight ?? 0) > 0)) {
    throw new UsageError({
      code: "cli/needs-a-teacher",
      message: "The loss compares with the original network, and --teacher names none.",
      where: "--teacher",
      hint: "Name the original network with --teacher.",
    });
  }
  if (options.loss !== "mix") {
    const pairs = options.loss === "cross-modal" ? 1 : 0;
    return { labelSmoothing, labels: 0, scores: 0, temperature, features: 0, outputs: 1, pairs };
  }
  const mix = teacher === undefined ? { labels: 1, scores: 0, features: 0 } : DISTILLATION;
  return {
    labelSmoothing,
    temperature,
    labels: options.labelWeight ?? mix.labels,
    scores: options.scoreWeight ?? mix.scores,
    features: options.featureWeight ?? mix.features,
    outputs: 0,
  };
}

function badMixup(mixup: number): UsageError {
  return new UsageError({
    code: "training/bad-recipe",
    message: `--mixup is ${mixup}; it must be at least 0.`,
    where: "--mixup",
    hint: "0.2 is usual; 0 leaves images whole.",
  });
}

/** How images are varied, for images of this form. */
export function augmentOf(
  { crop, flip, mixup }: Pick<TrainingSettings, "crop" | "flip" | "mixup">,
  form: { readonly channels: number; readonly side: number },
): AugmentSpec {
  return {
    crop: crop ?? Math.floor(form.side / 8),
    // Mirrored digits and letters are other ones; pictures of things are mostly in colour.
    flip: flip ?? (form.channels === 1 ? "none" : "horizontal"),
    mixup,
  };
}
