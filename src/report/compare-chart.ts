import type { EChartsOption } from "echarts";
import type { CompareReport, CompareRow } from "../documents/compare.ts";
import { percent } from "./amounts.ts";
import { axisStyle, FAINT, FONT, INK, svgOf, titleOf } from "./chart.ts";

const WIDTH = 880;
const ROW = 46;
const AROUND = 170;
const DOT = "#1f6feb";

type Found = CompareRow & { readonly result: NonNullable<CompareRow["result"]> };

/** What each method keeps at one true latency, as a figure: a row per method, the best one on top; null where none has a subnet. */
export async function compareSvg(report: CompareReport): Promise<string | null> {
  const found = report.rows.filter((row): row is Found => row.result !== null);
  if (found.length === 0) return null;
  // A category axis counts from below.
  const rows = [...found].sort((a, b) => a.result.importance - b.result.importance);
  return svgOf(optionOf(report, rows), WIDTH, AROUND + ROW * rows.length);
}

function optionOf(report: CompareReport, rows: readonly Found[]): EChartsOption {
  const { name, latency, importanceDense, predicted, source } = report;
  const share = ({ result }: Found): number => (100 * result.importance) / importanceDense;
  const values = rows.map(share);
  const room = Math.max(1, (Math.max(...values) - Math.min(...values)) / 3);
  const { fontFamily } = { fontFamily: FONT };
  return {
    animation: false,
    backgroundColor: "#ffffff",
    title: titleOf(
      `${name} at ${latency.budget === null ? "no budget" : `${percent(latency.budget / latency.dense)} of its latency`}`,
      `${predicted ? "Predicted" : "Measured"} latencies (${source}); each dot with the latency that the method really takes`,
    ),
    grid: { left: 170, right: 150, top: 84, bottom: 60 },
    xAxis: {
      type: "value",
      min: Math.max(0, Math.floor(Math.min(...values) - room)),
      max: Math.ceil(Math.min(100, Math.max(...values) + room)),
      ...axisStyle("importance kept (%)", 34),
    },
    yAxis: {
      type: "category",
      data: rows.map(({ method }) => method),
      axisLine: { show: true, lineStyle: { color: FAINT } },
      axisLabel: { color: INK, fontSize: 13, fontFamily },
    },
    series: [
      {
        type: "scatter",
        symbolSize: 12,
        itemStyle: { color: DOT, opacity: 1 },
        data: rows.map((row, index) => ({
          value: [share(row), index],
          label: {
            show: true,
            position: "right",
            color: INK,
            fontSize: 12,
            fontFamily,
            formatter: `${share(row).toFixed(2)} %, ${Number(row.result.latency.toPrecision(4))} ${latency.unit}`,
          },
        })),
      },
    ],
  };
}
