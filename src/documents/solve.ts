import { z } from "zod";
import { PRECISIONS } from "../latency/predict/device.ts";
import type { Document } from "./document.ts";
import { AMOUNT } from "./parts.ts";

/** What every answer about a network rests on. Hashes are SHA-256 of contents. */
export const SOLVE_HEAD = z.object({
  network: z.object({
    name: z.string(),
    path: z.string(),
    embedded: z.boolean(),
    hash: z.string(),
  }),
  device: z.object({ asked: z.string(), name: z.string(), title: z.string() }),
  table: z.object({
    origin: z.enum(["measured", "predicted"]),
    path: z.string().nullable(),
    runtime: z.string(),
    precision: z.string(),
    batch: z.number().int(),
    threads: z.number().int().nullable(),
    date: z.string(),
    hash: z.string().describe("Of its content, but for when and by which command it was made."),
    expectedError: z
      .object({
        mean: z.number(),
        worst: z.number().nullable(),
        networks: z.number().int().exactOptional().describe("That the errors were found on."),
        how: z.string(),
        withDrift: z
          .object({ mean: z.number(), worst: z.number() })
          .optional()
          .describe("The same with the machine's drift since the table left in."),
      })
      .nullable()
      .describe("Relative errors of whole-network latency; null where nobody looked."),
  }),
  otherTables: z
    .record(z.string(), z.string())
    .exactOptional()
    .describe("Tables that limits on other devices named, and their hashes."),
  importance: z.object({
    method: z.string(),
    normalisation: z.string(),
    path: z.string().nullable(),
    hash: z.string(),
  }),
});
export type SolveHead = Document<typeof SOLVE_HEAD>;

export const ROBUST = z.object({
  probability: z.number(),
  quantileMs: z.number().describe("What the subnet takes at most, with that probability."),
  interval: z.object({ level: z.number(), lowMs: z.number(), highMs: z.number() }),
  common: z.number().describe("Relative standard deviation that all times of the table share."),
  own: z.number().describe("What is left of each operation's own deviation in the sum."),
  how: z.string(),
  programs: z.number().int().describe("Programs that were solved for it."),
});
export type RobustReport = Document<typeof ROBUST>;

/** A limit besides the budget, and how the subnet stands to it. */
const SOLVED_LIMIT = z.object({
  text: z.string(),
  kind: z.string(),
  comparison: z.string(),
  limit: z.number().nullable(),
  used: z.number().nullable(),
  slack: z.number().nullable(),
  binds: z.boolean(),
  penalty: z.object({ perUnit: z.number(), paid: z.number() }).nullable(),
  dim: z.string().nullable(),
});
export type SolvedLimit = Document<typeof SOLVED_LIMIT>;

/** What was made as small as possible. */
const MINIMISED = z.object({
  text: z.string(),
  kind: z.string(),
  dense: z.number(),
  chosen: z.number(),
});

/** How a dim ended. Channels. */
const DIM = z.object({
  name: z.string(),
  total: z.number().int(),
  kept: z.number().int(),
  dropped: z.boolean().describe("It went as a whole with its block."),
  whole: z.string().nullable().describe("Why it had no choice; null where it had one."),
});
export type DimReport = Document<typeof DIM>;

/** Limits, penalties, another objective and components as they were written. */
const WRITTEN_LIMITS = z.object({
  limit: z.array(z.string()),
  soft: z.array(z.string()),
  penalty: z.array(z.string()),
  minimize: z.string().nullable(),
  components: z.record(z.string(), z.string()),
});

export const PROGRAM_OPTIONS = z.object({
  budget: z.string(),
  step: z.number(),
  countFrom: z
    .enum(["zero", "full"])
    .describe("Kept channels are multiples of the step, or the full width less multiples of it."),
  maxPrune: z.number(),
  protect: z.string().nullable(),
  blocks: z.boolean(),
  layers: z.boolean(),
  limits: WRITTEN_LIMITS.exactOptional().describe("Absent where nothing was written."),
  robust: z.number().exactOptional().describe("Probability with which the budget is to be kept."),
  damages: z
    .string()
    .exactOptional()
    .describe("File of damages, where single weights could go too."),
});

/** `mdp solve --json`, and `solve.json` of a run. */
export const SOLVE = SOLVE_HEAD.extend({
  schema: z.literal("mdp-solve/1"),
  table: SOLVE_HEAD.shape.table.extend({
    shares: z
      .object({ measured: z.number(), interpolated: z.number(), predicted: z.number() })
      .describe("Shares of the chosen latency by origin of the table's cells."),
  }),
  options: PROGRAM_OPTIONS,
  latencyMs: z.object({
    dense: z.number(),
    unchangeable: z
      .number()
      .exactOptional()
      .describe("The part of the dense latency that no choice shapes or removes."),
    budget: z.number().nullable().describe("null: none."),
    chosen: z.number(),
  }),
  robust: ROBUST.exactOptional(),
  zeros: z
    .object({
      layers: z.array(
        z.object({
          label: z.string(),
          density: z
            .number()
            .nullable()
            .describe("Share of the elements that the channels leave; null in a dropped block."),
        }),
      ),
      damage: z.number().describe("Sum over the layers that are left."),
    })
    .exactOptional()
    .describe("Densities that the program chose beside the channels."),
  limits: z.array(SOLVED_LIMIT),
  minimised: MINIMISED.nullable().describe("null where the most importance was asked for."),
  importanceKept: AMOUNT,
  parameters: AMOUNT,
  macs: AMOUNT,
  dims: z.array(DIM),
  droppedBlocks: z.array(z.string()),
  droppedLayers: z.array(z.string()),
  answer: z.object({
    status: z.string(),
    objective: z.number(),
    bound: z.number().nullable().describe("null where nothing is proven."),
    gap: z.number().nullable().describe("null where nothing is proven."),
    solver: z.string(),
    nodes: z
      .number()
      .nullable()
      .describe("Of the search; differs between runs of the same program."),
    notes: z
      .array(z.string())
      .describe(
        "Those about how solving went may differ between runs; they are not in the subnet file.",
      ),
  }),
  seconds: z
    .object({ read: z.number(), program: z.number(), solve: z.number(), total: z.number() })
    .describe("Differs between runs; not in the subnet file."),
});
export type SolveReport = Document<typeof SOLVE>;

/** What of a subnet file's notes on its solve is needed to ask the same again; older files have less of it. */
export const SOLVE_NOTES = z
  .object({
    device: SOLVE_HEAD.shape.device.pick({ asked: true }),
    table: SOLVE_HEAD.shape.table
      .pick({ path: true, batch: true })
      .extend({ precision: z.enum(PRECISIONS) }),
    importance: SOLVE_HEAD.shape.importance.pick({ path: true }),
    limits: z.array(SOLVED_LIMIT.pick({ text: true }).extend({ penalty: z.unknown().nullable() })),
    minimised: MINIMISED.pick({ text: true }).nullable(),
    options: PROGRAM_OPTIONS.partial(),
  })
  .partial();
export type SolveNotes = Document<typeof SOLVE_NOTES>;
