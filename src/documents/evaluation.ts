import { z } from "zod";
import type { Document } from "./document.ts";
import { ACCURACY } from "./parts.ts";

const RESULT = z.object({
  model: z.string(),
  bytes: z.number().int(),
  accuracy: ACCURACY.nullable(),
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
  runtime: z.string(),
  batch: z.number().int(),
  threads: z.number().int(),
  optimisation: z.enum(["disabled", "basic", "extended", "all"]),
  results: z.array(RESULT),
});
export type EvalReport = Document<typeof EVALUATION>;
