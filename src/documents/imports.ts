import { z } from "zod";

/** `mdp import --json`: a published instance, or a latency table. */
export const IMPORT = z.union([
  z.object({
    schema: z.literal("mdp-import/1"),
    name: z.string(),
    groups: z.number(),
    layers: z.number(),
    blocks: z.number(),
    budget: z.number(),
    out: z.string(),
  }),
  z.object({
    schema: z.literal("mdp-import/1"),
    kind: z.literal("table"),
    network: z.string(),
    operations: z.number(),
    batch: z.number(),
    step: z.number(),
    denseMs: z.number(),
    notes: z.array(z.string()),
    out: z.string(),
  }),
]);

/** `mdp import-weights --json`. */
export const IMPORT_WEIGHTS = z.object({
  schema: z.literal("mdp-import-weights/1"),
  folder: z.string(),
  weights: z.string(),
  metadata: z.record(z.string(), z.string()),
  tensors: z.number(),
  zeros: z
    .object({ kept: z.number().int(), of: z.number().int() })
    .exactOptional()
    .describe("Zeros of sparse weights that the training has kept; absent where there were none."),
  checked: z
    .object({ maxRelative: z.number(), limit: z.number(), images: z.number() })
    .nullable()
    .describe("null: there was nothing to compare with."),
  out: z.string(),
});
