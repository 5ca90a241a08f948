/** Tables as plain columns for other programs: one row per cell. */
import { parse } from "csv-parse/sync";
import { InputError } from "../../core/errors.ts";
import type { AxisCount } from "../../structure/structure.ts";
import { countsAt } from "../lookup.ts";
import type { ProfiledOp } from "../ops.ts";
import type { CellOrigin, LatencyOp, LatencyTable } from "../table.ts";
import { fillGrid, type KnownCell } from "./fill-grid.ts";

/** What a row is called that is no operation's. */
const FIXED = "(fixed)";
const DENSE = "(dense)";

/** The table's columns and what they are called in a CSV file; units are in the names. */
const OPTIONAL = [
  ["low_ms", "lowMs"],
  ["high_ms", "highMs"],
  ["energy_mj", "energyMj"],
  ["memory_bytes", "memoryBytes"],
] as const;

/** The text of a CSV file: one row per cell, then what no choice changes and the whole network. */
export function tableCsv(table: LatencyTable): string {
  const width = Math.max(1, ...table.ops.map(({ axes }) => axes.length));
  const columns = OPTIONAL.filter(([, column]) => table.ops.some((op) => op[column] !== undefined));
  const channels = Array.from({ length: width }, (_, axis) => `channels_${axis + 1}`);
  const header = [
    "op",
    "label",
    "kind",
    ...channels,
    "ms",
    ...columns.map(([name]) => name),
    "origin",
  ];
  const lines = [header.join(",")];
  for (const op of table.ops) {
    for (const [cell, ms] of op.ms.entries()) {
      const at = countsAt(cell, op.counts);
      const more = columns.map(([, column]) => String(op[column]?.[cell] ?? ""));
      const widths = channels.map((_, axis) => String(at[axis] ?? ""));
      const fields = [
        op.id,
        op.label,
        op.kind,
        ...widths,
        String(ms),
        ...more,
        op.origin[cell] ?? "",
      ];
      lines.push(fields.map(quoted).join(","));
    }
  }
  const bare = (name: string, ms: number): string =>
    [name, "", "", ...channels.map(() => ""), String(ms), ...columns.map(() => ""), ""].join(",");
  return `${[...lines, bare(FIXED, table.fixedMs), bare(DENSE, table.denseMs)].join("\n")}\n`;
}

function quoted(field: string): string {
  return /[",\n\r]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}

export interface CsvContent {
  readonly ops: LatencyOp[];
  readonly fixedMs: number;
  /** null: the file doesn't say. */
  readonly denseMs: number | null;
  readonly filled: number;
  /** Operations of the network that have no row. */
  readonly missing: readonly string[];
}

type Row = Readonly<Record<string, string>>;

/** Whether a CSV file has the columns of a table. */
export function isTableCsv(text: string): boolean {
  const header = (text.split(/\r?\n/, 1)[0] ?? "").split(",").map((name) => name.trim());
  return header.includes("op") && header.includes("ms");
}

/**
 * Reads the operations of a network from a CSV file with a row per cell: `op` (or `label`), `channels_1`, `channels_2`,
 * `ms`, `origin` (m where it is absent). Cells between known ones are interpolated.
 * @throws InputError `latency/bad-csv`; each names the line
 */
export function readTableCsv(text: string, ops: readonly ProfiledOp[], where: string): CsvContent {
  const rows = rowsOf(text, where);
  const known = new Map<string, Map<string, KnownCell>>();
  const byName = new Map<string, ProfiledOp>();
  for (const op of ops) byName.set(op.label, op);
  for (const op of ops) byName.set(op.id, op);
  const bare = new Map<string, number>();
  for (const [index, row] of rows.entries()) {
    const line = index + 2;
    const name = row["op"] || row["label"] || "";
    if (name === FIXED || name === DENSE) {
      bare.set(name, numberOf(row["ms"], `${name} on line ${line}`, where));
      continue;
    }
    const op = byName.get(name);
    if (op === undefined)
      throw badCsv(where, `line ${line} names operation '${name}', which the network doesn't have`);
    const cell = cellOf(row, op, line, where);
    const cells = known.get(op.id) ?? new Map<string, KnownCell>();
    const key = cell.channels.join(",");
    if (cells.has(key))
      throw badCsv(
        where,
        `line ${line}: ${op.kind} '${op.label}' at (${key}) channels is there twice`,
      );
    known.set(op.id, cells.set(key, cell));
  }
  let filled = 0;
  const read = ops.flatMap((op) => {
    const cells = known.get(op.id);
    if (cells === undefined) return [];
    const grid = fillGrid(op.axes.length, [...cells.values()]);
    if (grid.hole !== null) {
      throw badCsv(
        where,
        `${op.kind} '${op.label}' has no time at (${grid.hole.join(", ")}) channels and none around it`,
      );
    }
    filled += grid.filled;
    const { counts, ms, origin } = grid;
    const { id, label, kind } = op;
    return [{ id, label, kind, axes: copied(op.axes), counts, ms, origin }];
  });
  if (read.length === 0) throw badCsv(where, "it has no row of an operation");
  return {
    ops: read,
    fixedMs: bare.get(FIXED) ?? 0,
    denseMs: bare.get(DENSE) ?? null,
    filled,
    missing: ops.filter(({ id }) => !known.has(id)).map(({ label }) => label),
  };
}

function copied(axes: readonly AxisCount[]): LatencyOp["axes"] {
  return axes.map(({ fixed, parts }) => ({ fixed, parts: parts.map((part) => ({ ...part })) }));
}

function rowsOf(text: string, where: string): readonly Row[] {
  try {
    return parse(text, { columns: true, trim: true, skip_empty_lines: true, bom: true });
  } catch (cause) {
    throw badCsv(where, cause instanceof Error ? cause.message : String(cause));
  }
}

function cellOf(row: Row, op: ProfiledOp, line: number, where: string): KnownCell {
  const at = `${op.kind} '${op.label}' on line ${line}`;
  const channels = op.axes.map((_, axis) =>
    numberOf(row[`channels_${axis + 1}`], `channels_${axis + 1} of ${at}`, where),
  );
  const ms = numberOf(row["ms"], `ms of ${at}`, where);
  const origin = row["origin"] || "m";
  if (!isOrigin(origin))
    throw badCsv(where, `the origin of ${at} is '${origin}' instead of m, i or p`);
  if (ms < 0) throw badCsv(where, `ms of ${at} is ${ms}, below 0`);
  return { channels, ms, origin };
}

function isOrigin(text: string): text is CellOrigin {
  return text === "m" || text === "i" || text === "p";
}

function numberOf(text: string | undefined, what: string, where: string): number {
  const value = text === undefined || text === "" ? Number.NaN : Number(text);
  if (Number.isFinite(value)) return value;
  throw badCsv(where, `${what} is '${text ?? ""}', which is no number`);
}

function badCsv(where: string, what: string): InputError {
  return new InputError({
    code: "latency/bad-csv",
    message: `The CSV file can't be read as a latency table: ${what}.`,
    where,
    hint: "One row per cell with op, channels_1, channels_2, ms; mdp table export writes one to compare with.",
  });
}
