import { z } from "zod";
import type { Document } from "./document.ts";
import { EVALUATION } from "./evaluation.ts";
import { PARTS } from "./pair.ts";
import { PROOF } from "./proof.ts";
import { REBASE } from "./rebase.ts";
import { SOLVE } from "./solve.ts";
import { SPARSIFY } from "./sparsify.ts";

/** `run.json`: the finished stages of a run folder. */
export const RUN = z.object({
  schema: z.literal("mdp-run/1"),
  stages: z.record(
    z.string(),
    z.object({
      key: z.string().describe("Hash of everything that the stage's result depends on."),
      seconds: z.number(),
      date: z.string(),
      outputs: z
        .record(z.string(), z.string())
        .describe("Files it wrote, relative to the folder, with their hashes."),
    }),
  ),
});
export type RunRecord = Document<typeof RUN>;

/** `config.json`: what a run was asked for. */
export const CONFIG = z.object({
  schema: z.literal("mdp-config/1"),
  command: z.string(),
  network: z.object({ path: z.string(), hash: z.string() }),
  options: z.record(z.string(), z.unknown()),
});

/** `mdp prune --json`, and `summary.json`. */
export const SUMMARY = z.object({
  schema: z.literal("mdp-summary/1"),
  folder: z.string(),
  rebase: REBASE.optional().describe("Of attention networks, unless it was left out."),
  solve: SOLVE,
  sparsify: SPARSIFY.exactOptional().describe("Where single weights went too."),
  proof: PROOF,
  eval: EVALUATION,
  parts: PARTS.optional().describe("Of two networks that were pruned as one: their files."),
});
export type RunSummary = Document<typeof SUMMARY>;
