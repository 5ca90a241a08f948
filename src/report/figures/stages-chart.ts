import type { EChartsOption } from "echarts";
import { axisStyle, FIGURE, svgOf, textStyle, titleOf, whisker } from "./chart.ts";
import { FAINT, INK, seriesStyle } from "./theme.ts";

/** A value with its interval, of one stage of a run. */
export interface StagePoint {
  readonly stage: string;
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** One metric over the stages of a run. */
export interface StagesChart {
  readonly metric: string;
  readonly subtitle: string;
  readonly points: readonly StagePoint[];
  /** What is required at least or at most; null without. */
  readonly limit: number | null;
}

const ROW = 44;

/** A row per stage, the first one on top: the value as a dot, its interval as a line. */
export function stagesSvg({ metric, subtitle, points, limit }: StagesChart): Promise<string> {
  const rows = points.toReversed();
  const { color, symbol } = seriesStyle(0);
  const widest = Math.max(...points.map(({ stage }) => stage.length));
  const option: EChartsOption = {
    ...FIGURE,
    title: titleOf(metric, subtitle),
    grid: { left: 40 + 7 * Math.min(26, widest), right: 90, top: 84, bottom: 58 },
    xAxis: { type: "value", scale: true, ...axisStyle(metric, 32) },
    yAxis: {
      type: "category",
      data: rows.map(({ stage }) => stage),
      axisLine: { show: true, lineStyle: { color: FAINT } },
      axisLabel: textStyle(INK, 13),
    },
    series: [
      ...rows.map(({ low, high }, row) => whisker([low, row], [high, row], INK)),
      ...(limit === null
        ? []
        : [
            {
              ...whisker([limit, 0], [limit, Math.max(1, rows.length - 1)], FAINT),
              lineStyle: { color: FAINT, width: 1.5, type: "dashed" as const },
            },
          ]),
      {
        ...{ type: "scatter", symbol, symbolSize: 11, z: 3 },
        itemStyle: { color, opacity: 1 },
        data: rows.map(({ value }, row) => ({
          value: [value, row],
          label: {
            ...{ show: true, position: "top", distance: 6, ...textStyle() },
            formatter: String(Number(value.toPrecision(4))),
          },
        })),
      },
    ],
  };
  return svgOf(option, 720, 150 + ROW * points.length);
}
