import { z } from "zod";

export const PROOF_PARTS = z.object({
  runs: z.number().int(),
  seed: z.number().int(),
  limit: z.number(),
  inputs: z.string().default("standard normal numbers").describe("What the networks were fed."),
  values: z.number().int().describe("Values compared in each run."),
  maxRelative: z.number().describe("Largest over the network's outputs and the runs."),
  rounding: z
    .number()
    .nullable()
    .default(null)
    .describe(
      "How far the original's outputs move by rounding alone; null where it was not needed.",
    ),
  layersRelative: z.number().describe("Largest over the segments' outputs and the runs."),
  worstLayer: z.string().nullable(),
  maxAbsolute: z.number(),
  asWritten: z
    .object({ unit: z.enum(["steps", "relative"]), most: z.number(), mean: z.number() })
    .nullable()
    .default(null)
    .describe("Networks of few bits per number as they are written; null for float32."),
  identical: z.boolean().describe("Same bits in every value of every run."),
});

/** `proof.json`: how near the smaller network is to the masked original. */
export const PROOF = PROOF_PARTS.extend({ schema: z.literal("mdp-proof/1") });
