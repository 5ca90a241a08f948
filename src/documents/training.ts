import { z } from "zod";
import type { Document } from "./document.ts";
import { ACCURACY } from "./parts.ts";

const USED_DATA = z.object({
  path: z.string(),
  split: z.string().nullable(),
  images: z.number().int(),
});
export type UsedData = Document<typeof USED_DATA>;

const RECIPE = z.object({
  epochs: z.number(),
  batch: z.array(z.number()),
  accumulate: z.number(),
  optimiser: z.discriminatedUnion("kind", [
    z.object({
      kind: z.literal("sgd"),
      momentum: z.number(),
      nesterov: z.boolean(),
      weightDecay: z.number(),
      decayAll: z.boolean(),
    }),
    z.object({
      kind: z.literal("adamw"),
      beta1: z.number(),
      beta2: z.number(),
      epsilon: z.number(),
      weightDecay: z.number(),
      decayAll: z.boolean(),
    }),
  ]),
  schedule: z.object({
    kind: z.enum(["cosine", "linear", "step", "constant"]),
    rate: z.number(),
    warmupEpochs: z.number(),
    finalShare: z.number(),
  }),
  loss: z.object({
    labelSmoothing: z.number(),
    labels: z.number(),
    scores: z.number(),
    temperature: z.number(),
    features: z.number(),
    outputs: z.number(),
    pairs: z.number().optional(),
  }),
  norms: z.enum(["batch", "frozen"]),
  clipNorm: z.number().nullable(),
  zeros: z
    .object({ target: z.number().nullable().describe("Share of zeros in the end.") })
    .nullable()
    .optional()
    .describe("Zeros of a sparse network that stay zero."),
  ema: z.number().nullable(),
  patience: z.number().nullable(),
  seed: z.number(),
});

const EPOCH = z.object({
  epoch: z.number().int().describe("Counted from 1."),
  step: z.number().int(),
  rate: z.number(),
  batch: z.number().int(),
  loss: z.number(),
  labelLoss: z.number().nullable(),
  scoreLoss: z.number().nullable(),
  featureLoss: z.number().nullable(),
  outputLoss: z.number().nullable(),
  trainTop1: z.number().nullable(),
  validationTop1: z.number().nullable(),
  validationTop5: z.number().nullable(),
  imagesPerSecond: z.number(),
  overhead: z.number(),
  seconds: z.number(),
});

/** `mdp finetune --json`, `mdp train --json`, and `training.json`. */
export const TRAINING = z.object({
  schema: z.literal("mdp-training/1"),
  kind: z.enum(["finetune", "train"]),
  command: z.string(),
  network: z.object({ name: z.string(), path: z.string(), hash: z.string() }),
  teacher: z.object({ path: z.string(), hash: z.string() }).nullable(),
  data: USED_DATA,
  validation: USED_DATA.nullable(),
  imageShape: z.array(z.number()),
  recipe: RECIPE,
  augment: z.object({
    crop: z.number(),
    flip: z.enum(["none", "horizontal", "all"]),
    mixup: z.number(),
  }),
  parameters: z.number().int(),
  batchNorms: z
    .number()
    .int()
    .describe("BatchNormalizations that follow their batches; 0 where they are folded."),
  features: z.array(z.string()).describe("Inner values that are compared with the teacher's."),
  runtime: z.string(),
  threads: z.number().int(),
  end: z.enum(["finished", "stopped-early", "interrupted"]),
  before: ACCURACY.nullable(),
  best: z.object({ epoch: z.number().int(), top1: z.number() }).nullable(),
  history: z.array(EPOCH),
  seconds: z
    .object({
      total: z.number().describe("Of the command, from its options to its report."),
      training: z
        .number()
        .describe("Of it, in epochs of this run: reading batches and taking steps."),
      validation: z.number().describe("Of it, validating, before and between the epochs."),
    })
    .optional()
    .describe("Absent in reports of earlier versions."),
  files: z.object({
    last: z.string(),
    best: z.string().nullable(),
    metrics: z.string(),
    events: z.string(),
  }),
});
export type TrainingReport = Document<typeof TRAINING>;

/** A report before anything has been trained. */
export type TrainingPlan = Omit<
  TrainingReport,
  "end" | "before" | "best" | "history" | "seconds" | "files"
>;
