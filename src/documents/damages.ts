import { z } from "zod";
import { DAMAGE_MEASURES } from "../importance/sensitivity/damage.ts";
import type { Document } from "./document.ts";

/** `mdp damages`: what the network loses where single weights go. */
export const DAMAGES = z.object({
  schema: z.literal("mdp-damages/1"),
  network: z.string(),
  networkHash: z.string().nullable(),
  data: z.string().nullable(),
  images: z.number().int().describe("That layers were fitted on; 0 without data."),
  measured: z.number().int().describe("Images that every damage was measured on."),
  damage: z
    .enum([...DAMAGE_MEASURES, "knowledge"])
    .describe(
      "squares: squared difference of the answers over their variance; divergence: of the class probabilities, in nats; knowledge: 1 - K_w of the layer's own weight, without images.",
    ),
  score: z.string().describe("That ranks the weights of a layer."),
  pattern: z.string(),
  repair: z.string(),
  weights: z.array(
    z.object({
      name: z.string().describe("Of the initializer."),
      label: z.string().describe("First layer that reads it."),
      count: z.number().int(),
      options: z
        .array(
          z.object({
            kept: z.number().int().positive(),
            damage: z.number().describe("Of this layer alone, after its fit."),
          }),
        )
        .describe("All but that which keeps everything, whose damage is 0."),
    }),
  ),
  left: z
    .array(z.object({ label: z.string(), count: z.number().int(), reason: z.string() }))
    .describe("Weights that stay dense."),
});
export type DamagesReport = Document<typeof DAMAGES>;
