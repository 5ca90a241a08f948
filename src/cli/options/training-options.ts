import { availableParallelism } from "node:os";
import type { Argv } from "yargs";
import { FLIPS } from "../../data/augment.ts";
import type { Defaults } from "../../pipeline/train/training-defaults.ts";
import { TASKS } from "../../tasks/plan.ts";
import { DISTILLATION } from "../../training/recipe.ts";
import { SCHEDULES } from "../../training/schedules.ts";
import type { CommonOptions } from "../command.ts";

/** The options that everything which trains has in common. */
export interface TrainingOptions extends CommonOptions {
  readonly data: string | undefined;
  readonly "data-config": string | undefined;
  readonly split: string | undefined;
  readonly images: number | undefined;
  readonly "val-data": string | undefined;
  readonly "val-split": string | undefined;
  readonly "val-images": number | undefined;
  readonly validate: boolean;
  readonly teacher: string | undefined;
  readonly epochs: number;
  readonly batch: string;
  readonly accumulate: number;
  readonly optimizer: "sgd" | "adamw";
  readonly lr: number | undefined;
  readonly "lr-schedule": (typeof SCHEDULES)[number];
  readonly warmup: number;
  readonly "final-lr": number;
  readonly momentum: number;
  readonly nesterov: boolean;
  readonly "weight-decay": number | undefined;
  readonly "decay-all": boolean;
  readonly norms: "auto" | "batch" | "frozen";
  readonly clip: number;
  readonly ema: number | undefined;
  readonly patience: number | undefined;
  readonly loss: "mix" | "outputs" | "cross-modal";
  readonly "label-smoothing": number;
  readonly "label-weight": number | undefined;
  readonly "score-weight": number | undefined;
  readonly "feature-weight": number | undefined;
  readonly temperature: number;
  readonly crop: number | undefined;
  readonly flip: (typeof FLIPS)[number] | undefined;
  readonly mixup: number;
  readonly threads: number;
  readonly workers: number | undefined;
  readonly seed: number;
  readonly out: string;
  readonly restart: boolean;
}

/** Former names of some. */
export const RENAMED_TRAINING_OPTIONS = { limit: "images", "val-limit": "val-images" } as const;

export function trainingOptions(
  yargs: Argv<CommonOptions>,
  defaults: Defaults,
): Argv<TrainingOptions> {
  return averages(losses(optimisers(data(yargs), defaults), defaults))
    .option("threads", {
      type: "number",
      requiresArg: true,
      default: availableParallelism(),
      describe: "Threads of the runtime",
    })
    .option("workers", {
      type: "number",
      requiresArg: true,
      describe: "Threads that prepare images [1; 2 where they don't fit into memory]",
    })
    .option("seed", {
      type: "number",
      requiresArg: true,
      default: 1,
      describe: "Random seed of all stages",
    })
    .option("out", {
      type: "string",
      requiresArg: true,
      demandOption: true,
      describe: "Folder of the run; rerun the command to resume",
    })
    .option("restart", {
      type: "boolean",
      default: false,
      describe: "Start again even if the folder holds a run",
    });
}

function data(yargs: Argv<CommonOptions>) {
  return yargs
    .option("data", {
      type: "string",
      requiresArg: true,
      describe: "Images to train on; see docs/datasets.md [drawn for the embedded default]",
    })
    .option("data-config", {
      type: "string",
      requiresArg: true,
      describe: "Pre-processing of the images, as a JSON file",
    })
    .option("split", {
      type: "string",
      requiresArg: true,
      describe: "Split of the data to use [train]",
    })
    .option("images", {
      type: "number",
      requiresArg: true,
      describe: "Train on this many images, chosen at random [all]",
    })
    .option("val-data", {
      type: "string",
      requiresArg: true,
      describe: "Images to validate on after every epoch [the split val or test of --data]",
    })
    .option("val-split", {
      type: "string",
      requiresArg: true,
      describe: "The split of --val-data to validate on",
    })
    .option("val-images", {
      type: "number",
      requiresArg: true,
      describe: "Validate on this many images, chosen at random [all]",
    })
    .option("validate", {
      type: "boolean",
      default: true,
      describe: "Measure top-1 after every epoch; --no-validate skips it",
    })
    .option("crop", {
      type: "number",
      requiresArg: true,
      describe: "Largest random shift of training images, in pixels [an eighth of their side]",
    })
    .option("flip", {
      requiresArg: true,
      choices: FLIPS,
      describe:
        "Random mirroring of training images; all adds rotations by 90 degrees [horizontal; none for grey images]",
    })
    .option("mixup", {
      type: "number",
      requiresArg: true,
      default: 0,
      describe: "Mixup: parameter of the Beta distribution that mixes pairs of images",
    });
}

