/** An operation's times as figures: a map over its two widths, or stairs over one. */
import type { EChartsOption } from "echarts";
import { countsAt } from "../../latency/lookup.ts";
import type { LatencyOp, LatencyTable } from "../../latency/table.ts";
import { axisStyle, FIGURE, styledLine, svgOf, textStyle, titleOf } from "./chart.ts";
import { INK, LOW_TO_HIGH, PAPER, seriesStyle } from "./theme.ts";

export const PLOT_COLUMNS = ["ms", "energyMj", "memoryBytes"] as const;
export type PlotColumn = (typeof PLOT_COLUMNS)[number];

const UNIT = { ms: "ms", energyMj: "mJ", memoryBytes: "bytes" } as const;
const QUANTITY = { ms: "latency", energyMj: "energy", memoryBytes: "memory" } as const;

const WIDTH = 880;
const HEIGHT = 560;
/** Widths that a map shows per axis; of more, every second, fourth, ... */
const MOST_WIDTHS = 96;
/** Lines of a figure of stairs. */
const MOST_LINES = 6;

/** A map of one colour per cell; dots mark measured cells where not all are. */
export function heatMapSvg(
  table: LatencyTable,
  op: LatencyOp,
  column: PlotColumn,
): Promise<string> {
  const values = op[column] ?? [];
  const shown = op.counts.map((counts) => thinned(counts, MOST_WIDTHS));
  const [first = [], second = []] = shown;
  const cells = values.flatMap((value, cell) => {
    const [a = 0, b = 0] = countsAt(cell, op.counts);
    const [y, x] = [first.indexOf(a), second.indexOf(b)];
    return x < 0 || y < 0 ? [] : [{ at: [x, y], value, origin: op.origin[cell] ?? "" }];
  });
  const amounts = cells.map(({ value }) => value);
  const isMixed = new Set(cells.map(({ origin }) => origin)).size > 1;
  const isSmall = first.length <= 32 && second.length <= 32;
  const option: EChartsOption = {
    ...FIGURE,
    title: titleOf(titleText(op), subtitleText(table, op, column, isMixed && isSmall)),
    grid: { left: 92, right: 132, top: 92, bottom: 66 },
    xAxis: {
      ...axisStyle(axisName(op, 1), 36),
      type: "category",
      data: second.map(String),
      splitArea: { show: false },
    },
    yAxis: { ...axisStyle(axisName(op, 0), 54), type: "category", data: first.map(String) },
    visualMap: {
      min: Math.min(...amounts),
      max: Math.max(...amounts),
      seriesIndex: 0,
      calculable: false,
      orient: "vertical",
      right: 16,
      top: "middle",
      itemHeight: 220,
      precision: 4,
      text: [amountText(Math.max(...amounts), column), amountText(Math.min(...amounts), column)],
      textStyle: textStyle(),
      inRange: { color: [...LOW_TO_HIGH] },
    },
    series: [
      { type: "heatmap", data: cells.map(({ at, value }) => [...at, value]), silent: true },
      ...(isMixed && isSmall ? [dots(cells.filter(({ origin }) => origin === "m"))] : []),
    ],
  };
  return svgOf(option, WIDTH, HEIGHT);
}

function dots(cells: readonly { readonly at: readonly number[] }[]): object {
  return {
    type: "scatter",
    symbolSize: 5,
    itemStyle: { color: PAPER, borderColor: INK, borderWidth: 1, opacity: 1 },
    data: cells.map(({ at }) => [...at]),
    silent: true,
  };
}

