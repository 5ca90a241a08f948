import { basename } from "node:path";
import type { EvalReport } from "../documents/evaluation.ts";
import { loadWarning } from "../runtime/machine-load.ts";
import { metricDifference, metricText } from "./metric-text.ts";
import type { Painter } from "./painter.ts";
import { percent, plainTable } from "./solve-report.ts";

/** What was measured, as people read it. Ratios are to the first network. */
export function evalText(report: EvalReport, paint: Painter): string {
  const judged = report.task == null ? [] : ["", ...metricLines(report)];
  return [evalHead(report), "", resultTable(report, paint), ...judged].join("\n");
}

/** What was evaluated on, and how it was timed. */
export function evalHead(report: EvalReport): string {
  const { results, batch, threads } = report;
  const lines: string[] = [];
  if (report.data !== null) lines.push(`Data     ${report.data}, ${report.images} images`);
  lines.push(...preprocessingLines(report));
  const first = results[0];
  if (first?.latency) {
    lines.push(
      `Latency  batch ${batch}, ${threads} thread${threads === 1 ? "" : "s"}, ${report.runtime}, optimisation ${report.optimisation}, interleaved`,
    );
    const warning = report.load === undefined ? null : loadWarning(report.load);
    if (warning !== null) lines.push(`WARNING  ${warning}`);
  }
  return lines.join("\n");
}

const SAID_BY = {
  given: "by --data-config",
  network: "by the network's file",
  data: "by the data's own config",
  default: "by default: NOBODY SAYS HOW THE PICTURES ARE PREPARED",
} as const;

/** How pictures were prepared, who says so, and whether another way fits better. */
export function preprocessingLines({ preprocessing }: EvalReport): readonly string[] {
  if (preprocessing == null) return [];
  const { text, from, tried } = preprocessing;
  const lines = [`Pictures ${text}, ${SAID_BY[from]}`];
  if (from !== "default") return lines;
  if (tried !== null) {
    const [first] = tried.choices;
    const each = tried.choices.map(({ name, top1 }) => `${name}: ${percent(top1)}`);
    lines.push(`         tried on ${first?.images ?? 0} of them: ${each.join("; ")}`);
  }
  const fits = tried?.fits ?? null;
  lines.push(
    fits === null
      ? "         Give --data-config where the network was trained on other values."
      : `         WRONG: '${fits}' fits better. The figures below are of the wrong pictures; give --data-config.`,
  );
  return lines;
}

/** Every network's metrics with their intervals, and how it compares with the first. */
function metricLines({ results, task }: EvalReport): readonly string[] {
  const many = results.length > 1;
  return [
    `Task     ${task?.name ?? "?"}; intervals of 95 %`,
    ...(task?.notes ?? []).map((note) => `         ${note}`),
    ...results.flatMap(({ model, metrics = [], agreement, differences }) => [
      ...(many ? ["", basename(model)] : []),
      ...metrics.map((metric, at) => {
        const difference = differences?.[at];
        const than =
          difference === undefined ? "" : `; to the first ${metricDifference(difference)}`;
        return `  ${metric.name}: ${metricText(metric)}${than}`;
      }),
      ...(agreement ?? []).map((metric) => `  ${metric.name}, to the first: ${metricText(metric)}`),
    ]),
  ];
}

function resultTable({ results }: EvalReport, paint: Painter): string {
  const first = results[0];
  const hasAccuracy = first?.accuracy !== null;
  const hasLatency = first?.latency !== null;
  const head = [
    "network",
    "MB",
    ...(hasAccuracy ? ["top-1", "top-5"] : []),
    ...(hasLatency ? ["median ms", "p90 ms", "p99 ms", "of the first"] : []),
  ];
  const table = plainTable(head, ["left", ...head.slice(1).map((): "right" => "right")]);
  for (const { model, bytes, accuracy, latency } of results) {
    table.push([
      paint.bar(basename(model)),
      (bytes / 1e6).toFixed(2),
      ...(accuracy === null ? [] : [percent(accuracy.top1), percent(accuracy.top5)]),
      ...(latency === null
        ? []
        : [ms(latency.medianMs), ms(latency.p90Ms), ms(latency.p99Ms), percent(latency.ofFirst)]),
    ]);
  }
  return table.toString();
}

/** Milliseconds to about four digits. */
export function ms(value: number): string {
  return value < 10 ? value.toFixed(3) : value.toFixed(2);
}
