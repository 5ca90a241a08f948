import { z } from "zod";
import type { Document } from "./document.ts";
import { AMOUNT } from "./parts.ts";

const PUBLISHED = z.object({
  importance: z.number(),
  latency: z.number(),
  ownLatency: z.number(),
  fits: z.boolean().describe("Whether it keeps every limit, by the true tables."),
});

const RESULT = z.object({
  status: z.string().describe("`optimal` where it is proven."),
  importance: z.number(),
  latency: z.number().describe("By the true tables."),
  ownLatency: z
    .number()
    .nullable()
    .describe("What the method itself takes it for; null where it reads the true tables."),
  asPublished: PUBLISHED.nullable().describe(
    "With the budget as its own, before it was moved so that the true latency fits.",
  ),
  parameters: AMOUNT.nullable(),
  macs: AMOUNT.nullable(),
  droppedBlocks: z.array(z.string()),
  droppedLayers: z.array(z.string()),
  subnet: z.string().nullable().describe("Where it was written."),
});
export type CompareResult = Document<typeof RESULT>;

const ROW = z.object({
  method: z.string(),
  failed: z.string().nullable().describe("Why there is no subnet; null where there is one."),
  result: RESULT.nullable(),
  seconds: z.number(),
});
export type CompareRow = Document<typeof ROW>;

/** `mdp compare --json`, and `compare.json`. */
export const COMPARE = z.object({
  schema: z.literal("mdp-compare/1"),
  name: z.string(),
  source: z.string().describe("Device and table, or an instance's file."),
  predicted: z.boolean(),
  latency: z.object({ unit: z.string(), dense: z.number(), budget: z.number().nullable() }),
  importanceDense: z.number(),
  rows: z.array(ROW),
});
export type CompareReport = Document<typeof COMPARE>;

/** `mdp compare --json` of several instances. */
export const COMPARES = z.object({
  schema: z.literal("mdp-compares/1"),
  reports: z.array(COMPARE),
});