/** Times over the channels of the last axis; with two axes one line for each of some widths of the first. */
export function stairsSvg(table: LatencyTable, op: LatencyOp, column: PlotColumn): Promise<string> {
  const [last = []] = op.counts.slice(-1);
  const rows: readonly (number | null)[] = op.counts.length > 1 ? (op.counts[0] ?? []) : [null];
  const chosen = spreadOver(rows, MOST_LINES);
  const lines = chosen.map((row, index) => {
    const start = (row === null ? 0 : rows.indexOf(row)) * last.length;
    return {
      name: row === null ? axisName(op, 0) : String(row),
      style: seriesStyle(index),
      points: last.map((count, position) => ({
        at: [count, op[column]?.[start + position] ?? 0],
        isMeasured: op.origin[start + position] === "m",
      })),
    };
  });
  const isMixed = new Set(op.origin).size > 1;
  const option: EChartsOption = {
    ...FIGURE,
    title: titleOf(titleText(op), subtitleText(table, op, column, isMixed)),
    legend: {
      show: lines.length > 1,
      orient: "vertical",
      right: 18,
      top: 96,
      textStyle: textStyle(),
      formatter: (name: string) => `${name} read`,
      itemWidth: 34,
      data: lines.map(({ name }) => name),
    },
    grid: { left: 92, right: lines.length > 1 ? 132 : 40, top: 92, bottom: 66 },
    xAxis: {
      ...axisStyle(axisName(op, op.counts.length - 1), 36),
      type: "value",
      min: "dataMin",
      max: "dataMax",
    },
    yAxis: { ...axisStyle(`${QUANTITY[column]} (${UNIT[column]})`, 62), type: "value", min: 0 },
    series: lines.flatMap(({ name, style, points }, index) => [
      {
        ...styledLine(
          index,
          name,
          points.map(({ at: [x = 0, y = 0] }) => [x, y] as const),
        ),
        ...{ showSymbol: false, silent: true },
      },
      {
        type: "scatter" as const,
        name,
        symbol: style.symbol,
        symbolSize: isMixed ? 7 : 6,
        itemStyle: { color: style.color, opacity: 1 },
        data: points.filter(({ isMeasured }) => isMeasured || !isMixed).map(({ at }) => at),
        silent: true,
      },
    ]),
  };
  return svgOf(option, WIDTH, HEIGHT);
}

/** Every first, second, fourth, ... of the counts, and the last. */
function thinned(counts: readonly number[], most: number): number[] {
  let every = 1;
  while (Math.ceil(counts.length / every) > most) every *= 2;
  return counts.filter((_, index) => (counts.length - 1 - index) % every === 0);
}

function spreadOver<Item>(items: readonly Item[], most: number): Item[] {
  if (items.length <= most) return [...items];
  const places = Array.from({ length: most }, (_, index) =>
    Math.round((index * (items.length - 1)) / (most - 1)),
  );
  return places.flatMap((place) => items.slice(place, place + 1));
}

function titleText({ label, kind }: LatencyOp): string {
  return `${kind} ${label.length <= 56 ? label : `…${label.slice(-55)}`}`;
}

function subtitleText(
  table: LatencyTable,
  op: LatencyOp,
  column: PlotColumn,
  marks: boolean,
): string {
  const { device, runtime, precision, batch, threads } = table;
  const kinds = { m: "measured", i: "interpolated", p: "predicted" } as const;
  const letters = (["m", "i", "p"] as const).filter((letter) => op.origin.includes(letter));
  const origin = letters.map((letter) => kinds[letter]).join(" and ");
  const setting = `${device.name}, ${runtime.name} ${runtime.version}, ${precision}, batch ${batch}${threads === null ? "" : `, ${threads} thread${threads === 1 ? "" : "s"}`}`;
  return `${QUANTITY[column]} in ${UNIT[column]}, ${origin}${marks ? "; dots: measured" : ""}. ${setting}`;
}

/** Operations read what their first axis counts and write the last one. */
function axisName({ counts }: LatencyOp, axis: number): string {
  if (counts.length < 2) return "channels";
  return axis === 0 ? "channels read" : "channels written";
}

function amountText(value: number, column: PlotColumn): string {
  return `${Number(value.toPrecision(3))} ${UNIT[column]}`;
}
