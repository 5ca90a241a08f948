import { z } from "zod";
import { PROOF_PARTS } from "./proof.ts";

/** `mdp rebase --json`, and `rebase.json` of a run. */
export const REBASE = z.object({
  schema: z.literal("mdp-rebase/1"),
  out: z.string().describe("The network in its new basis."),
  images: z.number().int().describe("Images that the basis was chosen by; 0: by the weights."),
  pairs: z
    .array(
      z.object({
        node: z.string(),
        kind: z.enum(["scores", "values"]),
        groups: z.number().int().describe("Heads, or groups of heads that share their columns."),
        columns: z.number().int(),
        halfShare: z
          .number()
          .describe("Share of the squared singular values that the first half of the columns has."),
      }),
    )
    .describe("Products of attention that were rewritten."),
  refused: z
    .array(z.object({ node: z.string(), reason: z.string() }))
    .describe("Products that were left as they are."),
  proof: PROOF_PARTS.describe("Of both networks giving the same outputs."),
});
