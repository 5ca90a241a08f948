import { z } from "zod";
import { JOINED } from "../graph/pair/joined.ts";
import type { Document } from "./document.ts";

const PART = z.object({
  name: z.string(),
  file: z.string(),
  outputs: z.array(z.string()),
  width: z.number().int().nullable().describe("Of the embedding; null where it isn't fixed."),
});

/** The two files of a joined network. */
export const PARTS = z.array(PART);

/** `mdp join --json`. */
export const JOIN = z.object({
  schema: z.literal("mdp-join/1"),
  out: z.string().describe("The joined network."),
  pair: JOINED,
});

/** `mdp split --json`. */
export const SPLIT = z.object({
  schema: z.literal("mdp-split/1"),
  model: z.string().describe("The joined network."),
  parts: PARTS,
});
export type Split = Document<typeof SPLIT>;
