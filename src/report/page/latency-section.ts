import { milliseconds, percent, tableErrorText } from "../amounts.ts";
import { bar, figureMarkup, html, type Markup, name, table } from "./markup.ts";
import { type OpTime, opTimes } from "./op-times.ts";
import type { Subject } from "./subject.ts";
import { PREDICTED } from "./summary-section.ts";

/** Tables longer than this get a field that filters them. */
const LONG = 8;

/** Time per operation before and after, slowest first; null without a table. */
export function latencySection(subject: Subject): Markup | null {
  const latencyTable = subject.table;
  if (latencyTable === null) return null;
  const times = opTimes(subject, latencyTable);
  const slowest = Math.max(...times.map(({ denseMs }) => denseMs), 1e-9);
  const isPredicted = latencyTable.device.kind === "predicted";
  const hasChoice = times.some(({ chosenAt, isGone }) => chosenAt !== null || isGone);
  const { device, runtime, precision, batch, expectedError } = latencyTable;
  const sum = (of: (time: OpTime) => number): number =>
    times.reduce((total, time) => total + of(time), latencyTable.fixedMs);
  const [dense, chosen] = [sum(({ denseMs }) => denseMs), sum(({ chosenMs }) => chosenMs)];
  return html`<section class="latency"><h2>Latency by operation${isPredicted ? html` ${PREDICTED}` : null}</h2>
<p>${isPredicted ? "Predicted" : "Measured"} for ${name(device.model)}, ${name(isPredicted ? runtime.name : `${runtime.name} ${runtime.version}`)}, ${precision}, batch ${batch}; ${expectedError === null ? "its error is unknown" : tableErrorText(expectedError)}. The ${times.length} operations${latencyTable.fixedMs === 0 ? "" : ` and ${milliseconds(latencyTable.fixedMs)} that no choice changes`} add up to ${milliseconds(dense)}${hasChoice ? html` for the dense network and ${milliseconds(chosen)} for the chosen one` : null}. Select an operation for its table.</p>
${times.length > LONG ? html`<p><label>Filter <input type="search" class="find" placeholder="name or kind" spellcheck="false" autocomplete="off"></label></p>` : null}
<div class="${times.length > LONG ? "tall" : ""}">${table(
    "Operations, slowest first",
    [
      { title: "operation", isNumber: false },
      { title: "kind", isNumber: false },
      { title: "dense, ms", isNumber: true },
      ...(hasChoice
        ? [
            { title: "chosen, ms", isNumber: true },
            { title: "kept", isNumber: true },
          ]
        : []),
      { title: "time", isNumber: false },
    ],
    times.map((time, at) => row(time, at, { slowest, hasChoice })),
  )}</div>
<aside class="detail" aria-live="polite" aria-label="The selected operation" hidden></aside></section>`;
}

function row(
  { op, denseMs, chosenMs, isGone }: OpTime,
  at: number,
  { slowest, hasChoice }: { readonly slowest: number; readonly hasChoice: boolean },
): Parameters<typeof table>[2][number] {
  const kept = denseMs > 0 ? chosenMs / denseMs : null;
  return [
    {
      content: html`<button class="link" data-op="${at}">${name(op.label)}</button>`,
    },
    { content: op.kind.slice(0, 200) },
    { content: digits(denseMs) },
    ...(hasChoice
      ? [
          isGone ? { content: "dropped", sort: 0 } : { content: digits(chosenMs) },
          { content: kept === null ? "–" : percent(kept), sort: (kept ?? 0).toFixed(4) },
        ]
      : []),
    {
      content: bar(denseMs / slowest, kept ?? 0),
      sort: digits(denseMs),
    },
  ];
}

/** Milliseconds with three digits, as short as they may be. */
function digits(ms: number): string {
  return ms === 0 ? "0" : ms.toPrecision(3);
}

/** What the network takes against what was predicted: validation of the table, calibration; null without either. */
export function measuredSection(
  { profile, calibrate }: Subject,
  charts: { readonly validation: Markup | null; readonly calibration: Markup | null },
): Markup | null {
  const validated = profile?.validation ?? null;
  if (validated === null && calibrate === null) return null;
  return html`<section class="measured"><h2>Predicted against measured</h2>
${figureMarkup(charts.validation)}
${
  validated === null
    ? null
    : html`<details><summary>${validated.networks.length} validation networks</summary>${table(
        "Random subnets that the table was not made from",
        [
          { title: "network", isNumber: true },
          { title: "dropped blocks", isNumber: true },
          { title: "dropped layers", isNumber: true },
          { title: "predicted, ms", isNumber: true },
          { title: "measured, ms", isNumber: true },
          { title: "error, drift taken out", isNumber: true },
        ],
        validated.networks.map((each, at) => [
          { content: String(at + 1), sort: at },
          { content: String(each.droppedBlocks), sort: each.droppedBlocks },
          { content: String(each.droppedLayers), sort: each.droppedLayers },
          { content: digits(each.predictedMs), sort: each.predictedMs },
          { content: digits(each.measuredMs), sort: each.measuredMs },
          { content: percent(each.error), sort: each.error },
        ]),
      )}</details>`
}
${figureMarkup(charts.calibration)}
${calibrationTable(calibrate)}</section>`;
}

function calibrationTable(calibrate: Subject["calibrate"]): Markup | null {
  if (calibrate === null) return null;
  return table(
    `Calibration: budget ${calibrate.budget}, ${calibrate.status}`,
    [
      { title: "try", isNumber: true },
      { title: "asked, ms", isNumber: true },
      { title: "predicted, ms", isNumber: true },
      { title: "measured, ms", isNumber: true },
      { title: "of the budget", isNumber: true },
      { title: "", isNumber: false },
    ],
    calibrate.tries.map((each, at) => [
      { content: String(at + 1), sort: at },
      { content: digits(each.askedMs), sort: each.askedMs },
      { content: digits(each.predictedMs), sort: each.predictedMs },
      { content: digits(each.measuredMs), sort: each.measuredMs },
      { content: percent(each.used), sort: each.used },
      { content: at === calibrate.best ? "chosen" : each.used > 1 ? "above" : "" },
    ]),
  );
}
