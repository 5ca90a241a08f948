/**
 * Draws the pictures of README and tutorial from measured figures that lie beside the results:
 *
 *   npx tsx scripts/make-pictures.ts
 *
 * docs/results/methods-trained.json -> docs/pictures/resnet56.svg
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { EChartsOption } from "echarts";
import { packageRoot } from "../src/core/files.ts";
import { axisStyle, FIGURE, styledLine, svgOf, textStyle, titleOf } from "../src/report/figures/chart.ts";
import { FAINT, INK } from "../src/report/figures/theme.ts";

interface Point {
  readonly latencyMs: number;
  readonly top1: number;
}

interface Measured {
  readonly command: string;
  readonly machine: string;
  readonly date: string;
  readonly network: string;
  readonly dense: Point;
  readonly methods: Readonly<Record<string, readonly Point[]>>;
}

/** Readable in grey, too: the line's dash tells the methods apart. */
const STYLES = [
  { color: "#1f6feb", type: "solid", width: 3, symbol: "circle" },
  { color: "#b35900", type: "dashed", width: 2, symbol: "rect" },
  { color: "#1a7f37", type: "dotted", width: 2, symbol: "triangle" },
  { color: "#6e4f9e", type: [10, 4, 2, 4], width: 2, symbol: "diamond" },
] as const;

const docs = join(packageRoot(), "docs");
const measured = JSON.parse(
  readFileSync(join(docs, "results/methods-trained.json"), "utf8"),
) as Measured;
writeFileSync(join(docs, "pictures/resnet56.svg"), await svgOf(optionOf(measured), 880, 460));

function optionOf({ network, date, dense, methods }: Measured): EChartsOption {
  return {
    animation: false,
    backgroundColor: "#ffffff",
    title: titleOf(
      "Accuracy against measured latency",
      `${network}; repaired, trained for 3 epochs; ${date}`,
    ),
    legend: {
      top: 66,
      left: 76,
      itemWidth: 36,
      itemGap: 32,
      textStyle: { color: INK, fontFamily: "Helvetica", fontSize: 13 },
      data: Object.keys(methods),
    },
    grid: { left: 76, right: 56, top: 104, bottom: 64 },
    xAxis: { ...axisStyle("measured latency, ms", 34), type: "value", min: 3, max: 21 },
    yAxis: { ...axisStyle("top-1 accuracy, %", 50), type: "value", min: 55, max: 90 },
    series: [
      ...Object.entries(methods).map(([name, points], index) => {
        const style = STYLES[index % STYLES.length] ?? STYLES[0];
        return {
          type: "line" as const,
          name,
          data: [...points].reverse().map(({ latencyMs, top1 }) => [latencyMs, top1]),
          symbol: style.symbol,
          symbolSize: 9,
          itemStyle: { color: style.color },
          lineStyle: {
            color: style.color,
            width: style.width,
            type: typeof style.type === "string" ? style.type : [...style.type],
          },
        };
      }),
      {
        type: "scatter",
        data: [[dense.latencyMs, dense.top1]],
        symbol: "diamond",
        symbolSize: 13,
        itemStyle: { color: INK },
        label: {
          show: true,
          position: "left",
          formatter: "dense network",
          color: FAINT,
          fontFamily: "Helvetica",
          fontSize: 13,
        },
      },
    ],
  };
}
