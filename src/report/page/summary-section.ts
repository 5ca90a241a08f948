import type { SolveHead } from "../../documents/solve.ts";
import { wilson } from "../../tasks/statistics/intervals.ts";
import { count, milliseconds, percent, tableErrorText } from "../amounts.ts";
import { html, type Markup, name, table } from "./markup.ts";
import type { Subject } from "./subject.ts";

/** Marks a figure that no device has confirmed. */
export const PREDICTED: Markup = html`<span class="predicted">predicted</span>`;

/** Network, device and budget; dense against chosen; stages; proof and status. Null without an answer of `mdp solve`. */
export function summarySection(subject: Subject): Markup | null {
  const { solve } = subject;
  if (solve === null) return null;
  const { latencyMs, answer } = solve;
  const mark = solve.table.origin === "predicted" ? html` ${PREDICTED}` : null;
  const budget =
    latencyMs.budget === null
      ? "none"
      : `${milliseconds(latencyMs.budget)} (${percent(latencyMs.budget / latencyMs.dense)} of dense)`;
  const gap =
    answer.gap === null ? "unknown" : answer.gap === 0 ? "0: proven optimal" : String(answer.gap);
  return html`<section class="summary"><h2>Summary</h2>
<dl class="facts">
<div><dt>Network</dt><dd>${name(solve.network.name)}</dd></div>
<div><dt>Device</dt><dd>${name(solve.device.title)}</dd></div>
<div><dt>Budget</dt><dd>${budget}</dd></div>
<div><dt>Latency table</dt><dd>${tableText(solve)}${mark}</dd></div>
<div><dt>Status</dt><dd>${answer.status}, gap ${gap}</dd></div>
<div><dt>Proof</dt><dd>${proofText(subject)}</dd></div>
</dl>
${amounts(subject, mark)}
${stages(subject)}
${limits(subject)}
${answer.notes.length === 0 ? null : html`<ul class="notes">${answer.notes.map((note) => html`<li>${note}</li>`)}</ul>`}
</section>`;
}

function tableText({
  table: { runtime, precision, batch, threads, date, expectedError },
}: SolveHead): string {
  const error = expectedError === null ? "error unknown" : tableErrorText(expectedError);
  const how = threads === null ? "" : `, ${threads} thread${threads === 1 ? "" : "s"}`;
  return `${runtime}, ${precision}, batch ${batch}${how}, ${date.slice(0, 10)}; ${error}`;
}

function proofText({ proof }: Subject): string {
  if (proof === null) return "not run";
  return (
    `${proof.values} values on ${proof.runs} inputs equal the masked original; outputs within ` +
    `${proof.maxRelative.toExponential(1)} (relative, limit ${proof.limit.toExponential(0)})`
  );
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
  return table(
    "Dense network and chosen subnet",
    [
      { title: "quantity", isNumber: false },
      { title: "dense", isNumber: true },
      { title: "chosen", isNumber: true },
      { title: "kept", isNumber: true },
    ],
    [
      row(html`latency${mark ?? html` (from the measured table)`}`, latencyMs, milliseconds),
      row("importance", importanceKept, (value) => value.toPrecision(5)),
      row("parameters", parameters, count),
      row("MACs", macs, count),
    ],
  );
}

function stages({ evaluation }: Subject): Markup | null {
  if (evaluation === null || evaluation.results.length === 0) return null;
  const { data, images, runtime, batch, threads } = evaluation;
  const on = data === null ? "latency only" : `${images} images of ${data}`;
  return table(
    `Measured by mdp eval: ${on}; ${runtime}, batch ${batch}, ${threads} thread${threads === 1 ? "" : "s"}`,
    [
      { title: "network", isNumber: false },
      { title: "MB", isNumber: true },
      { title: "top-1", isNumber: true },
      { title: "top-1, 95 % interval", isNumber: true },
      { title: "median ms", isNumber: true },
      { title: "p90 ms", isNumber: true },
      { title: "of the first", isNumber: true },
    ],
    evaluation.results.map(({ model, bytes, accuracy, latency }) => [
      { content: name(model.split("/").at(-1) ?? model) },
      { content: (bytes / 1e6).toFixed(2), sort: bytes },
      accuracy === null ? NOTHING : { content: percent(accuracy.top1), sort: accuracy.top1 },
      accuracy === null ? NOTHING : { content: rateInterval(accuracy.top1, accuracy.count) },
      latency === null
        ? NOTHING
        : { content: latency.medianMs.toPrecision(4), sort: latency.medianMs },
      latency === null ? NOTHING : { content: latency.p90Ms.toPrecision(4), sort: latency.p90Ms },
      latency === null ? NOTHING : { content: percent(latency.ofFirst), sort: latency.ofFirst },
    ]),
  );
}

const NOTHING = { content: "–" } as const;

/** The 95 % interval of a rate. */
function rateInterval(rate: number, count: number): string {
  const { low, high } = wilson(rate * count, count, 0.95);
  return `${(low * 100).toFixed(1)} – ${percent(high)}`;
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