function optimisers<T>(yargs: Argv<T>, defaults: Defaults) {
  return yargs
    .option("epochs", {
      type: "number",
      requiresArg: true,
      default: defaults.epochs,
      describe: "Number of epochs",
    })
    .option("batch", {
      type: "string",
      requiresArg: true,
      default: defaults.batch,
      describe:
        "Images per training step; several sizes (64,128) are used for equal parts of the run",
    })
    .option("accumulate", {
      type: "number",
      requiresArg: true,
      default: 1,
      describe: "Batches per step of the optimizer",
    })
    .option("optimizer", {
      requiresArg: true,
      choices: ["sgd", "adamw"] as const,
      default: defaults.optimizer,
      describe: "Optimizer of the training",
    })
    .option("lr", {
      type: "number",
      requiresArg: true,
      describe: "Learning rate [0.02 for sgd, 0.001 for adamw]",
    })
    .option("lr-schedule", {
      requiresArg: true,
      choices: SCHEDULES,
      default: "cosine" as const,
      describe: "Schedule of the learning rate",
    })
    .option("warmup", {
      type: "number",
      requiresArg: true,
      default: defaults.warmup,
      describe: "Epochs of warm-up of the learning rate",
    })
    .option("final-lr", {
      type: "number",
      requiresArg: true,
      default: 0,
      describe: "Learning rate at the end, as a share of the first one",
    })
    .option("momentum", {
      type: "number",
      requiresArg: true,
      default: 0.9,
      describe: "Momentum of sgd",
    })
    .option("nesterov", {
      type: "boolean",
      default: true,
      describe: "Nesterov momentum in sgd; --no-nesterov turns it off",
    })
    .option("weight-decay", {
      type: "number",
      requiresArg: true,
      describe: "Weight decay [0.0001 for sgd, 0.05 for adamw]",
    })
    .option("decay-all", {
      type: "boolean",
      default: false,
      describe: "Apply weight decay to biases and norms, too",
    })
    .option("norms", {
      requiresArg: true,
      choices: ["auto", "batch", "frozen"] as const,
      default: defaults.norms,
      describe:
        "Statistics of BatchNormalization in training: batch, frozen, or auto (the one with the lower first loss)",
    })
    .option("clip", {
      type: "number",
      requiresArg: true,
      default: defaults.clip,
      describe: "Largest norm of the gradients; 0 turns clipping off",
    });
}

function losses<T>(yargs: Argv<T>, defaults: Defaults) {
  return yargs
    .option("teacher", {
      type: "string",
      requiresArg: true,
      describe:
        "Original network for distillation: its scores and inner values are matched besides the labels",
    })
    .option("task", {
      requiresArg: true,
      choices: TASKS,
      describe: "Task to train for [found from the data's targets]",
    })
    .option("outputs", {
      type: "string",
      requiresArg: true,
      describe: "Outputs to train, separated by commas [all]",
    })
    .option("loss", {
      requiresArg: true,
      choices: ["mix", "outputs", "cross-modal"] as const,
      default: "mix" as const,
      describe:
        "Loss: mix (labels and teacher), outputs (all outputs of the teacher, no labels), or cross-modal (outputs, and the teacher's similarities of all pairs in a batch)",
    })
    .option("label-smoothing", {
      type: "number",
      requiresArg: true,
      default: defaults.smoothing,
      describe: "Probability that label smoothing spreads over the other classes",
    })
    .option("label-weight", {
      type: "number",
      requiresArg: true,
      describe: `Weight of the labels in the loss [1; ${DISTILLATION.labels} with a teacher]`,
    })
    .option("score-weight", {
      type: "number",
      requiresArg: true,
      describe: `Weight of the teacher's scores in the loss [${DISTILLATION.scores}]`,
    })
    .option("feature-weight", {
      type: "number",
      requiresArg: true,
      describe: `Weight of the teacher's inner values in the loss [${DISTILLATION.features}]`,
    })
    .option("temperature", {
      type: "number",
      requiresArg: true,
      default: DISTILLATION.temperature,
      describe: "Temperature of the distillation",
    });
}

function averages<T>(yargs: Argv<T>) {
  return yargs
    .option("ema", {
      type: "number",
      requiresArg: true,
      describe: "Decay of the exponential average of the weights, such as 0.999 [none]",
    })
    .option("patience", {
      type: "number",
      requiresArg: true,
      describe: "Stop after this many epochs without a better validation [never]",
    });
}
