import { z } from "zod";
import type { Document } from "./document.ts";

/** Items are held by their numbers, and networks are run on each of them. */
const MOST_ITEMS = 10_000_000;

const METRIC = z.strictObject({
  name: z.string().min(1).describe("What the metric is called in reports and requirements."),
  is: z
    .string()
    .optional()
    .describe("A built-in metric: accuracy, recall, psnr, ...; or a command."),
  command: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe("Program and arguments; run as COMMAND... --model FILE --items LIST --seed N."),
  of: z
    .string()
    .optional()
    .describe("Which of the metrics that the command gives; its only one without."),
  better: z.enum(["higher", "lower"]).optional().describe("Of a command; higher without."),
  unit: z.enum(["share", "dB", "number"]).optional().describe("Of a command; number without."),
  class: z.union([z.string(), z.int().nonnegative()]).optional(),
  at: z.string().optional().describe("false-alarms('ok') <= 2%"),
  k: z.int().positive().optional().describe("Of top-k accuracy."),
  output: z.string().optional().describe("Output that is judged; the first one without."),
  target: z
    .enum(["data", "input", "dense"])
    .optional()
    .describe(
      "What answers are compared with: the data's target, the input, or the dense network's answer.",
    ),
  range: z
    .number()
    .positive()
    .optional()
    .describe("Largest less smallest value, of psnr and ssim."),
  require: z.string().optional().describe(">= 97%, >= dense - 1%, <= 1.2 * dense"),
  maximize: z
    .number()
    .positive()
    .optional()
    .describe("Weight among what is to be as good as possible."),
  timeoutSeconds: z.number().positive().optional().describe("Of one run of the command."),
});

/** What a user wants of a network: `metrics.json`. */
export const METRICS = z.strictObject({
  schema: z.literal("mdp-metrics/1"),
  about: z
    .union([z.string(), z.array(z.string())])
    .optional()
    .describe("Notes for people."),
  data: z
    .strictObject({
      path: z.string().optional().describe("Beside this file, as mdp eval takes it."),
      config: z.string().optional().describe("Its pre-processing, where the data doesn't say."),
      split: z.string().optional(),
      search: z.int().positive().max(MOST_ITEMS).describe("Items that networks are searched on."),
      confirm: z
        .int()
        .positive()
        .max(MOST_ITEMS)
        .describe("Items that they are confirmed and gated on."),
      confirmPath: z.string().optional().describe("Items to confirm on, where they lie elsewhere."),
    })
    .describe("Items; without a path, numbers that are handed to commands."),
  metrics: z.array(METRIC).min(1),
  confidence: z.string().default("95%"),
  seed: z.int().nonnegative().default(1),
});
export type MetricsFile = Document<typeof METRICS>;
export type MetricSpec = MetricsFile["metrics"][number];

const VALUE = z.number().nullable();

/** `mdp metrics suggest --json`: what can be measured, and how early it reacts to pruning. */
export const SUGGESTED = z.object({
  schema: z.literal("mdp-suggested/1"),
  network: z.string(),
  items: z.number().int(),
  metrics: z.array(
    z.object({
      spec: METRIC,
      because: z.string(),
      value: VALUE,
      low: VALUE,
      high: VALUE,
      items: z.number().int(),
      reactsAt: VALUE.describe(
        "Share of the units that can go before the metric leaves its dense interval; null: never.",
      ),
      movesWith: z.string().nullable().describe("A metric before it that says the same."),
      isProposed: z.boolean(),
    }),
  ),
});
export type SuggestedReport = Document<typeof SUGGESTED>;

const COMPARED = z.object({
  name: z.string(),
  value: VALUE,
  low: VALUE,
  high: VALUE,
  limit: VALUE.describe("Null without a requirement."),
  behind: z
    .object({ value: VALUE, low: VALUE, high: VALUE })
    .nullable()
    .describe("Coefficients less this method, with the paired 95 % interval."),
});

/** `mdp compare --metrics --json`: ways to choose a subnet, on the confirm items. */
export const COMPARED_METRICS = z.object({
  schema: z.literal("mdp-compared-metrics/1"),
  network: z.string(),
  methods: z.array(
    z.object({
      name: z.string(),
      parameters: z.number(),
      latencyMs: z.number(),
      metrics: z.array(COMPARED),
      repaired: z
        .array(COMPARED)
        .nullable()
        .optional()
        .describe("After the same repair; null where nothing could be repaired."),
    }),
  ),
});
export type ComparedMetrics = Document<typeof COMPARED_METRICS>;
