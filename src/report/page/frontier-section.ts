import type { CompareReport } from "../../documents/compare.ts";
import type { SweepReport } from "../../documents/sweep.ts";
import type { SubnetFile } from "../../subnet/subnet-file.ts";
import { count, percent } from "../amounts.ts";
import { figureMarkup, html, type Markup, name, table, words } from "./markup.ts";
import type { Subject } from "./subject.ts";
import { PREDICTED } from "./summary-section.ts";

/** What the slider shows. */
export interface FrontierData {
  /** Dims, and their units. */
  readonly names: readonly string[];
  readonly units: readonly number[];
  readonly points: readonly FrontierPoint[];
}

export interface FrontierPoint {
  readonly text: string;
  /** Kept units per dim; none where the point has no subnet. */
  readonly kept: readonly number[];
  readonly dropped: readonly string[];
}

/** The figure of a sweep with a slider over its points; null without a sweep. */
export function frontierSection(subject: Subject, figure: Markup | null): Markup | null {
  const { sweep } = subject;
  if (sweep === null) return null;
  const last = Math.max(0, sweep.points.length - 1);
  return html`<section class="frontier"><h2>Frontier</h2>
<p>The best subnet within each budget. ${sweep.complete ? null : "The sweep was interrupted: some budgets have no point yet."}${sweep.head?.table.origin === "predicted" ? html` Latencies are ${PREDICTED}.` : null}</p>
${figureMarkup(figure)}
${
  sweep.points.length < 2
    ? null
    : html`<p class="slider"><label>Move over the points <input type="range" class="point" min="0" max="${last}" value="0" step="1"></label> <output class="point-text"></output></p>
<p class="dropped name"></p>
<div class="widths"></div>`
}
${pointTable(sweep)}
${sweep.notes.length === 0 ? null : html`<ul class="notes">${sweep.notes.map((note) => html`<li>${words(note)}</li>`)}</ul>`}</section>`;
}

function pointTable({ points, unit, dense }: SweepReport): Markup {
  return table(
    "Points, largest budget first",
    [
      { title: "budget", isNumber: true },
      { title: `latency, ${unit}`, isNumber: true },
      { title: "importance kept", isNumber: true },
      { title: "parameters", isNumber: true },
      { title: "status", isNumber: false },
      { title: "gap", isNumber: true },
      { title: "blocks dropped", isNumber: true },
    ],
    points.map((point, at) => [
      {
        content: html`<span data-point="${at}">${name(point.budget)}</span>`,
        sort: point.limit,
      },
      { content: point.latency?.toPrecision(4) ?? "–", sort: point.latency ?? "" },
      {
        content: point.importance === null ? "–" : percent(point.importance / dense.importance),
        sort: point.importance ?? "",
      },
      {
        content: point.parameters === null ? "–" : count(point.parameters),
        sort: point.parameters ?? "",
      },
      { content: point.status },
      {
        content:
          point.gap === null
            ? "–"
            : point.gap === 0
              ? "0"
              : `${(100 * point.gap).toPrecision(2)} %`,
        sort: point.gap ?? "",
      },
      {
        content: String(point.droppedBlocks?.length ?? "–"),
        sort: point.droppedBlocks?.length ?? "",
      },
    ]),
  );
}

/** Null without a sweep. */
export function frontierData({ sweep, subnets }: Subject): FrontierData | null {
  if (sweep === null) return null;
  const subnetOf = ({ subnet }: SweepReport["points"][number]): SubnetFile | undefined =>
    subnet === null ? undefined : subnets.get(subnet);
  const [first] = sweep.points.flatMap((point) => subnetOf(point) ?? []);
  const dims = first?.dims ?? [];
  return {
    names: dims.map(({ dim }) => dim.slice(0, 300)),
    units: dims.map(({ units }) => units),
    points: sweep.points.map((point): FrontierPoint => {
      const kept = new Map(subnetOf(point)?.dims.map((each) => [each.dim, each.kept]));
      const importance =
        point.importance === null
          ? ""
          : `, importance ${percent(point.importance / sweep.dense.importance)}`;
      const latency =
        point.latency === null ? point.status : `${point.latency.toPrecision(4)} ${sweep.unit}`;
      return {
        text: `${point.budget}: ${latency}${importance}`,
        kept: kept.size === 0 ? [] : dims.map(({ dim, units }) => kept.get(dim) ?? units),
        dropped: [...(point.droppedBlocks ?? []), ...(point.droppedLayers ?? [])],
      };
    }),
  };
}

/** Methods at one true latency; null without a comparison. */
export function compareSection({ compare }: Subject, figure: Markup | null): Markup | null {
  if (compare === null) return null;
  return html`<section class="methods"><h2>Methods at one true latency</h2><p>${name(compare.name)}, ${name(compare.source)}${compare.predicted ? html` ${PREDICTED}` : null}. Every subnet is judged by the true tables, whatever its method took for the latency.</p>
${figureMarkup(figure)}
${compareTable(compare)}</section>`;
}

function compareTable({ rows, latency, importanceDense }: CompareReport): Markup {
  return table(
    `Budget ${latency.budget === null ? "none" : `${latency.budget.toPrecision(4)} ${latency.unit}`}`,
    [
      { title: "method", isNumber: false },
      { title: "importance kept", isNumber: true },
      { title: `latency, ${latency.unit}`, isNumber: true },
      { title: "status", isNumber: false },
    ],
    rows.map(({ method, failed, result }) => [
      { content: name(method) },
      {
        content: result === null ? "–" : percent(result.importance / importanceDense),
        sort: result?.importance ?? "",
      },
      {
        content: result === null ? "–" : result.latency.toPrecision(4),
        sort: result?.latency ?? "",
      },
      { content: name(failed ?? result?.status ?? "") },
    ]),
  );
}
