/**
 * The format of latency tables: a JSON header and, per operation, plain columns of one value per cell. docs/tables.md
 * describes it for people. Version 2 adds what is marked so; a table that has nothing of it is written as version 1,
 * and both are read.
 */
import { z } from "zod";

/** Where a cell's time comes from: measured, interpolated between measured cells by a fit, or predicted. */
export type CellOrigin = "m" | "i" | "p";

const AXIS_COUNT = z.object({
  fixed: z.number().int(),
  parts: z.array(
    z.object({
      dim: z.number().int(),
      perUnit: z.number().int(),
      /** Version 2. Further dims whose kept units multiply it. */
      times: z.array(z.number().int()).readonly().optional(),
    }),
  ),
});

const OP = z.object({
  /** Node id of the operation in the network that the table belongs to. */
  id: z.string(),
  label: z.string(),
  /** Operator type, and what it is fused with: "Conv+Relu". */
  kind: z.string(),
  /** Channel counts that shape it, as linear forms over kept units; those that no choice changes are left out. */
  axes: z.array(AXIS_COUNT),
  /** Channels covered, increasing, per axis. */
  counts: z.array(z.array(z.number().int())),
  /** Milliseconds, row-major over `counts` (the last axis fastest); one number where there are no axes. */
  ms: z.array(z.number()),
  /**
   * Version 2. The interval of each cell's time at the level of the header's `interval`, in milliseconds. It is the
   * cell's own, independent of other operations; what all cells have in common stands in the header.
   */
  lowMs: z.array(z.number()).optional(),
  highMs: z.array(z.number()).optional(),
  /** Version 2. Millijoules per run of the network; sums like `ms`. */
  energyMj: z.array(z.number()).optional(),
  /** Version 2. Bytes of the device's memory that the operation holds while the network is loaded; sums like `ms`. */
  memoryBytes: z.array(z.number()).optional(),
  /** One letter of `CellOrigin` per cell of `ms`. */
  origin: z.string(),
});

const ERROR = z.object({
  /** Mean and worst |predicted - measured| / measured over `networks` networks that were not used for the table. */
  mean: z.number(),
  worst: z.number(),
  networks: z.number().int(),
  how: z.string(),
  /** The same with the machine's drift since the table left in; absent where no drift was taken out. */
  withDrift: z.object({ mean: z.number(), worst: z.number() }).optional(),
});

/** What intervals of cells mean. */
const INTERVAL = z.object({
  /** Probability that a cell's time lies between its `lowMs` and `highMs`: 0.9. */
  level: z.number().gt(0).lt(1),
  /**
   * Half width at that level of the factor that all cells share, as a share of the time: 0.08 means that the whole table
   * is right within 8 %. It doesn't average out in sums.
   */
  common: z.number().nonnegative(),
  how: z.string(),
});

/** A quantity besides time that the device gave. `dense` is the whole network's, `fixed` what no choice changes. */
const COLUMN = z.object({ dense: z.number(), fixed: z.number(), how: z.string() });

/** A table that this one was made from. */
const SOURCE = z.object({
  /** SHA-256 of its content (`tableHash`). */
  hash: z.string(),
  date: z.string(),
  command: z.string(),
  runs: z.number().int().nullable(),
  cells: z.number().int(),
  /** What was done with it: "merged", "calibrated", "imported". */
  role: z.string(),
});

/** One correction of a table by networks that were measured whole. */
const CALIBRATION = z.object({
  date: z.string(),
  /** Networks that were measured for it. */
  networks: z.number().int(),
  /** Factor on every cell, and the number of cells that were corrected one by one. */
  factor: z.number().positive(),
  cells: z.number().int(),
  /** Mean |predicted - measured| / measured over those networks, before and after. */
  errorBefore: z.number(),
  errorAfter: z.number(),
});

export const TABLE = z.object({
  schema: z.enum(["mdp-latency-table/1", "mdp-latency-table/2"]),
  device: z.object({
    name: z.string(),
    kind: z.enum(["measured", "predicted"]),
    /** Processor or board, as it calls itself. */
    model: z.string(),
    cores: z.number().int().nullable(),
    /** Frequency governor or power mode, where it can be read. */
    power: z.string().nullable(),
  }),
  runtime: z.object({
    name: z.string(),
    version: z.string(),
    /** Version 2. Options that the runtime was called with, one each. */
    flags: z.array(z.string()).optional(),
  }),
  precision: z.string(),
  batch: z.number().int(),
  threads: z.number().int().nullable(),
  optimisation: z.string().nullable(),
  /** ISO 8601. */
  date: z.string(),
  /** The command that makes the table again. */
  command: z.string(),
  /** Runs of each network that a cell's time was taken from, and the number of networks that were run. */
  repeats: z.number().int().nullable(),
  runs: z.number().int().nullable(),
  /** Width of the grid in channels. */
  step: z.number().int(),
  /** How much the reference network's time varied while measuring: (90 % - 10 % quantile) / median of its low times. */
  spread: z.number().nullable(),
  network: z.object({
    name: z.string(),
    /** Of topology and shapes, not of weights. */
    structureHash: z.string(),
    inputShape: z.array(z.number().int()),
  }),
  /** The whole network as it is, measured or predicted end to end. */
  denseMs: z.number(),
  /** End-to-end time per summed operation time; already applied to `ms`. */
  scale: z.number(),
  /** What no choice changes, in milliseconds. */
  fixedMs: z.number(),
  expectedError: ERROR.nullable(),
  /** Version 2. Present where cells have `lowMs` and `highMs`. */
  interval: INTERVAL.optional(),
  /** Version 2. In millijoules; present where the operations have `energyMj`. */
  energyMj: COLUMN.optional(),
  /** Version 2. In bytes; present where the operations have `memoryBytes`. */
  memoryBytes: COLUMN.optional(),
  /** Version 2. Tables that it was made from. */
  sources: z.array(SOURCE).optional(),
  /** Version 2. Corrections by whole networks, the oldest first. */
  calibrations: z.array(CALIBRATION).optional(),
  /** What a reader should know: a noisy machine, kinds that were hard to predict. */
  notes: z.array(z.string()),
  ops: z.array(OP),
});

/** The time of one operation over the channel counts that shape it. */
export type LatencyOp = z.infer<typeof OP>;
/** What a network takes on a device, as a sum over operations. */
export type LatencyTable = z.infer<typeof TABLE>;

/** Columns of one value per cell besides `ms` that an operation may have. */
export const COLUMNS = ["lowMs", "highMs", "energyMj", "memoryBytes"] as const;
export type Column = (typeof COLUMNS)[number];

const VERSION_2 = [
  "interval",
  "energyMj",
  "memoryBytes",
  "sources",
  "calibrations",
] as const satisfies readonly (keyof LatencyTable)[];

/** The oldest version of the format that can say what the table says. */
export function schemaOf(table: LatencyTable): LatencyTable["schema"] {
  const isNewer =
    VERSION_2.some((field) => table[field] !== undefined) ||
    table.runtime.flags !== undefined ||
    table.ops.some(
      (op) =>
        COLUMNS.some((column) => op[column] !== undefined) ||
        op.axes.some(({ parts }) => parts.some(({ times }) => times !== undefined)),
    );
  return isNewer ? "mdp-latency-table/2" : "mdp-latency-table/1";
}
