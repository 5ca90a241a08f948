import type { EChartsOption } from "echarts";
import type { GroupsReport } from "../../documents/coefficients.ts";
import { axisStyle, FIGURE, shortened, styledLine, svgOf, textStyle, titleOf } from "./chart.ts";
import { FAINT } from "./theme.ts";

/** The first metric over the share of each group that stays, a line per group, as SVG. */
export function groupsFigure(report: GroupsReport): Promise<string> {
  const [metric] = report.dense;
  const series = report.groups.map((group, at) =>
    styledLine(at, group.name, [
      ...group.widths.map(
        ({ share, metrics }) => [100 * share, metrics[0]?.value ?? null] as const,
      ),
      [100, metric?.value ?? null],
    ]),
  );
  const option: EChartsOption = {
    ...FIGURE,
    title: titleOf(
      `${report.network}: what narrowing one group does to ${metric?.name ?? "the metric"}`,
      `${report.items} items; the rest of the network is whole`,
    ),
    legend: {
      ...{ type: "plain", orient: "vertical", right: 16, top: 70 },
      itemWidth: 40,
      textStyle: textStyle(FAINT),
      formatter: (name: string) => shortened(name, 26),
    },
    grid: { left: 80, right: 270, top: 80, bottom: 60 },
    xAxis: { type: "value", min: 0, max: 100, ...axisStyle("% of the group that stays", 30) },
    yAxis: { type: "value", scale: true, ...axisStyle(metric?.name ?? "", 50) },
    series,
  };
  return svgOf(option, 960, 560);
}
