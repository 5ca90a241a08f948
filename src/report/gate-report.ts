import type { GateReport } from "../documents/release.ts";
import { figure } from "./amounts.ts";
import type { Painter } from "./painter.ts";
import { plainTable } from "./solve-report.ts";

const VERDICTS = {
  pass: "passes: every requirement holds",
  missed: "misses a requirement",
  undecided: "can't be decided on these items",
} as const;

/** The gate's answer as people read it. */
export function gateText(report: GateReport, paint: Painter): string {
  const table = plainTable(
    ["metric", "required", "value", "dense", "limit", "bound", "margin", "verdict"],
    ["left", "left", "right", "right", "right", "right", "right", "left"],
  );
  for (const line of report.lines) {
    const colour = line.verdict === "pass" ? paint.good : paint.warn;
    table.push([
      line.name,
      line.require,
      figure(line.value),
      figure(line.dense),
      figure(line.limit),
      figure(line.bound),
      figure(line.margin),
      colour(line.verdict),
    ]);
  }
  const open = report.lines.flatMap(({ name, verdict, itemsNeeded, items }) =>
    verdict !== "undecided"
      ? []
      : [
          itemsNeeded === null
            ? `${name}: the value lies beyond its limit, but ${items} items don't prove a miss; more items would.`
            : `${name}: about ${itemsNeeded} items would decide it; there are ${items}.`,
        ],
  );
  const colour = report.verdict === "pass" ? paint.good : paint.warn;
  if (report.lines.length === 0) {
    return "Gate        nothing is required, so nothing was tested; 'require' in metrics.json says what must hold";
  }
  return [
    `Gate        ${colour(VERDICTS[report.verdict])}`,
    `Items       ${report.items.count} that no search saw; try ${report.attempt} on them, error rate ${figure(report.alpha)}`,
    "",
    table.toString(),
    ...(open.length === 0 ? [] : ["", ...open]),
    ...(report.released === null ? [] : ["", `Released to ${report.released}`]),
  ].join("\n");
}

/** JUnit's XML, so that the gate is a test of a pipeline: one case per requirement. */
export function gateJunit(report: GateReport): string {
  const failed = report.lines.filter(({ verdict }) => verdict === "missed").length;
  const open = report.lines.filter(({ verdict }) => verdict === "undecided").length;
  const cases = report.lines.map((line) => {
    const what = `value ${figure(line.value)}, bound ${figure(line.bound)}, limit ${figure(line.limit)}, ${line.items} items`;
    const inner =
      line.verdict === "pass"
        ? ""
        : line.verdict === "missed"
          ? `<failure message="${xml(what)}"/>`
          : `<error message="undecided: ${xml(what)}"/>`;
    return `  <testcase classname="mdp.gate" name="${xml(`${line.name} ${line.require}`)}">${inner}</testcase>`;
  });
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuite name="mdp gate" tests="${report.lines.length}" failures="${failed}" errors="${open}">`,
    ...cases,
    "</testsuite>",
    "",
  ].join("\n");
}

function xml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
