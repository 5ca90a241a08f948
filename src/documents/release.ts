import { z } from "zod";
import type { Document } from "./document.ts";

const NUMBER = z.number().nullable();

/** `mdp gate --json`, and `gate.json` of a run. */
export const GATE = z.object({
  schema: z.literal("mdp-gate/1"),
  dense: z.object({ path: z.string(), sha256: z.string() }),
  network: z.object({ path: z.string(), sha256: z.string(), bytes: z.number() }),
  metricsHash: z.string(),
  items: z.object({ count: z.number().int(), hash: z.string() }),
  verdict: z.enum(["pass", "missed", "undecided"]),
  attempt: z.number().int().describe("Which try on these items."),
  alpha: z.number().describe("Error rate that this try was given."),
  lines: z.array(
    z.object({
      name: z.string(),
      require: z.string(),
      value: NUMBER,
      dense: NUMBER,
      limit: NUMBER,
      bound: NUMBER.describe("Worse end of the one-sided interval."),
      farBound: NUMBER,
      margin: NUMBER,
      items: z.number().int(),
      by: z.string(),
      verdict: z.enum(["pass", "missed", "undecided"]),
      itemsNeeded: NUMBER,
    }),
  ),
  released: z.string().nullable(),
});
export type GateReport = Document<typeof GATE>;

/** `mdp history --json`. */
export const HISTORY = z.object({
  schema: z.literal("mdp-history/1"),
  live: z.string(),
  entries: z.array(z.record(z.string(), z.unknown())),
});

/** `mdp monitor --json`. */
export const MONITOR = z.object({
  schema: z.literal("mdp-monitor/1"),
  live: z.string(),
  sha256: z.string(),
  items: z.number().int(),
  metrics: z.array(
    z.object({
      name: z.string(),
      require: z.string().nullable(),
      value: NUMBER,
      low: NUMBER,
      high: NUMBER,
      dense: NUMBER.optional().describe("The dense network on the same items."),
      limit: NUMBER.optional().describe("Of a requirement against it: on the same items."),
      verdict: z.enum(["holds", "missed", "undecided", "no requirement"]),
    }),
  ),
  drift: z.array(
    z.object({
      what: z.string(),
      test: z.string(),
      reference: NUMBER,
      now: NUMBER,
      statistic: NUMBER,
      p: NUMBER,
      adjusted: NUMBER,
      isFlagged: z.boolean(),
    }),
  ),
  verdict: z.enum(["as before", "changed", "missed"]),
});
export type MonitorReport = Document<typeof MONITOR>;
