import type { CoefficientsReport, ReasonsReport } from "../../documents/coefficients.ts";
import { count, figure, milliseconds, percent } from "../amounts.ts";
import {
  type Cell,
  type Column,
  figureMarkup,
  html,
  type Markup,
  name,
  table,
  withInterval,
} from "./markup.ts";
import type { Subject } from "./subject.ts";

type Step = ReasonsReport["groups"][number]["narrower"];

/** Groups of dims with their coefficients, and what a step of each does to the metrics; null where nothing was searched. */
export function groupsSection(subject: Subject, chart: Markup | null): Markup | null {
  const { coefficients, reasons, groups } = subject;
  if (coefficients === null && reasons === null && groups === null) return null;
  return html`<section class="groups"><h2>Groups and requirements</h2>
${coefficients === null ? null : searchMarkup(coefficients)}
${reasons === null ? null : reasonsTable(reasons)}
${figureMarkup(chart)}</section>`;
}

function searchMarkup(report: CoefficientsReport): Markup {
  const { search, conflicts = [] } = report;
  return html`<p>The program was solved with other coefficients for its groups until the requirements held: ${search.evaluations} subnets were measured (${search.method}, ${search.seconds.toFixed(0)} s). A larger coefficient keeps more of a group.</p>
${groupTable(report)}
${standsTable(report)}
${
  conflicts.length === 0
    ? null
    : html`<ul>${conflicts.map(([one = "", other = ""]) => html`<li>${name(one)} and ${name(other)} stand against each other: subnets met either, none met both.</li>`)}</ul>`
}`;
}

function groupTable({ groups }: CoefficientsReport): Markup {
  return table(
    "Groups",
    [
      { title: "group", isNumber: false },
      { title: "component", isNumber: false },
      { title: "coefficient", isNumber: true },
      { title: "units", isNumber: true },
      { title: "kept", isNumber: true },
      { title: "removed", isNumber: true },
    ],
    groups.map((group) => [
      { content: name(group.name) },
      { content: name(group.component ?? "") },
      { content: figure(group.coefficient), sort: group.coefficient },
      { content: String(group.units), sort: group.units },
      { content: String(group.kept), sort: group.kept },
      { content: percent(group.removed), sort: group.removed },
    ]),
  );
}

/** The subnet that was found beside what other ways to choose give at the same limits. */
function standsTable({ found, starts }: CoefficientsReport): Markup {
  return table(
    "On the items of the search, before repair",
    [
      { title: "metric", isNumber: false },
      { title: "before pruning", isNumber: true },
      { title: "limit", isNumber: true },
      { title: "found", isNumber: true },
      ...starts.map((start) => ({ title: start.name, isNumber: true })),
    ],
    found.stands.map((stand, at) => [
      { content: name(stand.name) },
      numberCell(stand.dense),
      numberCell(stand.limit),
      numberCell(stand.value),
      ...starts.map((start) => numberCell(start.stands[at]?.value ?? null)),
    ]),
  );
}

function numberCell(value: number | null): Cell {
  return { content: figure(value), sort: value ?? "" };
}

function reasonsTable({ now, groups, protected: kept }: ReasonsReport): Markup {
  const columns: Column[] = [
    { title: "group", isNumber: false },
    { title: "removed", isNumber: true },
    { title: "held by", isNumber: false },
    ...now.stands.flatMap(({ name: metric }) => [
      { title: `${metric}, narrower`, isNumber: true },
      { title: `${metric}, wider`, isNumber: true },
    ]),
    { title: "size if narrower", isNumber: true },
  ];
  const values = (step: Step, at: number): Cell => numberCell(step?.stands[at]?.value ?? null);
  const standing = now.stands.map(
    ({ name: metric, value, limit }) =>
      html`<li>${name(metric)}: ${figure(value)}${limit === null ? null : html`, limit ${figure(limit)}`}</li>`,
  );
  const smallest = Math.min(
    ...groups.flatMap(({ narrower }) => (narrower === null ? [] : [narrower.latencyMs])),
  );
  return html`<h3>Why each group is as wide as it is</h3>
<p>What each metric would be if one group was one step narrower or wider, and the rest as it is. As chosen:</p><ul>${standing}</ul>
${table(
  "One step narrower or wider",
  columns,
  groups.map((group) => [
    { content: name(group.name) },
    { content: percent(group.removed), sort: group.removed },
    { content: name(group.heldBy ?? "") },
    ...now.stands.flatMap((_, at) => [values(group.narrower, at), values(group.wider, at)]),
    group.narrower === null
      ? { content: "–" }
      : {
          content: `${count(group.narrower.parameters)} parameters, ${milliseconds(group.narrower.latencyMs)}`,
          sort: group.narrower.latencyMs - smallest,
        },
  ]),
)}
${kept.length === 0 ? null : html`<ul>${kept.map(({ dim, by }) => html`<li>${name(dim)}: ${name(by)}</li>`)}</ul>`}`;
}

/** Ways to choose a subnet by the user's metrics, on items that no search saw; null without such a comparison. */
export function comparedMetricsSection({ comparedMetrics }: Subject): Markup | null {
  if (comparedMetrics === null) return null;
  const { methods } = comparedMetrics;
  const names = methods[0]?.metrics.map((metric) => metric.name) ?? [];
  return html`<section class="by-metrics"><h2>Methods by your metrics</h2>
<p>Every method at the same limits, on items that no search saw, with 95 % intervals.</p>
${table(
  "Methods",
  [
    { title: "method", isNumber: false },
    { title: "parameters", isNumber: true },
    { title: "latency", isNumber: true },
    ...names.map((metric) => ({ title: metric, isNumber: true })),
    ...names.map((metric) => ({ title: `${metric}, behind coefficients by`, isNumber: true })),
  ],
  methods.map((method) => [
    { content: name(method.name) },
    { content: count(method.parameters), sort: method.parameters },
    { content: milliseconds(method.latencyMs), sort: method.latencyMs },
    ...names.map((_, at) => intervalCell(method.metrics[at])),
    ...names.map((_, at) => intervalCell(method.metrics[at]?.behind)),
  ]),
)}</section>`;
}

function intervalCell(
  given:
    | { readonly value: number | null; readonly low: number | null; readonly high: number | null }
    | null
    | undefined,
): Cell {
  if (given == null || given.value === null) return { content: "–" };
  return {
    content: withInterval(figure(given.value), figure(given.low), figure(given.high)),
    sort: given.value,
  };
}
