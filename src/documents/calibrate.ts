import { z } from "zod";
import type { Document } from "./document.ts";
import { AMOUNT } from "./parts.ts";

/** A subnet that was solved and measured. */
const TRY = z.object({
  round: z.number().int().describe("Corrections of the table before it."),
  askedMs: z.number().describe("What the solver was given."),
  predictedMs: z.number(),
  measuredMs: z.number(),
  denseMs: z.number().describe("The dense network, measured in turns with it."),
  budgetMs: z.number(),
  used: z.number().describe("measuredMs / budgetMs"),
  value: z.number(),
});

/** `mdp calibrate --json`, and `calibrate.json`. */
export const CALIBRATE = z.object({
  schema: z.literal("mdp-calibrate/1"),
  network: z.string(),
  device: z.string(),
  tablePath: z.string().nullable().describe("The table that was corrected; null: predicted."),
  budget: z.string(),
  tolerance: z.number(),
  rounds: z.number().int(),
  status: z.enum(["met", "below", "above"]),
  best: z.number().int().describe("Index of the chosen one of `tries`."),
  chosen: TRY.nullable(),
  tries: z.array(TRY),
  importanceKept: AMOUNT,
  correction: z
    .object({
      networks: z.number(),
      factor: z.number(),
      cells: z.number(),
      errorBefore: z.number(),
      errorAfter: z.number(),
    })
    .nullable()
    .describe("What was done to the table."),
});
export type CalibrateReport = Document<typeof CALIBRATE>;
