import { z } from "zod";
import type { Document } from "./document.ts";

const SPECTRUM = z
  .array(z.number())
  .describe("Singular values, falling; of outputs averaged over batches.");

const LAYER = z.object({
  layer: z.string(),
  dense: z.number().describe("Mean singular value in the first network."),
  pruned: z.number().nullable().describe("In the second one; null where the layer is gone."),
  kept: z.number().nullable().describe("pruned / dense"),
  spectra: z.object({ dense: SPECTRUM, pruned: SPECTRUM.nullable() }),
});

const READING = z.object({
  layers: z.array(LAYER),
  kept: z
    .number()
    .nullable()
    .describe("exp(-mean over layers of |log kept|): 1 where every mean stays."),
});

/** `mdp knowledge --json`. */
export const KNOWLEDGE = z.object({
  schema: z.literal("mdp-knowledge/1"),
  model: z.string(),
  pruned: z.string().nullable().describe("Null where one network is looked at alone."),
  data: z.string().nullable(),
  images: z.number().int(),
  batch: z.number().int().describe("Images per output matrix."),
  weights: READING,
  outputs: READING.nullable().describe("Null without images."),
  leftOut: z
    .array(z.object({ layer: z.string(), reason: z.string() }))
    .describe("Layers of which no spectrum was taken."),
  figure: z.string().nullable(),
});
export type KnowledgeReport = Document<typeof KNOWLEDGE>;
