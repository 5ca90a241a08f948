import { z } from "zod";
import type { Document } from "./document.ts";
import { ACCURACY } from "./parts.ts";
import { PROOF_PARTS } from "./proof.ts";

const LAYER = z.object({
  label: z.string(),
  tied: z
    .array(z.string())
    .describe("Further layers that read the same weight, under the same mask."),
  count: z.number().int().describe("Elements of the weight."),
  nonzeros: z.number().int(),
  masked: z.boolean().describe("False: it keeps all elements."),
  knowledgeOfWeight: z
    .number()
    .nullable()
    .describe(
      "Mean singular value of the weight over the dense one's; null where it is not known.",
    ),
  knowledgeOfOutput: z.number().nullable().describe("The same of the layer's output on images."),
  damage: z
    .number()
    .nullable()
    .describe("What the program counted for it; null where a rule chose the rates."),
});

const BEFORE_AND_AFTER = z.object({ dense: z.number().int(), sparse: z.number().int() });

const LIMIT = z.object({
  text: z.string(),
  kind: z.string(),
  comparison: z.enum(["<=", ">=", "=="]),
  limit: z.number().nullable(),
  used: z.number().nullable(),
  slack: z.number().nullable(),
  binds: z.boolean(),
  penalty: z.object({ perUnit: z.number(), paid: z.number() }).nullable(),
  dim: z.string().nullable(),
});

/** `mdp sparsify --json`. */
export const SPARSIFY = z.object({
  schema: z.literal("mdp-sparsify/1"),
  model: z.string(),
  data: z.string().nullable(),
  sparsity: z.number().nullable().describe("Share of zeros that was asked for, 0 to 1."),
  pattern: z.string(),
  score: z.string(),
  rates: z
    .string()
    .describe(
      "program, a rule, pattern where an N:M pattern fixes them, or subnet where a subnet's file says them.",
    ),
  repair: z.string(),
  format: z.string(),
  images: z.number().int().describe("Images that layers were fitted on."),
  raisedRidges: z
    .number()
    .int()
    .describe(
      "Layers whose ridge was raised: images outside of the fit come closer with it, or their inputs depend on each other.",
    ),
  layers: z.array(LAYER),
  left: z
    .array(z.object({ label: z.string(), count: z.number().int(), reason: z.string() }))
    .describe("Weights that stay dense."),
  total: z.object({
    weights: z.number().int(),
    nonzeros: z.number().int(),
    bytes: BEFORE_AND_AFTER.describe("Of the files."),
    gzip: BEFORE_AND_AFTER,
    knowledgeOfWeights: z.number().nullable().describe("exp(-mean over layers of |log kept|)"),
    knowledgeOfOutputs: z.number().nullable(),
  }),
  program: z
    .object({
      status: z.enum(["optimal", "feasible"]),
      damage: z.number(),
      bound: z.number().nullable().describe("No rates damage less."),
      gap: z.number().nullable(),
      solver: z.string(),
      seconds: z.number(),
      notes: z.array(z.string()),
      limits: z.array(LIMIT),
    })
    .nullable(),
  refinement: z
    .object({
      starts: z
        .array(z.object({ rates: z.string(), damage: z.number() }))
        .describe("What the whole network, sparse and fitted, loses at the rates to begin with."),
      rounds: z.array(
        z.object({
          reach: z.number().describe("Densities could change by this factor."),
          expected: z.number().describe("Change of the damage by the program."),
          damage: z.number().describe("Of the network at the new rates."),
          accepted: z.boolean(),
        }),
      ),
      damage: z.number().describe("Of the network that is written."),
    })
    .nullable()
    .describe("Rates measured again around themselves; null where they were not."),
  surgery: PROOF_PARTS.nullable().describe(
    "Of the channels that a subnet removes first, before weights changed; null without one.",
  ),
  proof: z.object({
    weights: z.number().int(),
    zeros: z.number().int(),
    constants: z.number().int(),
    runs: z.number().int(),
    seed: z.number().int(),
    maxRelative: z.number(),
    identical: z.boolean(),
  }),
  seconds: z.object({ scores: z.number(), rates: z.number(), total: z.number() }),
  out: z.string(),
  judgedOn: z.string().nullable(),
  accuracy: z
    .array(ACCURACY.extend({ name: z.string() }))
    .nullable()
    .describe("Of the dense network, the same with zeros and no repair, and the sparse one."),
});
export type SparsifyReport = Document<typeof SPARSIFY>;
