import { basename } from "node:path";
import type { Accuracy } from "../data/evaluate.ts";
import type { EvalReport } from "../documents/evaluation.ts";
import type { Optimisation } from "../runtime/session.ts";
import type { SessionTurns } from "../runtime/turns.ts";
import type { Painter } from "./painter.ts";
import { percent, plainTable } from "./solve-report.ts";

/** What was measured, as people read it. Ratios are to the first network. */
export function evalText(report: EvalReport, paint: Painter): string {
  return [evalHead(report), "", resultTable(report, paint)].join("\n");
}

/** What was evaluated on, and how it was timed. */
export function evalHead(report: EvalReport): string {
  const { results, batch, threads } = report;
  const lines: string[] = [];
  if (report.data !== null) lines.push(`Data     ${report.data}, ${report.images} images`);
  const first = results[0];
  if (first?.latency) {
    lines.push(
      `Latency  batch ${batch}, ${threads} thread${threads === 1 ? "" : "s"}, ${report.runtime}, optimisation ${report.optimisation}, interleaved`,
    );
  }
  return lines.join("\n");
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
