import type { MonitorReport } from "../documents/release.ts";
import type { LedgerEntry } from "../release/ledger.ts";
import { figure } from "./amounts.ts";
import type { Painter } from "./painter.ts";
import { plainTable } from "./solve-report.ts";

/** A monitored network as people read it. */
export function monitorText(report: MonitorReport, paint: Painter): string {
  const verdict = {
    "as before": paint.good("as before: every requirement holds or is open, and nothing changed"),
    changed: paint.warn("inputs or answers have changed"),
    missed: paint.warn("a requirement is missed"),
  }[report.verdict];
  const metrics = plainTable(
    ["metric", "required", "value", "from", "to", "dense", "limit", "verdict"],
    ["left", "left", "right", "right", "right", "right", "right", "left"],
  );
  for (const line of report.metrics) {
    metrics.push([
      line.name,
      line.require ?? "",
      figure(line.value),
      figure(line.low),
      figure(line.high),
      figure(line.dense ?? null),
      figure(line.limit ?? null),
      line.verdict,
    ]);
  }
  const drift = plainTable(
    ["what", "before", "now", "p (Holm)", ""],
    ["left", "right", "right", "right", "left"],
  );
  for (const line of report.drift) {
    drift.push([
      line.what,
      figure(line.reference),
      figure(line.now),
      figure(line.adjusted),
      line.isFlagged ? paint.warn("changed") : "",
    ]);
  }
  return [
    `Monitor     ${verdict}`,
    `Network     ${report.live} (${report.sha256.slice(0, 12)}), ${report.items} new items`,
    "",
    metrics.toString(),
    ...(report.metrics.some(({ dense }) => dense !== undefined)
      ? [
          "",
          "dense is the network before pruning on these new items; limits against it are taken there.",
        ]
      : []),
    ...(report.drift.length === 0 ? [] : ["", drift.toString()]),
  ].join("\n");
}

/** What was released to a file, and what was tried. */
export function historyText(live: string, entries: readonly LedgerEntry[]): string {
  if (entries.length === 0) return `Nothing was released to ${live} yet.`;
  const table = plainTable(
    ["", "when", "what", "network", ""],
    ["right", "left", "left", "left", "left"],
  );
  for (const [index, entry] of entries.entries()) {
    if (entry.kind === "placed") continue;
    const about =
      entry.kind === "try"
        ? entry.verdict
        : entry.kind === "undo"
          ? `back to entry ${entry.to}`
          : entry.note;
    table.push([index + 1, entry.at.slice(0, 19), entry.kind, entry.sha256.slice(0, 12), about]);
  }
  return table.toString();
}
