import { z } from "zod";
import type { Document } from "./document.ts";

/** `mdp explore --json`: the page that was written, or where it is served. */
export const EXPLORE = z.object({
  schema: z.literal("mdp-explore/1"),
  network: z.string(),
  devices: z.array(z.string()),
  bytes: z.number().int().describe("Of the page."),
  out: z.string().nullable().describe("null where it is served."),
  address: z.string().nullable().describe("Where it is served, with the token that opens it."),
});
export type ExploreDocument = Document<typeof EXPLORE>;
