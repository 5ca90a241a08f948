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
  readonly loss: "mix" | "outputs";
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
      describe: "Of everything that draws lots",
    })
    .option("out", {
      type: "string",
      requiresArg: true,
      demandOption: true,
      describe: "Folder of the run; the same command again goes on where it stopped",
    })
    .option("restart", {
      type: "boolean",
      default: false,
      describe: "Begin anew although the folder holds a run",
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
      describe: "Their pre-processing, as JSON",
    })
    .option("split", {
      type: "string",
      requiresArg: true,
      describe: "Of data with splits [train]",
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
      describe: "Measure top-1 after every epoch? (--no-validate)",
    })
    .option("crop", {
      type: "number",
      requiresArg: true,
      describe: "Images move by up to so many pixels [an eighth of their side]",
    })
    .option("flip", {
      requiresArg: true,
      choices: FLIPS,
      describe: "Images are mirrored; all: turned, too [horizontal; none for grey images]",
    })
    .option("mixup", {
      type: "number",
      requiresArg: true,
      default: 0,
      describe: "Pairs of images are mixed, by Beta(mixup, mixup)",
    });
}

function optimisers<T>(yargs: Argv<T>, defaults: Defaults) {
  return yargs
    .option("epochs", { type: "number", requiresArg: true, default: defaults.epochs })
    .option("batch", {
      type: "string",
      requiresArg: true,
      default: defaults.batch,
      describe: "Images per step; several sizes (64,128) take turns of equal length",
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
      describe: "How the learning rate falls",
    })
    .option("warmup", {
      type: "number",
      requiresArg: true,
      default: defaults.warmup,
      describe: "Epochs over which it rises first",
    })
    .option("final-lr", {
      type: "number",
      requiresArg: true,
      default: 0,
      describe: "Share of it that is left at the end",
    })
    .option("momentum", { type: "number", requiresArg: true, default: 0.9, describe: "Of sgd" })
    .option("nesterov", { type: "boolean", default: true, describe: "In sgd (--no-nesterov)" })
    .option("weight-decay", {
      type: "number",
      requiresArg: true,
      describe: "[0.0001 for sgd, 0.05 for adamw]",
    })
    .option("decay-all", {
      type: "boolean",
      default: false,
      describe: "Decay biases and norms, too",
    })
    .option("norms", {
      requiresArg: true,
      choices: ["auto", "batch", "frozen"] as const,
      default: defaults.norms,
      describe: "BatchNormalization by each batch, or as it is; auto: whichever starts better",
    })
    .option("clip", {
      type: "number",
      requiresArg: true,
      default: defaults.clip,
      describe: "Largest norm of the gradients; 0: any",
    });
}

function losses<T>(yargs: Argv<T>, defaults: Defaults) {
  return yargs
    .option("teacher", {
      type: "string",
      requiresArg: true,
      describe: "The original network: its scores and inner values teach beside the labels",
    })
    .option("task", {
      requiresArg: true,
      choices: TASKS,
      describe: "What the network is taught as [by the data's targets]",
    })
    .option("outputs", {
      type: "string",
      requiresArg: true,
      describe: "Outputs that are taught, between commas [all]",
    })
    .option("loss", {
      requiresArg: true,
      choices: ["mix", "outputs"] as const,
      default: "mix" as const,
      describe: "outputs: come near to all outputs of the teacher, without labels",
    })
    .option("label-smoothing", { type: "number", requiresArg: true, default: defaults.smoothing })
    .option("label-weight", {
      type: "number",
      requiresArg: true,
      describe: `Of the labels in the loss [1; ${DISTILLATION.labels} with a teacher]`,
    })
    .option("score-weight", {
      type: "number",
      requiresArg: true,
      describe: `Of the teacher's scores [${DISTILLATION.scores}]`,
    })
    .option("feature-weight", {
      type: "number",
      requiresArg: true,
      describe: `Of its inner values [${DISTILLATION.features}]`,
    })
    .option("temperature", {
      type: "number",
      requiresArg: true,
      default: DISTILLATION.temperature,
      describe: "Softens scores before they are compared",
    });
}

function averages<T>(yargs: Argv<T>) {
  return yargs
    .option("ema", {
      type: "number",
      requiresArg: true,
      describe: "Average the weights, keeping this share of it in every step, such as 0.999 [none]",
    })
    .option("patience", {
      type: "number",
      requiresArg: true,
      describe: "End after so many epochs without a better validation [never]",
    });
}
