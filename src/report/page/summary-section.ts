import type { SolveHead, SolveReport } from "../../documents/solve.ts";
import { count, milliseconds, percent, tableErrorText } from "../amounts.ts";
import { metricText } from "../metric-text.ts";
import { ofDense } from "./loss-text.ts";
import { html, type Markup, name, table, words } from "./markup.ts";
import { headlines } from "./stages-section.ts";
import type { Subject } from "./subject.ts";

/** Marks a figure that no device has confirmed. */
export const PREDICTED: Markup = html`<span class="predicted">predicted</span>`;

/** Network, device and budget; dense against chosen; proof and status. Null where nothing was chosen. */
export function summarySection(subject: Subject): Markup | null {
  const { solve } = subject;
  if (solve === null) return searchedSummary(subject);
  const { latencyMs, answer } = solve;
  const mark = solve.table.origin === "predicted" ? html` ${PREDICTED}` : null;
  const budget =
    latencyMs.budget === null
      ? "none"
      : `${milliseconds(latencyMs.budget)} (${percent(latencyMs.budget / latencyMs.dense)} of dense)`;
  return html`<section class="summary"><h2>Summary</h2>
${lead(subject)}
<dl class="facts">
<div><dt>Network</dt><dd>${name(solve.network.name)}</dd></div>
<div><dt>Device</dt><dd>${name(solve.device.title)}</dd></div>
<div><dt>Budget</dt><dd>${budget}</dd></div>
<div><dt>Latency table</dt><dd>${tableText(solve)}${mark}</dd></div>
${worth(subject)}
<div><dt>Choice</dt><dd>${statusText(solve)}</dd></div>
<div><dt>Proof of the smaller network</dt><dd>${proofText(subject)}</dd></div>
</dl>
${amounts(subject, mark)}
${limits(subject)}
${answer.notes.length === 0 ? null : html`<ul class="notes">${answer.notes.map((note) => html`<li>${words(note)}</li>`)}</ul>`}
</section>`;
}

/** What happened, in two sentences. */
function lead(subject: Subject): Markup | null {
  const { solve } = subject;
  if (solve === null) return null;
  const { latencyMs, importanceKept, table: used, device } = solve;
  const isPredicted = used.origin === "predicted";
  const timed = subject.evaluation?.results.at(-1)?.latency ?? null;
  const measured = headlines(subject);
  const [first, last] = [measured[0], measured.at(-1)];
  const metric =
    first === undefined || last === undefined || measured.length < 2
      ? null
      : html` Measured ${first.metric.name}: <strong>${metricText(last.metric)}</strong> (${last.stage}); original ${metricText(first.metric)}; intervals of 95 %.`;
  return html`<p class="lead">The chosen network ${isPredicted ? html`is predicted to take` : html`takes`} <strong>${milliseconds(latencyMs.chosen)}</strong> of ${milliseconds(latencyMs.dense)} (${percent(latencyMs.chosen / latencyMs.dense)}) on ${name(device.title)}${isPredicted ? "" : ", by the measured table"}, and keeps ${percent(importanceKept.chosen / importanceKept.dense)} of the importance.${metric}${
    isPredicted ? html` No run on the device confirms the latency yet.` : confirmed(timed)
  }</p>`;
}

/** What mdp eval measured, beside what the table says. */
function confirmed(
  timed: { readonly ofFirst: number; readonly ofFirstError: number } | null,
): Markup | null {
  if (timed === null) return null;
  const { ofFirst, ofFirstError } = timed;
  return html` Measured end to end: ${percent(ofFirst)} ± ${(100 * ofFirst * ofFirstError).toFixed(1)} of the original's time.`;
}

function statusText({ answer }: SolveReport): string {
  const { status, bound, gap } = answer;
  if (status === "optimal" && gap === 0) {
    return "proven optimal (gap 0): no other choice keeps more within the limits, by these scores and latencies";
  }
  const known = gap === null ? "unknown" : `${(100 * gap).toPrecision(3)} %`;
  return `${status}; bound ${bound?.toPrecision(6) ?? "unknown"}, gap ${known}`;
}

