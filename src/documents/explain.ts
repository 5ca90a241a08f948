import { z } from "zod";
import type { Document } from "./document.ts";
import { SOLVE_HEAD } from "./solve.ts";

/** What forcing a choice costs, in units of the objective. */
const LOSS = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("exact"), loss: z.number() }),
  z.object({
    kind: z.literal("between"),
    least: z.number().nullable().describe("null where nothing was found in time."),
    most: z.number().nullable(),
  }),
  z.object({ kind: z.literal("impossible") }),
]);
const READING = z.object({ text: z.string(), scale: z.number(), offset: z.number() });
const STEP = z.object({
  count: z.number(),
  loss: LOSS,
  alone: z.object({ gain: z.number(), usage: z.array(z.number()) }).nullable(),
});
const DIM = z.object({
  name: z.string(),
  why: z.enum(["only-choice", "gone", "narrowed", "floor", "no-saving", "worth-more"]),
  kept: z.number().describe("Units."),
  units: z.number(),
  narrower: STEP.nullable(),
  wider: STEP.nullable(),
});
const PART = z.object({ name: z.string(), kept: z.boolean(), loss: LOSS });
const LIMIT = z.object({
  members: z.array(z.number()),
  resource: z.string(),
  unit: z.string(),
  limit: z.number(),
  used: z.number(),
  reading: READING.nullable(),
  soft: z.boolean(),
  worthAll: z.number().nullable(),
  multiplier: z.number().nullable(),
  step: z.number(),
  less: LOSS,
  more: LOSS,
});

/** `mdp explain --json`. */
export const EXPLAIN = z.object({
  schema: z.literal("mdp-explain/1"),
  name: z.string().describe("Of the network or instance."),
  head: SOLVE_HEAD.nullable(),
  options: z.record(z.string(), z.unknown()).nullable(),
  subnet: z.string().nullable().describe("The file of the subnet; null for the optimum."),
  goal: z.string().describe("What the losses are of: importance, or what is minimised."),
  dense: z.object({ objective: z.number() }).describe("Of the whole network."),
  explanation: z.object({
    objective: z.number(),
    usage: z.array(z.number()),
    optimum: z.object({ objective: z.number(), bound: z.number(), proven: z.boolean() }),
    relaxation: z.number().nullable(),
    limits: z.array(LIMIT),
    dims: z.array(DIM),
    blocks: z.array(PART),
    layers: z.array(PART),
    notes: z.array(z.string()),
  }),
  dims: z
    .array(z.object({ unitChannels: z.number(), whole: z.string().nullable() }))
    .describe("Per dim of the explanation: channels per unit, and why it has one option only."),
  notes: z.array(z.string()),
});
export type ExplainReport = Document<typeof EXPLAIN>;

/** `mdp explain --json` where no subnet meets the limits. */
export const CONFLICT = z.object({
  schema: z.literal("mdp-conflict/1"),
  name: z.string(),
  head: SOLVE_HEAD.nullable(),
  conflict: z.object({
    nearest: z.array(
      z.object({
        resource: z.string(),
        unit: z.string(),
        limit: z.number(),
        least: z.number(),
        proven: z.boolean(),
        othersKept: z.boolean(),
        reading: READING.nullish(),
      }),
    ),
    open: z.array(z.string()),
    limits: z.array(z.string()),
    minimal: z.boolean(),
  }),
});
export type ConflictReport = Document<typeof CONFLICT>;
