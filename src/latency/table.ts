import { z } from "zod";
import { InputError } from "../core/errors.ts";
import { readJson, sha256, writeFileAtomic } from "../core/files.ts";
import { firstIssues } from "../core/schema.ts";

/** Where a cell's time comes from: measured, interpolated between measured cells by a fit, or predicted. */
export type CellOrigin = "m" | "i" | "p";

const AXIS_COUNT = z.object({
  fixed: z.number().int(),
  parts: z.array(z.object({ dim: z.number().int(), perUnit: z.number().int() })),
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
  /** Milliseconds, row-major over `counts`; one number where there are no axes. */
  ms: z.array(z.number()),
  /** One letter of `CellOrigin` per cell of `ms`. */
  origin: z.string().regex(/^[mip]*$/),
});

const ERROR = z.object({
  /** Mean and worst |predicted - measured| / measured over `networks` networks that were not used for the table. */
  mean: z.number(),
  worst: z.number(),
  networks: z.number().int(),
  how: z.string(),
});

const TABLE = z.object({
  schema: z.literal("mdp-latency-table/1"),
  device: z.object({
    name: z.string(),
    kind: z.enum(["measured", "predicted"]),
    /** Processor or board, as it calls itself. */
    model: z.string(),
    cores: z.number().int().nullable(),
    /** Frequency governor or power mode, where it can be read. */
    power: z.string().nullable(),
  }),
  runtime: z.object({ name: z.string(), version: z.string() }),
  precision: z.string(),
  batch: z.number().int(),
  threads: z.number().int().nullable(),
  optimisation: z.string().nullable(),
  /** ISO 8601. */
  date: z.string(),
  /** The command that makes the table anew. */
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
  /** What a reader should know: a noisy machine, kinds that were hard to predict. */
  notes: z.array(z.string()),
  ops: z.array(OP),
});

/** The time of one operation over the channel counts that shape it. */
export type LatencyOp = z.infer<typeof OP>;
/** What a network takes on a device, as a sum over operations. */
export type LatencyTable = z.infer<typeof TABLE>;

/**
 * Checks what was read from a table file.
 * @throws InputError `latency/bad-table`
 */
export function parseTable(value: unknown, where: string): LatencyTable {
  const parsed = TABLE.safeParse(value);
  if (!parsed.success) {
    throw badTable(where, firstIssues(parsed.error));
  }
  for (const op of parsed.data.ops) checkOp(op, where);
  return parsed.data;
}

/** @throws InputError `core/read-failed`, `core/not-json`, `latency/bad-table` */
export function readTable(path: string): LatencyTable {
  return parseTable(readJson(path), path);
}

/** Writes the table as JSON that people can read: one line for each list of numbers. */
export function writeTable(path: string, table: LatencyTable): void {
  writeFileAtomic(path, formatTable(table));
}

/** SHA-256 of what a table says; when and by which command it was made is left out. */
export function tableHash(table: LatencyTable): string {
  return sha256(formatTable({ ...table, date: "", command: "" }));
}

/** The text of a table file. */
export function formatTable(table: LatencyTable): string {
  const { ops, ...head } = table;
  const lines = ops.map((op) => {
    const { ms, origin, ...rest } = op;
    const compact = { ...rest, ms: ms.map((value) => Number(value.toPrecision(6))) };
    return `  ${JSON.stringify({ ...compact, origin })}`;
  });
  const opening = JSON.stringify(head, null, 1).replace(/\n\}$/, "");
  return `${opening},\n "ops": [\n${lines.join(",\n")}\n ]\n}\n`;
}

function checkOp(op: LatencyOp, where: string): void {
  const cells = op.counts.reduce((product, counts) => product * counts.length, 1);
  if (op.axes.length !== op.counts.length) {
    throw badTable(
      where,
      `op '${op.label}' has ${op.axes.length} axes but ${op.counts.length} lists of counts.`,
    );
  }
  if (op.ms.length !== cells || op.origin.length !== cells) {
    throw badTable(
      where,
      `op '${op.label}' has ${cells} cells but ${op.ms.length} times and ${op.origin.length} origins.`,
    );
  }
  for (const counts of op.counts) {
    const ordered = counts.every((count, index) => index === 0 || count > (counts[index - 1] ?? 0));
    if (!ordered || counts.length === 0) {
      throw badTable(where, `the counts of op '${op.label}' are not increasing.`);
    }
  }
}

function badTable(where: string, what: string): InputError {
  return new InputError({
    code: "latency/bad-table",
    message: `This is no latency table that can be used: ${what}`,
    where,
    hint: "Make it anew with `mdp profile`, or name another table.",
  });
}
