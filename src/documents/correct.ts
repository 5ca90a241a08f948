import { z } from "zod";
import type { Document } from "./document.ts";
import { ACCURACY } from "./parts.ts";
import { PROOF_PARTS } from "./proof.ts";

const CORRECTED = z.object({
  method: z.enum(["least-squares", "bn", "both"]),
  images: z.number().int(),
  layers: z.array(
    z.object({
      label: z.string(),
      wanted: z.string().describe("Value of the dense network that it was fitted to."),
      rectified: z.boolean(),
      samples: z.number().int(),
      before: z.number(),
      after: z.number(),
      ridge: z.number(),
    }),
  ),
  left: z.array(z.object({ label: z.string(), reason: z.string() })),
  renewed: z.number().int().describe("BatchNormalizations with new statistics."),
});

/** `correct.json` of a run. */
export const CORRECTION = CORRECTED.extend({
  schema: z.literal("mdp-correction/1"),
  data: z.string(),
});

/** `mdp correct --json`. */
export const CORRECT = CORRECTED.extend({
  schema: z.literal("mdp-correct/1"),
  model: z.string(),
  subnet: z.string(),
  data: z.string(),
  out: z.string(),
  proof: PROOF_PARTS.describe("Of the surgery, before weights changed."),
  seconds: z.number().describe("Of the correction alone."),
  judgedOn: z.string().nullable(),
  accuracy: z
    .array(ACCURACY)
    .nullable()
    .describe("Of the dense, the cut and the corrected network."),
});
export type CorrectReport = Document<typeof CORRECT>;
