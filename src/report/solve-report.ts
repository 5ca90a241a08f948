import type { Amount } from "../documents/parts.ts";
import type { DimReport, SolveHead, SolveReport } from "../documents/solve.ts";
import { count, milliseconds, percent, tableErrorText } from "./amounts.ts";
import { plainTable, shortened } from "./format.ts";
import { limitsText } from "./limits-report.ts";
import type { Painter } from "./painter.ts";
import { robustLines } from "./robust-report.ts";

export { count, milliseconds, percent } from "./amounts.ts";
export { plainTable, shortened } from "./format.ts";

const BAR_WIDTH = 24;

/** `kept` of `total` as a bar of 24 cells; anything kept shows at least one cell, anything gone leaves one empty. */
export function bar(kept: number, total: number): string {
  const exact = (kept / total) * BAR_WIDTH;
  const least = kept > 0 ? 1 : 0;
  const most = kept < total ? BAR_WIDTH - 1 : BAR_WIDTH;
  const full = Math.min(most, Math.max(least, Math.round(exact)));
  return "█".repeat(full) + "░".repeat(BAR_WIDTH - full);
}

/** The report as people read it. */
export function solveText(report: SolveReport, paint: Painter): string {
  const parts = [
    headText(report, paint),
    amountsText(report),
    ...(report.limits.length === 0 ? [] : [limitsText(report.limits, paint)]),
    dimsText(report.dims, paint),
    droppedText(report),
    answerText(report, paint),
  ];
  return parts.map(tidy).join("\n\n");
}

const LINE_WIDTH = 110;
const INDENT = " ".repeat(12);

/** Lines without blanks at their end; long ones are folded under the second column. */
export function tidy(text: string): string {
  return text
    .split("\n")
    .flatMap((line) => fold(line.trimEnd()))
    .join("\n");
}

function fold(line: string): string[] {
  if (line.length <= LINE_WIDTH) return [line];
  const space = line.lastIndexOf(" ", LINE_WIDTH);
  if (space <= INDENT.length) return [line];
  return [line.slice(0, space), ...fold(INDENT + line.slice(space + 1))];
}

/** From this share on, what no choice changes decides which budgets can be met. */
const WORTH_SAYING = 0.1;

function headText(report: SolveReport, paint: Painter): string {
  const { latencyMs, options, minimised } = report;
  const budget =
    latencyMs.budget === null
      ? "none"
      : `${options.budget === "none" ? "" : `${options.budget}: `}${milliseconds(latencyMs.budget)} of ${milliseconds(latencyMs.dense)}`;
  const lines = [...headLines(report, paint), `Budget      ${budget}`];
  const share = (latencyMs.unchangeable ?? 0) / latencyMs.dense;
  if (share >= WORTH_SAYING) {
    lines.push(
      `Fixed part  ${milliseconds(latencyMs.unchangeable ?? 0)}, ${Math.round(100 * share)} % of the dense latency, is changed by no choice; --budget "60% of prunable" counts the rest alone`,
    );
  }
  if (report.robust !== undefined)
    lines.push(...robustLines(report.robust, latencyMs.chosen, options.budget));
  if (minimised !== null) lines.push(`Minimised   ${minimised.text}`);
  lines.push(...zerosLines(report));
  return lines.join("\n");
}

/** How dense the layers stay, where that was chosen too. */
function zerosLines({ zeros }: SolveReport): readonly string[] {
  if (zeros === undefined) return [];
  const sparse = zeros.layers
    .filter(({ density }) => density !== null && density < 1)
    .sort((a, b) => (a.density ?? 0) - (b.density ?? 0));
  const shown = sparse
    .slice(0, 3)
    .map(({ label, density }) => `${label} ${percent(density ?? 0)}`)
    .join(", ");
  const list = sparse.length === 0 ? "" : `; sparsest: ${shown}`;
  return [
    `Zeros       in ${sparse.length} of ${zeros.layers.length} weights, damage ${zeros.damage.toPrecision(3)}${list}`,
  ];
}

