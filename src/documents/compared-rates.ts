import { z } from "zod";
import type { Document } from "./document.ts";

/** `mdp compare --damages` without a device: ways to share out zeros over the layers. */
export const COMPARED_RATES = z.object({
  schema: z.literal("mdp-compared-rates/1"),
  network: z.string(),
  damages: z.string().describe("File that the damages were read from."),
  damage: z.string().describe("Their measure."),
  sparsity: z.number().describe("Share of zeros, 0 to 1."),
  weights: z.number().int(),
  rows: z.array(
    z.object({
      rates: z.string().describe("program, or a rule over magnitudes."),
      failed: z.string().nullable().describe("Why there are none; null where there are some."),
      proven: z.boolean().describe("No rates within the limits lose less by these damages."),
      damage: z.number().nullable().describe("Summed over the layers; straight lines in between."),
      nonzeros: z.number().nullable(),
      broken: z.array(z.string()).describe("Limits that the rates break."),
      subnet: z.string().nullable().describe("File of the densities, for mdp sparsify --subnet."),
    }),
  ),
});
export type ComparedRates = Document<typeof COMPARED_RATES>;
