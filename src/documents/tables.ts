import { z } from "zod";
import { TABLE } from "../latency/table-schema.ts";
import type { Document } from "./document.ts";
import { COVERAGE } from "./parts.ts";

const TABLE_HEAD = TABLE.omit({ ops: true });

const OP_SUMMARY = z.object({
  id: z.string(),
  label: z.string(),
  kind: z.string(),
  axes: z
    .array(z.object({ from: z.number(), to: z.number(), counts: z.number() }))
    .describe("Fewest and most channels per axis, and how many counts lie between."),
  coverage: COVERAGE,
  leastMs: z.number(),
  widestMs: z.number(),
});
export type OpSummary = Document<typeof OP_SUMMARY>;

/** `mdp table show --json`: the header, and each operation without its cells. */
export const TABLE_SUMMARY = z.object({
  schema: z.literal("mdp-table-summary/1"),
  path: z.string(),
  hash: z.string(),
  head: TABLE_HEAD,
  ageDays: z.number().nullable(),
  coverage: COVERAGE,
  widestSumMs: z.number(),
  columns: z.array(z.string()),
  ops: z.array(OP_SUMMARY),
});
export type TableSummary = Document<typeof TABLE_SUMMARY>;

/** `mdp table show --op --json`. */
export const TABLE_CELLS = z.object({
  schema: z.literal("mdp-table-cells/1"),
  path: z.string(),
  ops: TABLE.shape.ops,
});

const MOVED_CELL = z.object({
  op: z.string(),
  kind: z.string(),
  channels: z.array(z.number()),
  firstMs: z.number(),
  secondMs: z.number(),
  origins: z.string(),
  moved: z.number().describe("secondMs / (drift * firstMs) - 1"),
});

/** `mdp table diff --json`. */
export const TABLE_DIFF = z.object({
  schema: z.literal("mdp-table-diff/1"),
  first: z.string(),
  second: z.string(),
  settings: z.array(z.string()),
  denseMs: z.tuple([z.number(), z.number()]),
  fixedMs: z.tuple([z.number(), z.number()]),
  onlyFirst: z.array(z.string()),
  onlySecond: z.array(z.string()),
  cells: z.object({ both: z.number(), first: z.number(), second: z.number() }),
  drift: z.number().describe("The factor that all cells share."),
  medianMoved: z.number(),
  p90Moved: z.number(),
  threshold: z.number(),
  moved: z.array(MOVED_CELL),
  byKind: z.array(
    z.object({ kind: z.string(), cells: z.number(), ratio: z.number(), spread: z.number() }),
  ),
  bySize: z.array(z.object({ part: z.string(), cells: z.number(), ratio: z.number() })),
});

/** `mdp table merge --json`. */
export const TABLE_MERGE = z.object({
  schema: z.literal("mdp-table-merge/1"),
  out: z.string(),
  both: z.object({ better: z.number(), averaged: z.number(), apart: z.number() }),
  speed: z.number(),
  coverage: COVERAGE,
  cells: z.array(z.number()),
});

/** `mdp table plot --json`. */
export const TABLE_PLOT = z.object({
  schema: z.literal("mdp-table-plot/1"),
  op: z.string(),
  view: z.string(),
  column: z.string(),
  out: z.string(),
});

/** `mdp table import --json`. */
export const TABLE_IMPORT = z.object({
  schema: z.literal("mdp-table-import/1"),
  kind: z.string(),
  network: z.string(),
  operations: z.number(),
  coverage: COVERAGE,
  denseMs: z.number(),
  notes: z.array(z.string()),
  out: z.string(),
});

/** `mdp table export --json`. */
export const TABLE_EXPORT = z.object({
  schema: z.literal("mdp-table-export/1"),
  format: z.enum(["csv", "dictionary"]),
  cells: z.number(),
  leftOut: z.number().exactOptional(),
  shared: z.number().exactOptional(),
  out: z.string(),
});
