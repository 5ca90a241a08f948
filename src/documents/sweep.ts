import { z } from "zod";
import type { Document } from "./document.ts";
import { SOLVE_HEAD } from "./solve.ts";

const POINT = z.object({
  budget: z.string().describe("As people wrote it, or as a share of the dense latency."),
  limit: z.number(),
  status: z.enum(["optimal", "feasible", "infeasible", "unsolved"]),
  latency: z.number().nullable(),
  importance: z.number().nullable(),
  damage: z.number().exactOptional().describe("Of zeros alone: what the answers lose in all."),
  objective: z
    .number()
    .nullable()
    .describe("Importance less penalties, or what is minimised with its sign turned."),
  bound: z.number().nullable(),
  gap: z.number().nullable(),
  parameters: z.number().nullable(),
  macs: z.number().nullable(),
  droppedBlocks: z.array(z.string()).nullable(),
  droppedLayers: z.array(z.string()).nullable(),
  least: z
    .number()
    .nullable()
    .describe("The smallest limit that can be met, where this one can't."),
  subnet: z.string().nullable().describe("Name of its file beside the report."),
  notes: z.array(z.string()),
});
export type SweepPoint = Document<typeof POINT>;

/** `mdp sweep --json`, and `sweep.json`. */
export const SWEEP = z.object({
  schema: z.literal("mdp-sweep/1"),
  name: z.string().describe("Of the network or instance."),
  head: SOLVE_HEAD.nullable().describe("null for an instance."),
  options: z.record(z.string(), z.unknown()).nullable(),
  swept: z
    .enum(["nonzeros", "bytes"])
    .exactOptional()
    .describe("Of zeros alone: what `latency` counts here."),
  damage: z.string().exactOptional().describe("Measure of the damages, as in damages.json."),
  unit: z.string().describe("Of every latency."),
  dense: z.object({
    latency: z.number(),
    importance: z.number(),
    parameters: z.number().nullable(),
    macs: z.number().nullable(),
  }),
  points: z.array(POINT).describe("Largest budget first."),
  complete: z
    .boolean()
    .describe("False where it was interrupted before all budgets had their point."),
  notes: z.array(z.string()),
});
export type SweepReport = Document<typeof SWEEP>;
