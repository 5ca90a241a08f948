/** Parts that several documents share. */
import { z } from "zod";
import type { Document } from "./document.ts";

/** A quantity of the whole network and of the chosen subnet. */
export const AMOUNT = z.object({ dense: z.number(), chosen: z.number() });
export type Amount = Document<typeof AMOUNT>;

/** How many of a table's cells come from where. */
export const COVERAGE = z.object({
  cells: z.number().int(),
  measured: z.number().int(),
  interpolated: z.number().int(),
  predicted: z.number().int(),
});

/** Shares of images, 0 to 1. */
export const ACCURACY = z.object({
  count: z.number().int().describe("Images that were judged on."),
  top1: z.number(),
  top5: z.number(),
});

/** An error as the command line prints it. */
export const FAILURE = z.object({
  code: z.string(),
  message: z.string(),
  where: z.string().nullable(),
  hint: z.string().nullable(),
  exitCode: z.number().int(),
});