/** Of a run by the user's metrics, which has no single answer of `mdp solve`. */
function searchedSummary(subject: Subject): Markup | null {
  const { coefficients, table: used } = subject;
  if (coefficients === null) return null;
  const { size, limits: asked, network } = coefficients;
  const mark = used?.device.kind === "measured" ? null : html` ${PREDICTED}`;
  const rows = [
    [html`latency${mark}`, size.latencyMs, milliseconds] as const,
    [html`parameters`, size.parameters, count] as const,
  ];
  return html`<section class="summary"><h2>Summary</h2>
<p class="lead">The chosen network has <strong>${count(size.parameters.kept)}</strong> of ${count(size.parameters.dense)} parameters (${percent(size.parameters.kept / size.parameters.dense)})${used?.device.kind === "predicted" ? " and is predicted to take" : " and takes, by the table,"} <strong>${milliseconds(size.latencyMs.kept)}</strong> of ${milliseconds(size.latencyMs.dense)} (${percent(size.latencyMs.kept / size.latencyMs.dense)}).</p>
<dl class="facts">
<div><dt>Network</dt><dd>${name(network)}</dd></div>
${used === null ? null : html`<div><dt>Device</dt><dd>${name(used.device.model)}${mark}</dd></div>`}
<div><dt>Limits</dt><dd>${asked.map((each) => html`${name(each)} `)}</dd></div>
<div><dt>Proof of the smaller network</dt><dd>${proofText(subject)}</dd></div>
</dl>
${table(
  "Dense network and chosen subnet",
  AMOUNT_COLUMNS,
  rows.map(([what, { dense, kept }, text]) => [
    { content: what },
    { content: text(dense), sort: dense },
    { content: text(kept), sort: kept },
    { content: percent(kept / dense), sort: kept / dense },
  ]),
)}</section>`;
}

const AMOUNT_COLUMNS = [
  { title: "quantity", isNumber: false },
  { title: "dense", isNumber: true },
  { title: "chosen", isNumber: true },
  { title: "kept", isNumber: true },
] as const;

function tableText({
  table: { runtime, precision, batch, threads, date, expectedError },
}: SolveHead): string {
  const error = expectedError === null ? "error unknown" : tableErrorText(expectedError);
  const how = threads === null ? "" : `, ${threads} thread${threads === 1 ? "" : "s"}`;
  return `${runtime}, ${precision}, batch ${batch}${how}, ${date.slice(0, 10)}; ${error}`;
}

function proofText({ proof }: Subject): string {
  if (proof === null) return "not run yet: mdp export proves the network that it writes";
  const outputs =
    proof.maxRelative === 0
      ? "the same to the bit"
      : `within ${proof.maxRelative.toExponential(1)} (relative, limit ${proof.limit.toExponential(0)})`;
  return `${proof.values} values on ${proof.runs} inputs equal the masked original; outputs ${outputs}`;
}

function amounts({ solve }: Subject, mark: Markup | null): Markup | null {
  if (solve === null) return null;
  const { latencyMs, importanceKept, parameters, macs } = solve;
  const row = (
    what: Markup | string,
    { dense, chosen }: { dense: number; chosen: number },
    text: (value: number) => string,
  ): Parameters<typeof table>[2][number] => [
    { content: what },
    { content: text(dense), sort: dense },
    { content: text(chosen), sort: chosen },
    { content: percent(chosen / dense), sort: chosen / dense },
  ];
  return table("Dense network and chosen subnet", AMOUNT_COLUMNS, [
    row(html`latency${mark ?? html` (from the measured table)`}`, latencyMs, milliseconds),
    row("importance", importanceKept, (value) => value.toPrecision(5)),
    row("parameters", parameters, count),
    row("MACs", macs, count),
  ]);
}

/** What a little more of each limit would earn. */
function worth({ explain }: Subject): Markup | null {
  if (explain === null) return null;
  const known = explain.explanation.limits.flatMap(({ resource, limit, step, more }) => {
    if (more.kind !== "exact" || limit === 0) return [];
    const earned = Math.max(0, 0 - more.loss);
    const share = `${Number(((100 * step) / Math.abs(limit)).toPrecision(2))} %`;
    return [
      html`${share} more ${name(resource)} would earn ${earned === 0 ? "nothing" : ofDense(earned, explain)}. `,
    ];
  });
  return known.length === 0 ? null : html`<div><dt>Worth of the limits</dt><dd>${known}</dd></div>`;
}

function limits({ solve }: Subject): Markup | null {
  if (solve === null || solve.limits.length === 0) return null;
  return table(
    "Limits",
    [
      { title: "limit", isNumber: false },
      { title: "used", isNumber: true },
      { title: "allowed", isNumber: true },
      { title: "binds", isNumber: false },
    ],
    solve.limits.map(({ text, used, limit, binds }) => [
      { content: name(text) },
      { content: used === null ? "–" : String(used), sort: used ?? "" },
      { content: limit === null ? "–" : String(limit), sort: limit ?? "" },
      { content: binds ? "yes" : "no" },
    ]),
  );
}
