import { count, milliseconds, percent, plainTable, shortened } from "./format.ts";
import { limitsText, type SolvedLimit } from "./limits-report.ts";
import type { Painter } from "./painter.ts";
import { type RobustReport, robustLines } from "./robust-report.ts";

export { count, milliseconds, percent, plainTable, shortened } from "./format.ts";

/** What every answer about a network rests on. */
export interface SolveHead {
  readonly network: {
    readonly name: string;
    readonly path: string;
    readonly embedded: boolean;
    readonly hash: string;
  };
  readonly device: { readonly asked: string; readonly name: string; readonly title: string };
  readonly table: {
    readonly origin: "measured" | "predicted";
    readonly path: string | null;
    readonly runtime: string;
    readonly precision: string;
    readonly batch: number;
    readonly threads: number | null;
    readonly date: string;
    /** SHA-256 of its content, but for when and by which command it was made. */
    readonly hash: string;
    /** Relative errors of whole-network latency, and how they were found; null where nobody looked. */
    readonly expectedError: {
      readonly mean: number;
      readonly worst: number | null;
      readonly how: string;
    } | null;
  };
  /** Tables that limits on the latency of other devices named, and the SHA-256 of their content. */
  readonly otherTables?: Readonly<Record<string, string>>;
  readonly importance: {
    readonly method: string;
    readonly normalisation: string;
    readonly path: string | null;
    /** SHA-256 of its content. */
    readonly hash: string;
  };
}

/** Everything that `mdp solve` has to say: printed for people by `solveText`, as it is by `--json`. */
export interface SolveReport extends SolveHead {
  readonly schema: "mdp-solve/1";
  readonly table: SolveHead["table"] & {
    /** Share of the chosen latency by origin of the table's cells. */
    readonly shares: {
      readonly measured: number;
      readonly interpolated: number;
      readonly predicted: number;
    };
  };
  readonly options: {
    readonly budget: string;
    readonly step: number;
    /** Whether kept channels are multiples of the step, or the full width less multiples of it. */
    readonly countFrom: "zero" | "full";
    readonly maxPrune: number;
    readonly protect: string | null;
    readonly blocks: boolean;
    readonly layers: boolean;
    /** Limits, penalties, another objective and components as they were written; absent where nothing was. */
    readonly limits?: Readonly<Record<string, unknown>>;
    /** Probability with which the budget is to be kept; absent where none was asked for. */
    readonly robust?: number;
  };
  /** A budget of null is none. */
  readonly latencyMs: {
    readonly dense: number;
    readonly budget: number | null;
    readonly chosen: number;
  };
  /** How the budget is kept with a probability; absent where none was asked for. */
  readonly robust?: RobustReport;
  /** Besides the budget. */
  readonly limits: readonly SolvedLimit[];
  /** What was made as small as possible; null where the most importance was asked for. */
  readonly minimised: {
    readonly text: string;
    readonly kind: string;
    readonly dense: number;
    readonly chosen: number;
  } | null;
  readonly importanceKept: Amount;
  readonly parameters: Amount;
  readonly macs: Amount;
  readonly dims: readonly DimReport[];
  readonly droppedBlocks: readonly string[];
  readonly droppedLayers: readonly string[];
  readonly answer: {
    readonly status: string;
    readonly objective: number;
    readonly bound: number;
    readonly gap: number;
    readonly solver: string;
    readonly nodes: number | null;
    readonly notes: readonly string[];
  };
  readonly seconds: {
    readonly read: number;
    readonly program: number;
    readonly solve: number;
    readonly total: number;
  };
}

export interface Amount {
  readonly dense: number;
  readonly chosen: number;
}

export interface DimReport {
  readonly name: string;
  /** Channels. */
  readonly total: number;
  readonly kept: number;
  /** Went as a whole with its block. */
  readonly dropped: boolean;
  /** Why it had no choice; null where it had one. */
  readonly whole: string | null;
}

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

function headText(report: SolveReport, paint: Painter): string {
  const { latencyMs, options, minimised } = report;
  const budget =
    latencyMs.budget === null
      ? "none"
      : `${options.budget === "none" ? "" : `${options.budget}: `}${milliseconds(latencyMs.budget)} of ${milliseconds(latencyMs.dense)}`;
  const lines = [...headLines(report, paint), `Budget      ${budget}`];
  if (report.robust !== undefined)
    lines.push(...robustLines(report.robust, latencyMs.chosen, options.budget));
  if (minimised !== null) lines.push(`Minimised   ${minimised.text}`);
  return lines.join("\n");
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
      : `expected error ${percent(table.expectedError.mean)}${
          table.expectedError.worst === null
            ? ""
            : `, at worst ${percent(table.expectedError.worst)}`
        } (${table.expectedError.how})`;
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
    `Status      ${optimal ? paint.good(answer.status) : paint.warn(answer.status)}; objective ${answer.objective.toPrecision(8)}, bound ${answer.bound.toPrecision(8)}, gap ${gapText(answer.gap)}`,
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

function gapText(gap: number): string {
  return gap === 0 ? "0" : gap.toExponential(1);
}

function secondsText(value: number): string {
  return `${value.toFixed(2)} s`;
}
