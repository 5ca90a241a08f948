import type { OpSummary, TableSummary } from "../documents/tables.ts";
import { countsAt } from "../latency/lookup.ts";
import type { LatencyOp, LatencyTable } from "../latency/table.ts";
import { COLUMNS } from "../latency/table-schema.ts";
import type { MovedCell, TableDiff } from "../latency/tables/diff.ts";
import { ageDays, type Coverage, coverageOf, widestSumMs } from "../latency/tables/summary.ts";
import { milliseconds, percent, tableErrorText } from "./amounts.ts";
import { plainTable, shortened } from "./format.ts";

/** @param now milliseconds since 1970 */
export function summaryOf(
  path: string,
  table: LatencyTable,
  hash: string,
  now: number,
): TableSummary {
  const { ops, ...head } = table;
  return {
    schema: "mdp-table-summary/1",
    ...{ path, hash, head },
    ageDays: ageDays(table, now),
    coverage: coverageOf(ops),
    widestSumMs: widestSumMs(table),
    columns: ["ms", ...COLUMNS.filter((column) => ops.some((op) => op[column] !== undefined))],
    ops: ops.map(opSummary),
  };
}

function opSummary(op: LatencyOp): OpSummary {
  const { id, label, kind, counts, ms } = op;
  return {
    ...{ id, label, kind },
    axes: counts.map((axis) => ({
      from: axis[0] ?? 0,
      to: axis.at(-1) ?? 0,
      counts: axis.length,
    })),
    coverage: coverageOf([op]),
    leastMs: ms.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY),
    widestMs: ms.at(-1) ?? 0,
  };
}

/** The summary as people read it. */
export function tableText(summary: TableSummary): string {
  const { head, coverage, ops, columns } = summary;
  const { device, runtime, network, expectedError, spread, energyMj, memoryBytes, interval } = head;
  const threads =
    head.threads === null ? "" : `, ${head.threads} thread${head.threads === 1 ? "" : "s"}`;
  const power = device.power === null ? "" : `, power ${device.power}`;
  const lines = [
    `${network.name} on ${device.model} (${device.name}), ${device.kind}`,
    `${runtime.name} ${runtime.version}, ${head.precision}, batch ${head.batch}${threads}${power}`,
    "",
    `made        ${ageText(summary.ageDays, head.date)}${head.command === "" ? "" : ` by ${head.command}`}`,
    `dense       ${milliseconds(head.denseMs)}; the widest cells and the fixed part add up to ${milliseconds(summary.widestSumMs)}`,
    `fixed part  ${milliseconds(head.fixedMs)}`,
    `cells       ${coverage.cells} in ${ops.length} operations, step ${head.step}: ${coverageText(coverage)}`,
    `error       ${errorText(expectedError)}`,
    ...(spread === null ? [] : [`spread      ${percent(spread)} of the reference while measuring`]),
    ...(interval === undefined
      ? []
      : [
          `intervals   ${percent(interval.level)} per cell, and ${percent(interval.common)} in common; ${interval.how}`,
        ]),
    ...(energyMj === undefined
      ? []
      : [`energy      ${energyMj.dense.toPrecision(4)} mJ dense; ${energyMj.how}`]),
    ...(memoryBytes === undefined
      ? []
      : [`memory      ${(memoryBytes.dense / 2 ** 20).toFixed(1)} MiB dense; ${memoryBytes.how}`]),
    ...(head.sources ?? []).map(
      ({ role, date, cells, hash }) =>
        `${role.padEnd(11)} ${hash.slice(0, 12)} of ${date}, ${cells} cells`,
    ),
    ...(head.calibrations ?? []).map(
      ({ date, networks, factor, errorBefore, errorAfter }) =>
        `calibrated  ${date.slice(0, 10)} by ${networks} networks: factor ${factor.toFixed(3)}, error ${percent(errorBefore)} before, ${percent(errorAfter)} after`,
    ),
    `format      ${head.schema}, columns ${columns.join(", ")}, hash ${summary.hash.slice(0, 12)}`,
    ...head.notes.map((note) => `note        ${note}`),
    "",
    opsText(ops),
  ];
  return lines.join("\n");
}

function opsText(ops: readonly OpSummary[]): string {
  const rows = plainTable(
    ["operation", "kind", "channels", "cells", "origin", "least ms", "dense ms"],
    ["left", "left", "left", "right", "left", "right", "right"],
  );
  for (const { label, kind, axes, coverage, leastMs, widestMs } of ops) {
    const widths = axes.map(({ from, to, counts }) => `${from}..${to} (${counts})`).join(" x ");
    rows.push([
      shortened(label),
      kind,
      widths || "none",
      String(coverage.cells),
      coverageText(coverage),
      leastMs.toFixed(4),
      widestMs.toFixed(4),
    ]);
  }
  return rows.toString();
}

/** "45 % measured, 55 % interpolated"; one kind alone needs no share. */
export function coverageText({ cells, measured, interpolated, predicted }: Coverage): string {
  const parts = (
    [
      [measured, "measured"],
      [interpolated, "interpolated"],
      [predicted, "predicted"],
    ] as const
  ).filter(([count]) => count > 0);
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return only[1];
  return parts.map(([count, name]) => `${((100 * count) / cells).toFixed(0)} % ${name}`).join(", ");
}

