import { z } from "zod";
import { TABLE } from "../latency/table-schema.ts";
import { FAILURE } from "./parts.ts";

const VALIDATION = z.object({
  networks: z.array(
    z.object({
      predictedMs: z.number(),
      measuredMs: z.number(),
      error: z.number(),
      droppedBlocks: z.number(),
      droppedLayers: z.number(),
    }),
  ),
  meanError: z.number().describe("With the machine's drift taken out."),
  worstError: z.number(),
  bias: z.number().describe("Mean of the signed errors: above 0, the table is too pessimistic."),
  drift: z
    .number()
    .describe("Speed of the machine against the time of the table; above 1: slower."),
  plainMeanError: z.number().describe("With the drift in."),
  plainWorstError: z.number(),
});

const MEASURED = z.object({
  path: z.string(),
  table: TABLE.omit({ ops: true }).extend({ operations: z.number().int() }),
  validation: VALIDATION.nullable(),
  curve: z.array(
    z.object({
      runs: z.number(),
      meanError: z.number(),
      worstError: z.number(),
      networks: z.number(),
    }),
  ),
  reached: z.boolean().nullable().describe("null where there was no --target-error."),
  resumed: z.number().int().describe("Networks that the samples file already held."),
  seconds: z.number(),
  load: z
    .object({
      others: z.number().nullable().describe("Cores that other programs kept busy."),
      cores: z.number().int(),
      isLoaded: z.boolean().describe("Times are longer than on an idle machine."),
    })
    .nullable()
    .optional()
    .describe("Of this machine; null for boards."),
});

/** `mdp profile --json` on this machine, or on one board. */
export const PROFILE = MEASURED.extend({
  schema: z.literal("mdp-profile/1"),
  ownCells: z.number().exactOptional().describe("Share of cells whose very operation ran."),
  name: z.string().exactOptional().describe("Of the board."),
  host: z.string().exactOptional(),
  runner: z.string().exactOptional(),
});

/** `mdp profile --json` on several boards. */
export const PROFILES = z.object({
  schema: z.literal("mdp-profiles/1"),
  boards: z.array(
    z.union([
      MEASURED.extend({ name: z.string(), host: z.string(), runner: z.string() }),
      z.object({ name: z.string(), host: z.string(), error: FAILURE }),
    ]),
  ),
});