/** Network, device, table and importance, a line or two each. */
export function headLines(head: SolveHead, paint: Painter): string[] {
  const { network, device, table, importance } = head;
  const named = device.asked === device.name ? device.name : `${device.asked} -> ${device.name}`;
  const threads =
    table.threads === null ? "" : `, ${table.threads} thread${table.threads === 1 ? "" : "s"}`;
  return [
    `Network     ${network.name}${network.embedded ? " (embedded default; name your own with --model)" : ` (${network.path})`}`,
    `Device      ${named} (${device.title})`,
    `Table       ${originText(head, paint)}`,
    `            ${table.runtime}, ${table.precision}, batch ${table.batch}${threads}, ${table.date.slice(0, 10)}`,
    `Importance  ${importance.method}, normalisation ${importance.normalisation}${importance.path === null ? "" : ` (${importance.path})`}`,
  ];
}

function originText({ table }: SolveHead, paint: Painter): string {
  const error =
    table.expectedError === null
      ? "error not validated"
      : `${tableErrorText(table.expectedError)} (${table.expectedError.how})`;
  const origin = table.origin === "measured" ? "measured" : paint.warn("PREDICTED, not measured");
  return `${origin}; ${error}${table.path === null ? "" : `; ${table.path}`}`;
}

function amountsText(report: SolveReport): string {
  const rows: [string, Amount, (value: number) => string][] = [
    ["latency", report.latencyMs, milliseconds],
    ["importance", report.importanceKept, (value) => value.toPrecision(5)],
    ["parameters", report.parameters, count],
    ["MACs", report.macs, count],
  ];
  const table = plainTable(["", "dense", "chosen", "kept"], ["left", "right", "right", "right"]);
  for (const [name, amount, show] of rows) {
    table.push([
      name,
      show(amount.dense),
      show(amount.chosen),
      percent(amount.chosen / amount.dense),
    ]);
  }
  return table.toString();
}

function dimsText(dims: readonly DimReport[], paint: Painter): string {
  const table = plainTable(["dim", "kept channels", "", ""], ["left", "left", "right", "left"]);
  const open = dims.filter((dim) => dim.whole === null || dim.dropped);
  for (const dim of open) {
    const kept = dim.dropped ? 0 : dim.kept;
    table.push([
      shortened(dim.name),
      paint.bar(bar(kept, dim.total)),
      `${kept}/${dim.total}`,
      dim.dropped ? "gone with its block" : "",
    ]);
  }
  const whole = dims.length - open.length;
  const more = whole === 1 ? "1 more dim had" : `${whole} more dims had`;
  const tail = whole === 0 ? "" : `\n${more} no choice (mdp inspect tells why)`;
  return `${table.toString()}${tail}`;
}

function droppedText({ droppedBlocks, droppedLayers, options }: SolveReport): string {
  const list = (names: readonly string[], allowed: boolean): string => {
    if (!allowed) return "not asked for";
    return names.length === 0 ? "none" : `${names.length}: ${names.join(", ")}`;
  };
  return [
    `Dropped blocks  ${list(droppedBlocks, options.blocks)}`,
    `Dropped layers  ${list(droppedLayers, options.layers)}`,
  ].join("\n");
}

function answerText({ answer, seconds, table }: SolveReport, paint: Painter): string {
  const nodes =
    answer.nodes === null ? "" : `, ${answer.nodes} node${answer.nodes === 1 ? "" : "s"}`;
  const optimal = answer.status === "optimal";
  const lines = [
    `Status      ${optimal ? paint.good(answer.status) : paint.warn(answer.status)}; objective ${answer.objective.toPrecision(8)}, bound ${answer.bound === null ? "unknown" : answer.bound.toPrecision(8)}, gap ${gapText(answer.gap)}`,
    `Solver      ${answer.solver}${nodes}; checked independently`,
    `Time        ${secondsText(seconds.total)} (read ${secondsText(seconds.read)}, program ${secondsText(seconds.program)}, solve ${secondsText(seconds.solve)})`,
    ...answer.notes.map((note) => `Note        ${note}`),
  ];
  if (table.origin === "predicted") {
    lines.push(
      "Note        Every latency above rests on a predicted table. Measure one with mdp profile on the device.",
    );
  }
  return lines.join("\n");
}

function gapText(gap: number | null): string {
  if (gap === null) return "unknown";
  return gap === 0 ? "0" : gap.toExponential(1);
}

function secondsText(value: number): string {
  return `${value.toFixed(2)} s`;
}
