import { z } from "zod";
import type { Document } from "./document.ts";
import { COVERAGE } from "./parts.ts";

const FINDING = z.object({
  what: z.string(),
  status: z.enum(["good", "warning", "bad"]),
  found: z.string(),
  advice: z.string().nullable(),
});

/** `mdp doctor --json`. */
export const DOCTOR = z.object({
  schema: z.literal("mdp-doctor/1"),
  findings: z.array(FINDING),
});

/** `mdp doctor --host --json`. */
export const DOCTOR_BOARDS = z.object({
  schema: z.literal("mdp-doctor-boards/1"),
  boards: z.array(
    z.object({
      host: z.string(),
      facts: z
        .record(z.string(), z.unknown())
        .nullable()
        .describe("null where the board can't be reached."),
      findings: z.array(FINDING),
    }),
  ),
});

const TABLE_ENTRY = z.object({
  path: z.string(),
  network: z.string(),
  origin: z.string(),
  precision: z.string(),
  batch: z.number().int(),
  threads: z.number().int().nullable(),
  step: z.number().int(),
  runtime: z.string(),
  date: z.string(),
  ageDays: z.number().nullable(),
  coverage: COVERAGE,
  error: z
    .object({
      mean: z.number(),
      worst: z.number(),
      withDrift: z
        .object({ mean: z.number(), worst: z.number() })
        .optional()
        .describe("The same with the machine's drift since the table left in."),
    })
    .nullable(),
});
export type TableEntry = Document<typeof TABLE_ENTRY>;

/** A file that can't be used as a table, and why. */
const DAMAGED = z.object({ path: z.string(), problem: z.string() });
export type DamagedEntry = Document<typeof DAMAGED>;

/** `mdp devices --json`. */
export const DEVICES = z.object({
  schema: z.literal("mdp-devices/1"),
  devices: z.array(
    z.object({
      name: z.string(),
      title: z.string().nullable(),
      predictable: z.boolean(),
      expectedError: z
        .object({ mean: z.number(), worst: z.number(), networks: z.number(), how: z.string() })
        .nullable(),
      powerModes: z.array(z.object({ name: z.string(), title: z.string(), usual: z.boolean() })),
      fittedTo: z
        .string()
        .nullable()
        .describe("What the constants of its predictions were fitted to."),
      errors: z
        .array(
          z.object({
            by: z.enum(["family", "precision"]),
            name: z.string(),
            runs: z.number().int(),
            networks: z.number().int(),
            mean: z.number(),
            worst: z.number(),
          }),
        )
        .describe("Errors of networks that were left out of the fit."),
      tables: z.array(TABLE_ENTRY),
      damaged: z.array(DAMAGED),
    }),
  ),
});
