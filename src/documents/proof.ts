import { z } from "zod";

export const PROOF_PARTS = z.object({
  runs: z.number().int(),
  seed: z.number().int(),
  limit: z.number(),
  values: z.number().int().describe("Values compared in each run."),
  maxRelative: z.number().describe("Largest over the network's outputs and the runs."),
  layersRelative: z.number().describe("Largest over the layers' outputs and the runs."),
  worstLayer: z.string().nullable(),
  maxAbsolute: z.number(),
  identical: z.boolean().describe("Same bits in every value of every run."),
});

/** `proof.json`: how near the smaller network is to the masked original. */
export const PROOF = PROOF_PARTS.extend({ schema: z.literal("mdp-proof/1") });
