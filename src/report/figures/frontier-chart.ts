import type { EChartsOption } from "echarts";
import { axisStyle, FIGURE, styledLine, svgOf, textStyle, titleOf } from "./chart.ts";
import { FAINT, KEPT, PAPER } from "./theme.ts";

/** A point of the figure: what a subnet uses, and the share of the importance that it keeps. */
export interface ChartPoint {
  readonly x: number;
  /** Per cent. */
  readonly y: number;
  readonly label: string;
  /** Where the optimum isn't proven: no subnet within the same budget keeps more than this. */
  readonly bound: number | null;
}

export interface FrontierChart {
  readonly title: string;
  readonly subtitle: string;
  readonly xName: string;
  readonly yName: string;
  readonly points: readonly ChartPoint[];
  /** The whole network; null leaves it out. */
  readonly dense: { readonly x: number; readonly y: number } | null;
  /** Several frontiers in one figure, with a legend, instead of `points`. */
  readonly series?: readonly FrontierSeries[] | undefined;
}

export interface FrontierSeries {
  readonly name: string;
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

const WIDTH = 880;
const HEIGHT = 520;

/** The frontier as an SVG figure; the same points give the same bytes. */
export function frontierSvg(chart: FrontierChart): Promise<string> {
  return svgOf(optionOf(chart), WIDTH, HEIGHT);
}

function optionOf(chart: FrontierChart): EChartsOption {
  const { title, subtitle, xName, yName, points, dense, series } = chart;
  if (series !== undefined) return seriesOption(chart, series);
  const ordered = [...points].sort((one, other) => one.x - other.x);
  return {
    ...FIGURE,
    title: titleOf(title, subtitle),
    grid: { left: 76, right: 56, top: 92, bottom: 64 },
    xAxis: { ...axisStyle(xName, 34), type: "value", scale: true },
    yAxis: { ...axisStyle(yName, 50), type: "value", scale: true, ...rangeOf(points) },
    series: [
      {
        type: "line",
        data: ordered.map(({ x, y }) => [x, y]),
        symbol: "none",
        lineStyle: { color: KEPT, width: 2 },
        silent: true,
      },
      ...boundSeries(ordered),
      {
        type: "scatter",
        symbolSize: 9,
        data: ordered.map(({ x, y, label, bound }) => ({
          value: [x, y],
          itemStyle: {
            opacity: 1,
            color: bound === null ? KEPT : PAPER,
            borderColor: KEPT,
            borderWidth: 2,
          },
          label: { show: true, formatter: label },
        })),
        // Frontiers bend to the right and down from here: below and right of a point is free.
        label: {
          position: "right",
          ...textStyle(),
        },
        labelLayout: { hideOverlap: true, dx: -2, dy: 13 },
      },
      ...(dense === null ? [] : [denseSeries(dense)]),
    ],
  };
}

function seriesOption(
  { title, subtitle, xName, yName }: FrontierChart,
  series: readonly FrontierSeries[],
): EChartsOption {
  return {
    ...FIGURE,
    title: titleOf(title, subtitle),
    legend: { top: 64, left: 76, itemWidth: 40, textStyle: textStyle() },
    grid: { left: 76, right: 56, top: 110, bottom: 64 },
    xAxis: { ...axisStyle(xName, 34), type: "value", scale: true },
    yAxis: {
      ...axisStyle(yName, 50),
      type: "value",
      scale: true,
      ...rangeOf(series.flatMap(({ points }) => points)),
    },
    series: series.map(({ name, points }, at) =>
      styledLine(
        at,
        name,
        [...points].sort((one, other) => one.x - other.x).map(({ x, y }) => [x, y] as const),
      ),
    ),
  };
}

/** Up to 100 per cent, in at most seven round steps from below the lowest point; left to the library where a point is outside. */
function rangeOf(points: readonly { readonly y: number }[]): object {
  const lowest = Math.min(100, ...points.map(({ y }) => y));
  if (lowest < 0 || points.some(({ y }) => y > 100)) return {};
  const interval = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20].find((step) => 100 - lowest < 7 * step) ?? 20;
  const steps = Math.max(1, Math.ceil((100 - lowest) / interval + 0.2));
  return { min: Math.max(0, 100 - steps * interval), max: 100, interval };
}

/** A thin rule from a point that isn't proven up to its bound. */
function boundSeries(points: readonly ChartPoint[]): object[] {
  return points.flatMap(({ x, y, bound }) =>
    bound === null
      ? []
      : [
          {
            type: "line",
            data: [
              [x, y],
              [x, bound],
            ],
            symbol: "none",
            lineStyle: { color: FAINT, width: 1, type: "dashed" },
            silent: true,
          },
        ],
  );
}

function denseSeries({ x, y }: { readonly x: number; readonly y: number }): object {
  return {
    type: "scatter",
    symbol: "diamond",
    symbolSize: 11,
    itemStyle: { color: FAINT, opacity: 1 },
    data: [[x, y]],
    z: 5,
    label: {
      show: true,
      formatter: "whole\nnetwork",
      position: "bottom",
      distance: 9,
      ...textStyle(FAINT),
    },
  };
}
