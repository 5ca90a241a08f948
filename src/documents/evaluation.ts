import { z } from "zod";
import type { Document } from "./document.ts";
import { ACCURACY } from "./parts.ts";

/** A metric with its interval. */
const METRIC = z.object({
  name: z.string(),
  better: z.enum(["higher", "lower"]),
  unit: z.enum(["share", "dB", "number"]),
  value: z.number(),
  low: z.number().describe("Lower end of the interval."),
  high: z.number(),
  items: z.number().int().describe("Samples that it was measured on."),
  by: z
    .enum(["wilson", "student", "newcombe", "bootstrap", "none"])
    .describe("How the interval was made; none where there is a single number."),
  confidence: z.number().describe("Two-sided, 0 to 1."),
});
export type EvalMetric = Document<typeof METRIC>;

const TASK = z.object({
  name: z.string(),
  notes: z.array(z.string()).describe("What was guessed."),
});
export type EvalTask = Document<typeof TASK>;

const PREPARED = z.object({
  from: z
    .enum(["given", "network", "data", "default"])
    .describe("Who says it: --data-config, the network's file, the data, or nobody."),
  config: z.record(z.string(), z.unknown()).describe("The fields of mdp-dataset/1 that were used."),
  text: z.string(),
  tried: z
    .object({
      choices: z.array(
        z.object({
          name: z.string(),
          config: z.record(z.string(), z.unknown()),
          top1: z.number(),
          images: z.number().int(),
        }),
      ),
      fits: z.string().nullable().describe("One that fits better than the one used, for sure."),
    })
    .nullable()
    .describe("Usual choices on some of the images, where nobody says how they are prepared."),
});
export type EvalPreprocessing = Document<typeof PREPARED>;

/** `preprocessing.json` of a run: how its pictures are prepared. */
export const PREPROCESSING_OF_RUN = PREPARED.extend({
  schema: z.literal("mdp-preprocessing/1"),
});

const RESULT = z.object({
  model: z.string(),
  bytes: z.number().int(),
  accuracy: ACCURACY.nullable(),
  metrics: z.array(METRIC).optional().describe("Of the task, where data is named."),
  perClass: z.array(METRIC).optional(),
  agreement: z
    .array(METRIC)
    .nullable()
    .optional()
    .describe("With the first network's answers; null for the first."),
  differences: z
    .array(METRIC)
    .nullable()
    .optional()
    .describe("The metrics minus the first network's on the same samples; null for the first."),
  latency: z
    .object({
      minMs: z.number(),
      lowMs: z.number().describe("A fifth of the runs stay under it."),
      medianMs: z.number(),
      p90Ms: z.number(),
      p99Ms: z.number(),
      ofFirst: z.number().describe("As a share of the first network's, taken turn by turn."),
      ofFirstError: z.number().describe("Standard error of `ofFirst`, as a share of it."),
    })
    .nullable(),
});
export type EvalResult = Document<typeof RESULT>;

/** `mdp eval --json`, and `eval.json` of a run. */
export const EVALUATION = z.object({
  schema: z.literal("mdp-eval/1"),
  data: z.string().nullable().describe("null where only latency was measured."),
  images: z.number().int(),
  preprocessing: PREPARED.nullable()
    .optional()
    .describe("Of the pictures; null where there are none."),
  task: TASK.nullable().optional().describe("null where only latency was measured."),
  runtime: z.string(),
  batch: z.number().int(),
  threads: z.number().int(),
  load: z
    .object({ others: z.number().nullable(), cores: z.number().int(), isLoaded: z.boolean() })
    .optional()
    .describe(
      "Cores that other programs kept busy while networks were timed; null where that was too short to tell.",
    ),
  optimisation: z.enum(["disabled", "basic", "extended", "all"]),
  results: z.array(RESULT),
});
export type EvalReport = Document<typeof EVALUATION>;
