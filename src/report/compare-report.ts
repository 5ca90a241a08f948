import type { CompareReport, CompareResult, CompareRow } from "../documents/compare.ts";
import type { Amount } from "../documents/parts.ts";
import { count, percent, plainTable } from "./solve-report.ts";

/** The comparison as people read it. */
export function compareText(report: CompareReport): string {
  const { name, source, latency, predicted } = report;
  const dense = amount(latency.dense, latency.unit);
  const budget =
    latency.budget === null
      ? `none; the whole takes ${dense}`
      : `${amount(latency.budget, latency.unit)} of ${dense} (${percent(latency.budget / latency.dense)})`;
  const head = [
    `Program     ${name}`,
    `Latencies   ${source}${predicted ? "; PREDICTED, not measured" : ""}`,
    `Budget      ${budget}`,
  ];
  return [head.join("\n"), rowsText(report), ...footText(report)].join("\n\n");
}

/** A column of the table: its title, and what a row with a result shows there. */
interface Column {
  readonly title: string;
  readonly show: (result: CompareResult, row: CompareRow) => string;
}

function rowsText(report: CompareReport): string {
  const columns = columnsOf(report);
  const table = plainTable(
    ["method", ...columns.map(({ title }) => title)],
    ["left", ...columns.map(() => "right" as const)],
  );
  for (const row of report.rows) {
    const { result } = row;
    const cells = columns.map(({ show }, index) => {
      if (result !== null) return show(result, row);
      return index === 0 ? "none" : "";
    });
    table.push([row.method, ...cells]);
  }
  return table.toString();
}

function columnsOf({ rows, latency, importanceDense }: CompareReport): Column[] {
  const { unit, dense } = latency;
  const best = rows.find(({ method }) => method === "mdp")?.result?.importance ?? null;
  const hasOwn = rows.some(({ result }) => (result?.ownLatency ?? null) !== null);
  const isNetwork = rows.some(({ result }) => (result?.parameters ?? null) !== null);
  const columns: (Column | null)[] = [
    {
      title: "importance",
      show: ({ importance }) => percent2(importance / importanceDense),
    },
    best === null
      ? null
      : { title: "against mdp", show: ({ importance }) => against(importance, best) },
    { title: "latency", show: (result) => amount(result.latency, unit) },
    { title: "of dense", show: (result) => percent(result.latency / dense) },
    hasOwn
      ? {
          title: "own model",
          show: ({ ownLatency }) => (ownLatency === null ? "" : amount(ownLatency, unit)),
        }
      : null,
    isNetwork ? { title: "parameters", show: ({ parameters }) => chosen(parameters) } : null,
    isNetwork ? { title: "MACs", show: ({ macs }) => chosen(macs) } : null,
    { title: "blocks out", show: ({ droppedBlocks }) => String(droppedBlocks.length) },
    isNetwork
      ? { title: "layers out", show: ({ droppedLayers }) => String(droppedLayers.length) }
      : null,
    { title: "seconds", show: (_, { seconds }) => seconds.toFixed(2) },
  ];
  return columns.filter((column) => column !== null);
}

function chosen(value: Amount | null): string {
  return value === null ? "" : count(value.chosen);
}

/** Methods whose true latencies differ by more than this are not at one latency. */
const SAME_LATENCY = 0.01;

/** Which methods end further below the budget than the others, and why. */
function unevenText({ rows, latency: { budget, unit } }: CompareReport): string[] {
  if (budget === null) return [];
  return rows.flatMap(({ method, result }) => {
    if (result === null || result.latency >= (1 - SAME_LATENCY) * budget) return [];
    const under = `${method} ends ${percent(1 - result.latency / budget)} below the budget of ${amount(budget, unit)}`;
    if (method === "mdp") {
      return [
        result.status === "optimal"
          ? `${under}: proven, no subnet nearer to it keeps more.`
          : `${under}: the search ended before it was proven that none nearer keeps more (--time-limit).`,
      ];
    }
    return [
      result.ownLatency === null
        ? `${under}: one step further of its only setting is over the limits.`
        : `${under}: budgets of its own model were tried until the true latency fits, and the next subnet that it finds is over the limits.`,
    ];
  });
}

function footText(report: CompareReport): string[] {
  const { rows, latency, importanceDense } = report;
  const { unit } = latency;
  const lines = rows.flatMap(({ method, failed, result }) => {
    if (failed !== null) return [`${method}: ${failed}`];
    if (result === null || result.ownLatency === null) return [];
    const published = result.asPublished;
    if (published === null) {
      return [
        `${method} as published, with the budget as its own, finds nothing: its model sees every input as it was.`,
      ];
    }
    const share = percent2(published.importance / importanceDense);
    const over = published.fits ? "" : " (over the limits)";
    return [
      `${method} as published, with the budget as its own: its model predicted ${amount(published.ownLatency, unit)}, truly ${amount(published.latency, unit)}; importance ${share}${over}.`,
    ];
  });
  const all = [...unevenText(report), ...lines];
  return all.length === 0 ? [] : [all.join("\n")];
}

/** `-0.52 %`: how much less than the reference. */
function against(importance: number, best: number): string {
  const share = (100 * (importance - best)) / Math.abs(best);
  return importance === best ? "same" : `${share > 0 ? "+" : ""}${share.toFixed(2)} %`;
}

function percent2(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}

/** Four significant digits, or all of a whole number. */
function amount(value: number, unit: string): string {
  const rounded = Number.isInteger(value) ? value : Number(value.toPrecision(4));
  const digits = Math.abs(rounded) >= 1000 ? String(Math.round(value)) : String(rounded);
  return `${digits} ${unit === "microseconds" ? "us" : unit}`;
}
