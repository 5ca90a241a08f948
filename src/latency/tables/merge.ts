/**
 * Two campaigns of one network on one device as one table. The rule where both have a cell: what was measured beats what
 * was interpolated, which beats what was predicted; of two of one kind the mean counts, weighted by the networks that each
 * campaign ran. Cells of widths that only one campaign covers are taken from there; pairs of widths that neither has are
 * interpolated where a campaign reaches around them.
 */
import { InputError } from "../../core/errors.ts";
import { countsAt, latencyMs } from "../lookup.ts";
import { type LatencyOp, type LatencyTable, tableHash } from "../table.ts";
import { COLUMNS } from "../table-schema.ts";
import { type NamedTable, refuseOtherSettings } from "./same-setting.ts";
import { coverageOf } from "./summary.ts";

export interface MergeOptions {
  /** Bring the second table to the first one's speed by their dense networks? */
  readonly align: boolean;
  readonly command: string;
}

export interface Merged {
  readonly table: LatencyTable;
  /** Cells that both had, by what became of them. */
  readonly both: { readonly better: number; readonly averaged: number; readonly apart: number };
  /** What the second table's times were multiplied by. */
  readonly speed: number;
}

/** Campaigns whose dense networks differ by more than this did not run under one setting, whatever they say. */
const MOST_SPEED = 1.25;
/** Two times of one cell that differ by more than this are counted as apart. */
const APART = 0.1;
const RANK = { m: 2, i: 1, p: 0 } as const;

/**
 * @throws InputError `latency/other-setting`, `latency/merge-speed`, `latency/merge-grid`
 */
export function mergeTables(first: NamedTable, second: NamedTable, options: MergeOptions): Merged {
  refuseOtherSettings(first, second);
  const speed = options.align ? first.table.denseMs / second.table.denseMs : 1;
  if (speed > MOST_SPEED || speed < 1 / MOST_SPEED) throw otherSpeed(first, second);
  const [a, b] = [first.table, scaledBy(second.table, speed)];
  const weights: Weights = [a.runs ?? 1, b.runs ?? 1];
  const both = { better: 0, averaged: 0, apart: 0 };
  const others = new Map(b.ops.map((op) => [op.id, op]));
  const ops = a.ops.map((op) => {
    const other = others.get(op.id);
    others.delete(op.id);
    return other === undefined ? plainOp(op) : mergedOp(op, other, weights, both, first.path);
  });
  const share = weights[0] / (weights[0] + weights[1]);
  const mix = (x: number, y: number): number => share * x + (1 - share) * y;
  const notes = [
    `Merged of ${first.path} and ${second.path}: ${both.better} cells from the better founded one, ${both.averaged} averaged` +
      `${both.apart > 0 ? `, of which ${both.apart} were more than ${100 * APART} % apart` : ""}.`,
    ...(Math.abs(speed - 1) > 1e-9
      ? [
          `The second campaign's times were multiplied by ${speed.toFixed(4)}, so that both dense networks agree.`,
        ]
      : []),
  ];
  const { interval: _, energyMj: __, memoryBytes: ___, ...head } = a;
  const table: LatencyTable = {
    ...head,
    device: {
      ...a.device,
      kind: [a, b].some(({ device }) => device.kind === "measured") ? "measured" : "predicted",
    },
    date: a.date > b.date ? a.date : b.date,
    command: options.command,
    runs: sumOrNull(a.runs, b.runs),
    repeats: a.repeats === b.repeats ? a.repeats : null,
    step: Math.min(a.step, b.step),
    spread: a.spread === null || b.spread === null ? null : Math.max(a.spread, b.spread),
    denseMs: mix(a.denseMs, b.denseMs),
    scale: mix(a.scale, b.scale),
    fixedMs: mix(a.fixedMs, b.fixedMs),
    // Nobody judged this table.
    expectedError: null,
    sources: [sourceOf(first.table), sourceOf(second.table)],
    notes: [...notes, ...a.notes, ...b.notes.filter((note) => !a.notes.includes(note))],
    ops: [...ops, ...[...others.values()].map(plainOp)],
  };
  return { table, both, speed };
}

