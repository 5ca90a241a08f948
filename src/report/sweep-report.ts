import type { SweepPoint, SweepReport } from "../documents/sweep.ts";
import type { Painter } from "./painter.ts";
import { count, headLines, percent, plainTable, tidy } from "./solve-report.ts";

/** The frontier as people read it. */
export function sweepText(report: SweepReport, paint: Painter): string {
  const { head } = report;
  const title = head === null ? [titleOf(report)] : headLines(head, paint);
  const points = report.swept === undefined ? pointsText(report, paint) : zerosText(report, paint);
  const parts = [title.join("\n"), points, notesText(report)];
  return parts
    .filter((part) => part !== "")
    .map(tidy)
    .join("\n\n");
}

function titleOf({ name, swept, damage }: SweepReport): string {
  return swept === undefined
    ? `Instance    ${name}`
    : `Network     ${name}; single weights alone, damage in ${damage ?? "squares"}`;
}

/** Zeros alone: what is swept against damage. */
function zerosText({ points, dense, unit, swept }: SweepReport, paint: Painter): string {
  const table = plainTable(
    ["budget", withUnit("limit", unit), withUnit("used", unit), "of dense", "damage", "status"],
    ["right", "right", "right", "right", "right", "left"],
  );
  for (const point of points) {
    const { latency: used, damage } = point;
    table.push([
      ...[point.budget, amount(point.limit), used === null ? "" : amount(used)],
      used === null ? "" : percent(used / dense.latency),
      damage === undefined ? "" : damage.toPrecision(3),
      statusText(point, unit, paint),
    ]);
  }
  return `${table.toString()}\nWhole network: ${amount(dense.latency)} ${swept === "bytes" ? "B" : "weights of layers"}`;
}

function pointsText(report: SweepReport, paint: Painter): string {
  const { points, dense, unit } = report;
  const isNetwork = dense.parameters !== null;
  const extra = isNetwork ? ["parameters", "MACs"] : [];
  const table = plainTable(
    [
      "budget",
      withUnit("limit", unit),
      withUnit("latency", unit),
      "importance",
      ...extra,
      "dropped",
      "status",
    ],
    ["right", "right", "right", "right", ...extra.map(() => "right" as const), "left", "left"],
  );
  const share = (value: number | null, of: number | null): string =>
    value === null || of === null ? "" : percent(value / of);
  for (const point of points) {
    const more = isNetwork
      ? [share(point.parameters, dense.parameters), share(point.macs, dense.macs)]
      : [];
    table.push([
      point.budget,
      amount(point.limit),
      point.latency === null ? "" : amount(point.latency),
      share(point.importance, dense.importance),
      ...more,
      droppedText(point),
      statusText(point, unit, paint),
    ]);
  }
  const whole = [
    `${amount(dense.latency)} ${unit}`,
    `importance ${dense.importance.toPrecision(5)}`,
  ];
  if (dense.parameters !== null) whole.push(`${count(dense.parameters)} parameters`);
  return `${table.toString()}\nWhole network: ${whole.join(", ")}`;
}

function droppedText({ droppedBlocks, droppedLayers }: SweepPoint): string {
  const list = (names: readonly string[] | null, one: string): string[] =>
    names === null || names.length === 0
      ? []
      : [`${names.length} ${one}${names.length === 1 ? "" : "s"}`];
  return [...list(droppedBlocks, "block"), ...list(droppedLayers, "layer")].join(", ");
}

function statusText({ status, gap, least }: SweepPoint, unit: string, paint: Painter): string {
  switch (status) {
    case "optimal":
      return paint.good(gap === 0 || gap === null ? "proven" : `proven to ${percent(gap)}`);
    case "feasible":
      return paint.warn(
        gap === null ? "not proven" : `not proven, gap ${(100 * gap).toPrecision(2)} %`,
      );
    case "infeasible":
      return paint.warn(`infeasible${least === null ? "" : `: needs ${amount(least)} ${unit}`}`);
    case "unsolved":
      return paint.warn("no answer in time");
    default:
      return status satisfies never;
  }
}

function notesText({ points, complete, notes, head }: SweepReport): string {
  const said = new Set([...notes, ...points.flatMap((point) => point.notes)]);
  const lines = [...said].map((note) => `Note        ${note}`);
  if (!complete) lines.push("Note        Interrupted: budgets that are missing were not solved.");
  if (head?.table.origin === "predicted") {
    lines.push(
      "Note        Every latency above rests on a predicted table. Measure one with mdp profile on the device.",
    );
  }
  return lines.join("\n");
}

/** `latency (ms)`; an instance may not say its unit. */
export function withUnit(name: string, unit: string): string {
  return unit === "" ? name : `${name} (${unit})`;
}

/** Whole numbers as they are, others with four significant digits. */
function amount(value: number): string {
  return Number.isInteger(value) || value >= 1000 ? value.toFixed(0) : value.toPrecision(4);
}

/** One line per point, for spreadsheets; empty cells where there is no subnet. */
export function sweepCsv({ points, unit, dense }: SweepReport): string {
  const columns = [
    "budget",
    "unit",
    "limit",
    "status",
    "latency",
    "latency_share",
    "importance",
    "importance_share",
    "damage",
    "objective",
    "bound",
    "gap",
    "parameters",
    "macs",
    "dropped_blocks",
    "dropped_layers",
    "subnet",
  ];
  const rows = points.map((point) => [
    point.budget,
    unit,
    point.limit,
    point.status,
    point.latency,
    point.latency === null ? null : point.latency / dense.latency,
    point.importance,
    point.importance === null ? null : point.importance / dense.importance,
    point.damage ?? null,
    point.objective,
    point.bound,
    point.gap,
    point.parameters,
    point.macs,
    point.droppedBlocks?.length ?? null,
    point.droppedLayers?.length ?? null,
    point.subnet,
  ]);
  return [columns, ...rows].map((row) => `${row.map(cell).join(",")}\n`).join("");
}

function cell(value: string | number | null): string {
  if (value === null) return "";
  const text = String(value);
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