/** "3 days ago", "today". */
export function ageText(days: number | null, date: string): string {
  if (days === null) return date === "" ? "at an unknown time" : date;
  if (days < 1) return "today";
  if (days < 60) return `${Math.floor(days)} day${days < 2 ? "" : "s"} ago`;
  return `${Math.floor(days / 30.4)} months ago`;
}

/** How far off the table was on networks that it was not made from. */
export function errorText(error: LatencyTable["expectedError"]): string {
  if (error === null) return "not validated";
  return tableErrorText(error);
}

const MOST_COLUMNS = 14;

/** The times of one operation as a grid: the first axis down, the second across. */
export function cellsText(op: LatencyOp): string {
  const [down = [], across = []] = op.counts.length === 2 ? op.counts : [op.counts[0] ?? [], []];
  if (op.counts.length === 0) return `${op.kind} '${op.label}': ${op.ms[0]} ms (${op.origin})`;
  if (op.counts.length > 2) return listText(op);
  const every = Math.max(1, Math.ceil(across.length / MOST_COLUMNS));
  const shown = across.flatMap((count, index) =>
    (across.length - 1 - index) % every === 0 ? [{ count, index }] : [],
  );
  const columns = across.length === 0 ? ["ms"] : shown.map(({ count }) => String(count));
  const rows = plainTable(
    [across.length === 0 ? "channels" : "read \\ written", ...columns],
    ["right", ...columns.map(() => "right" as const)],
  );
  for (const [row, count] of down.entries()) {
    const places =
      across.length === 0 ? [row] : shown.map(({ index }) => row * across.length + index);
    rows.push([String(count), ...places.map((cell) => cellText(op, cell))]);
  }
  const thinned =
    every > 1
      ? `\nEvery ${every}th of ${across.length} widths across is shown; mdp table export has all.`
      : "";
  return `${op.kind} '${op.label}', ms; + interpolated, ~ predicted\n${rows.toString()}${thinned}`;
}

function cellText({ ms, origin }: LatencyOp, cell: number): string {
  const mark = { m: "", i: "+", p: "~" }[origin[cell] ?? "m"] ?? "";
  return `${(ms[cell] ?? Number.NaN).toFixed(4)}${mark}`;
}

function listText(op: LatencyOp): string {
  return op.ms
    .map((_, cell) => `(${countsAt(cell, op.counts).join(", ")})  ${cellText(op, cell)}`)
    .join("\n");
}

const MOST_MOVED = 20;

/** How two tables differ, as people read it. */
export function diffText(diff: TableDiff, names: readonly [string, string]): string {
  const { cells, drift, moved, threshold } = diff;
  const [denseA, denseB] = diff.denseMs;
  const lines = [
    `first   ${names[0]}`,
    `second  ${names[1]}`,
    ...(diff.settings.length === 0 ? [] : [`settings differ: ${diff.settings.join("; ")}`]),
    "",
    `dense network   ${milliseconds(denseA)} and ${milliseconds(denseB)} (factor ${(denseB / denseA).toFixed(3)})`,
    `cells           ${cells.both} in both, ${cells.first} only in the first, ${cells.second} only in the second`,
    ...onlyText("only first", diff.onlyFirst),
    ...onlyText("only second", diff.onlySecond),
  ];
  if (cells.both === 0) return [...lines, "", "There is no cell that both have."].join("\n");
  const shape = diff.byKind.length === 0 ? "" : `\n\n${kindText(diff)}`;
  lines.push(
    `drift           the second takes ${drift.toFixed(4)} of the first's times in the middle, by time`,
    `shape           beyond that cells moved by ${percent(diff.medianMoved)} in the middle, ${percent(diff.p90Moved)} at the 90 % quantile`,
    `moved           ${moved.length} cells by more than ${percent(threshold)}`,
  );
  return `${lines.join("\n")}${shape}${moved.length === 0 ? "" : `\n\n${movedText(moved)}`}`;
}

function onlyText(name: string, labels: readonly string[]): string[] {
  if (labels.length === 0) return [];
  const shown = labels.slice(0, 3).join(", ");
  const more = labels.length > 3 ? ` and ${labels.length - 3} more` : "";
  return [`${name.padEnd(15)} ${labels.length} operations: ${shown}${more}`];
}

function kindText({ byKind, bySize }: TableDiff): string {
  const rows = plainTable(
    ["by kind / size", "cells", "factor", "moved, 90 %"],
    ["left", "right", "right", "right"],
  );
  for (const { kind, cells, ratio, spread } of byKind) {
    rows.push([kind, String(cells), ratio.toFixed(4), percent(spread)]);
  }
  for (const { part, cells, ratio } of bySize) {
    rows.push([`${part} third`, String(cells), ratio.toFixed(4), ""]);
  }
  return rows.toString();
}

function movedText(moved: readonly MovedCell[]): string {
  const rows = plainTable(
    ["largest moves", "channels", "first ms", "second ms", "moved", "origin"],
    ["left", "left", "right", "right", "right", "left"],
  );
  for (const cell of moved.slice(0, MOST_MOVED)) {
    rows.push([
      shortened(cell.op),
      cell.channels.join(" x "),
      cell.firstMs.toFixed(4),
      cell.secondMs.toFixed(4),
      `${cell.moved > 0 ? "+" : ""}${percent(cell.moved)}`,
      cell.origins,
    ]);
  }
  const more =
    moved.length > MOST_MOVED ? `\nand ${moved.length - MOST_MOVED} more (--json has all)` : "";
  const legend = "origin: of the first and the second; m measured, i interpolated, p predicted";
  return `${rows.toString()}${more}\n${legend}`;
}
