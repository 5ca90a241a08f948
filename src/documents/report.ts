import { z } from "zod";
import type { Document } from "./document.ts";

/** `mdp report --json`: what was written. */
export const REPORT = z.object({
  schema: z.literal("mdp-report/1"),
  out: z.string(),
  card: z.string().nullable().describe("Model card; null where none was asked for."),
  bytes: z.number().int().describe("Of the page."),
  subjects: z.array(
    z.object({
      title: z.string(),
      warnings: z.array(z.string()).describe("Files that were left out, and why."),
    }),
  ),
});
export type ReportDocument = Document<typeof REPORT>;
