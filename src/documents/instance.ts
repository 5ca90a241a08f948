import { z } from "zod";
import type { Document } from "./document.ts";
import { FAILURE } from "./parts.ts";

/** `mdp solve --instance --json`: the answer to a published instance. It has no `schema` field. */
export const INSTANCE_ANSWER = z.object({
  instance: z.string(),
  status: z.string(),
  objective: z.number().nullable(),
  latency: z.number().nullable(),
  budget: z.number().nullable(),
  bound: z.number().nullable(),
  gap: z.number().nullable(),
  seconds: z.number(),
  solver: z.string().exactOptional(),
  nodes: z.number().nullable().exactOptional(),
  presolve: z.unknown().exactOptional(),
  notes: z.array(z.string()).exactOptional(),
  counts: z.record(z.string(), z.number()).exactOptional(),
  droppedBlocks: z.array(z.string()).exactOptional(),
  reference: z.unknown().exactOptional(),
  nearestBudget: z.number().nullable().exactOptional(),
  error: FAILURE.exactOptional(),
});
export type InstanceAnswer = Document<typeof INSTANCE_ANSWER>;
