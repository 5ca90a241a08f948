import { z } from "zod";
import type { Document } from "./document.ts";

/** `mdp predict --json`. */
export const PREDICT = z.object({
  schema: z.literal("mdp-predict/1"),
  network: z.object({ name: z.string(), path: z.string() }),
  device: z.object({ name: z.string(), title: z.string() }),
  batch: z.number().int(),
  precision: z.string(),
  latencyMs: z.object({
    predicted: z.number(),
    level: z.number(),
    low: z.number(),
    high: z.number(),
  }),
  deviation: z
    .object({ common: z.number(), own: z.number() })
    .describe("Relative standard deviations: what all times share, and the operations' own."),
  how: z.string().describe("What the errors rest on."),
  kinds: z.array(
    z.object({
      kind: z.string(),
      operations: z.number().int(),
      ms: z.number(),
      lowMs: z.number(),
      highMs: z.number(),
    }),
  ),
  callMs: z.number().describe("What a call costs beyond its operations."),
  stairs: z.array(
    z.object({
      op: z.string(),
      axis: z.string().describe("Which of its channels: read or written ones."),
      jumps: z.array(z.number()),
      period: z.number().nullable(),
      largest: z.number().describe("Of the operation's time before it."),
      costMs: z
        .number()
        .optional()
        .describe("That share of the dense operation's time; they are sorted by it."),
    }),
  ),
  fit: z
    .object({
      observations: z.array(z.object({ name: z.string(), ms: z.number(), error: z.number() })),
      constants: z.array(
        z.object({
          name: z.string(),
          value: z.number(),
          before: z.number(),
          after: z.number(),
        }),
      ),
      scatter: z.number(),
      surprise: z.object({ factor: z.number(), stated: z.number() }).nullable(),
    })
    .exactOptional()
    .describe("Absent without observations."),
  notes: z.array(z.string()),
});
export type PredictReport = Document<typeof PREDICT>;
