import type { EChartsOption, SeriesOption } from "echarts";
import type { GroupsReport } from "../documents/coefficients.ts";
import { axisStyle, FAINT, FONT, svgOf, titleOf } from "./chart.ts";

/** The first metric over the share of each group that stays, a line per group, as SVG. */
export function groupsFigure(report: GroupsReport): Promise<string> {
  const [metric] = report.dense;
  const series = report.groups.map(
    (group): SeriesOption => ({
      type: "line",
      name: group.name,
      data: [
        ...group.widths.map(({ share, metrics }) => [100 * share, metrics[0]?.value ?? null]),
        [100, metric?.value ?? null],
      ],
    }),
  );
  const option: EChartsOption = {
    backgroundColor: "#fff",
    animation: false,
    title: titleOf(
      `${report.network}: what narrowing one group does to ${metric?.name ?? "the metric"}`,
      `${report.items} items; the rest of the network is whole`,
    ),
    legend: {
      ...{ type: "plain", orient: "vertical", right: 16, top: 70 },
      textStyle: { color: FAINT, fontSize: 12, fontFamily: FONT },
    },
    grid: { left: 80, right: 240, top: 80, bottom: 60 },
    xAxis: { type: "value", min: 0, max: 100, ...axisStyle("% of the group that stays", 30) },
    yAxis: { type: "value", scale: true, ...axisStyle(metric?.name ?? "", 50) },
    series,
  };
  return svgOf(option, 960, 560);
}