type Weights = readonly [number, number];

function sourceOf(table: LatencyTable): NonNullable<LatencyTable["sources"]>[number] {
  const { date, command, runs, ops } = table;
  const { cells } = coverageOf(ops);
  return { hash: tableHash(table), date, command, runs, cells, role: "merged" };
}

function scaledBy(table: LatencyTable, factor: number): LatencyTable {
  return {
    ...table,
    denseMs: factor * table.denseMs,
    fixedMs: factor * table.fixedMs,
    ops: table.ops.map((op) => ({ ...op, ms: op.ms.map((ms) => factor * ms) })),
  };
}

/** Times and origins alone: what two campaigns say of other columns does not mix. */
function plainOp(op: LatencyOp): LatencyOp {
  const own = { ...op };
  for (const column of COLUMNS) delete own[column];
  return own;
}

function mergedOp(
  first: LatencyOp,
  second: LatencyOp,
  weights: Weights,
  both: { better: number; averaged: number; apart: number },
  where: string,
): LatencyOp {
  const counts = first.counts.map((own, axis) =>
    [...new Set([...own, ...(second.counts[axis] ?? [])])].sort((a, b) => a - b),
  );
  const size = counts.reduce((product, axis) => product * axis.length, 1);
  const ms: number[] = [];
  let origin = "";
  for (let cell = 0; cell < size; cell += 1) {
    const at = countsAt(cell, counts);
    const [a, b] = [timeAt(first, at), timeAt(second, at)];
    const merged = mergedCell(a, b, weights);
    if (merged === null) throw unreachable(first, at, where);
    if (a?.isCovered === true && b?.isCovered === true) {
      both[a.rank === b.rank ? "averaged" : "better"] += 1;
      if (Math.abs(a.ms / b.ms - 1) > APART) both.apart += 1;
    }
    ms.push(merged.ms);
    origin += merged.origin;
  }
  return { ...plainOp(first), counts, ms, origin };
}

interface CampaignTime {
  readonly ms: number;
  readonly origin: "m" | "i" | "p";
  readonly isCovered: boolean;
  readonly rank: number;
}

function timeAt(op: LatencyOp, at: readonly number[]): CampaignTime | null {
  const isInside = op.counts.every((counts, axis) => {
    const count = at[axis] ?? Number.NaN;
    return count >= (counts[0] ?? Number.POSITIVE_INFINITY) && count <= (counts.at(-1) ?? 0);
  });
  if (!isInside) return null;
  const { ms, origin } = latencyMs(op, at);
  const isCovered = op.counts.every((counts, axis) => counts.includes(at[axis] ?? Number.NaN));
  // What is only read between a campaign's cells is worth less than any cell of its own.
  return { ms, origin, isCovered, rank: RANK[origin] + (isCovered ? 0.5 : 0) };
}

function mergedCell(
  a: CampaignTime | null,
  b: CampaignTime | null,
  [first, second]: Weights,
): Pick<CampaignTime, "ms" | "origin"> | null {
  if (a === null || b === null) return a ?? b;
  if (a.rank !== b.rank) return a.rank > b.rank ? a : b;
  return { ms: (first * a.ms + second * b.ms) / (first + second), origin: a.origin };
}

function sumOrNull(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : a + b;
}

function otherSpeed(first: NamedTable, second: NamedTable): InputError {
  return new InputError({
    code: "latency/merge-speed",
    message: `The dense network takes ${first.table.denseMs.toPrecision(4)} ms in one campaign and ${second.table.denseMs.toPrecision(4)} ms in the other: the device didn't run alike.`,
    where: `${first.path}, ${second.path}`,
    hint: "Check power mode and clocks, and measure one of them again; --no-align merges them as they are where they are nearer.",
  });
}

function unreachable(op: LatencyOp, at: readonly number[], where: string): InputError {
  return new InputError({
    code: "latency/merge-grid",
    message: `${op.kind} '${op.label}' at (${at.join(", ")}) channels: neither campaign reaches around these widths, so that the merged table would have a hole.`,
    where,
    hint: "Measure one of the campaigns over the other's range of widths.",
  });
}
