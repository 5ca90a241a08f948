import { count, milliseconds, percent } from "../amounts.ts";
import { metricParts } from "../metric-text.ts";
import { type Cell, figureMarkup, html, type Markup, name, table, withInterval } from "./markup.ts";
import { verdictMark } from "./release-section.ts";
import { headlines } from "./stages-section.ts";
import type { Subject } from "./subject.ts";
import { PREDICTED } from "./summary-section.ts";

type Content = Cell["content"];

/** A row of the table: what it says of each run. */
interface Fact {
  readonly title: string;
  readonly of: (subject: Subject) => Content | null;
}

/** The runs side by side, a column each; null where there is one only. */
export function overviewSection(subjects: readonly Subject[], chart: Markup | null): Markup | null {
  const runs = subjects
    .map((subject, at) => ({ subject, at }))
    .filter(
      ({ subject: { solve, coefficients, gate, sweep } }) =>
        (solve ?? coefficients ?? gate ?? sweep) !== null,
    );
  if (runs.length < 2) return null;
  const facts = FACTS.map(({ title, of }) => ({
    title,
    contents: runs.map(({ subject }) => of(subject)),
  })).filter(({ contents }) => contents.some((content) => content !== null));
  return html`<section class="overview"><h2>Side by side</h2>
${table(
  "Runs",
  [
    { title: "", isNumber: false },
    ...runs.map(({ subject: { title } }) => ({ title: title.slice(0, 60), isNumber: false })),
  ],
  [
    [
      { content: "go to" },
      ...runs.map(({ subject: { title }, at }) => ({
        content: html`<a href="#s${at}">${name(title)}</a>`,
      })),
    ],
    ...facts.map(({ title, contents }) => [
      { content: title },
      ...contents.map((content) => ({ content: content ?? "–" })),
    ]),
  ],
)}
${figureMarkup(chart)}</section>`;
}

const FACTS: readonly Fact[] = [
  {
    title: "release",
    of: ({ gate }) => (gate === null ? null : verdictMark(gate.verdict)),
  },
  {
    title: "network",
    of: ({ solve, coefficients, sweep }) =>
      named(solve?.network.name ?? coefficients?.network ?? sweep?.name),
  },
  {
    title: "device",
    of: ({ solve, sweep, table: used }) =>
      named(solve?.device.title ?? sweep?.head?.device.title ?? used?.device.model),
  },
  { title: "latency", of: latency },
  {
    title: "parameters",
    of: ({ solve, coefficients }) => {
      const kept = coefficients?.size.parameters;
      const amount =
        solve?.parameters ??
        (kept === undefined ? undefined : { dense: kept.dense, chosen: kept.kept });
      if (amount === undefined) return null;
      const { chosen, dense } = amount;
      return `${count(chosen)} of ${count(dense)} (${percent(chosen / dense)})`;
    },
  },
  {
    title: "importance kept",
    of: ({ solve }) =>
      solve === null
        ? null
        : `${percent(solve.importanceKept.chosen / solve.importanceKept.dense)} (${solve.importance.method})`,
  },
  { title: "quality, original", of: (subject) => quality(headlines(subject)[0]) },
  {
    title: "quality, last stage",
    of: (subject) => {
      const all = headlines(subject);
      return all.length < 2 ? null : quality(all.at(-1));
    },
  },
  {
    title: "requirements",
    of: ({ gate }) =>
      gate === null
        ? null
        : html`${gate.lines.map(
            (line) =>
              html`<span class="line">${name(line.name)} ${line.value === null ? "–" : String(Number(line.value.toPrecision(4)))} (${name(line.require)})</span>`,
          )}`,
  },
  {
    title: "choice",
    of: ({ solve, coefficients, sweep }) => {
      if (solve !== null) return solve.answer.gap === 0 ? "proven optimal" : solve.answer.status;
      if (coefficients !== null) return "searched by metrics";
      const solved = sweep?.points.filter((point) => point.latency !== null) ?? [];
      const isProven = solved.every(({ status }) => status === "optimal");
      return sweep === null
        ? null
        : `${solved.length} points, ${isProven ? "all proven optimal" : "not all proven"}`;
    },
  },
  {
    title: "smaller network",
    of: ({ proof }) =>
      proof === null
        ? null
        : `equal to the masked original ${proof.maxRelative === 0 ? "to the bit" : `within ${proof.maxRelative.toExponential(1)}`}`,
  },
];

function named(text: string | undefined): Content | null {
  return text === undefined ? null : name(text);
}

function latency({ solve, coefficients, sweep, table: used }: Subject): Content | null {
  const kept = coefficients?.size.latencyMs;
  const amount =
    solve?.latencyMs ?? (kept === undefined ? undefined : { dense: kept.dense, chosen: kept.kept });
  if (amount !== undefined) {
    const { chosen, dense } = amount;
    const isPredicted =
      solve === null ? used?.device.kind !== "measured" : solve.table.origin === "predicted";
    return html`${milliseconds(chosen)} of ${milliseconds(dense)} (${percent(chosen / dense)})${isPredicted ? html` ${PREDICTED}` : null}`;
  }
  if (sweep === null) return null;
  const latencies = sweep.points.flatMap((point) => point.latency ?? []);
  const isPredicted = sweep.head?.table.origin === "predicted";
  return html`${Math.min(...latencies).toPrecision(4)} to ${Math.max(...latencies).toPrecision(4)} ${sweep.unit}${isPredicted ? html` ${PREDICTED}` : null}`;
}

function quality(headline: ReturnType<typeof headlines>[number] | undefined): Content | null {
  if (headline === undefined) return null;
  const { stage, metric } = headline;
  const { value, low, high } = metricParts(metric);
  return html`${name(metric.name)} (${name(stage)}) ${withInterval(value, low, high)}`;
}
