import type { EChartsOption } from "echarts";
import type { CompareReport, CompareRow } from "../../documents/compare.ts";
import { percent } from "../amounts.ts";
import { axisStyle, FIGURE, roundStep, svgOf, textStyle, titleOf } from "./chart.ts";
import { FAINT, INK, KEPT } from "./theme.ts";

const WIDTH = 880;
const ROW = 46;
const AROUND = 170;

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
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const step = roundStep((high - low) / 4 + 0.25);
  return {
    ...FIGURE,
    title: titleOf(
      `${name} at ${latency.budget === null ? "no budget" : `${percent(latency.budget / latency.dense)} of its latency`}`,
      `${predicted ? "Predicted" : "Measured"} latencies (${source}); each dot with the latency that the method really takes`,
    ),
    grid: { left: 170, right: 150, top: 84, bottom: 60 },
    xAxis: {
      type: "value",
      min: Math.max(0, Math.floor(low / step - 0.2) * step),
      max: Math.min(100, Math.ceil(high / step + 0.2) * step),
      interval: step,
      ...axisStyle("importance kept (%)", 34),
    },
    yAxis: {
      type: "category",
      data: rows.map(({ method }) => method),
      axisLine: { show: true, lineStyle: { color: FAINT } },
      axisLabel: textStyle(INK, 13),
    },
    series: [
      {
        type: "scatter",
        symbolSize: 12,
        itemStyle: { color: KEPT, opacity: 1 },
        data: rows.map((row, index) => ({
          value: [share(row), index],
          label: {
            show: true,
            position: "right",
            ...textStyle(),
            formatter: `${share(row).toFixed(2)} %, ${Number(row.result.latency.toPrecision(4))} ${latency.unit}`,
          },
        })),
      },
    ],
  };
}
