import type { EChartsOption } from "echarts";
import type { KnowledgeReport } from "../../documents/knowledge.ts";
import { axisStyle, FIGURE, shortened, svgOf, textStyle, titleOf } from "./chart.ts";
import { PAPER, seriesStyle } from "./theme.ts";

type Reading = KnowledgeReport["weights"];

/** How many layers a figure shows: the spectra of more can't be told apart. */
const SHOWN = 6;
/** Points of a line, each with its symbol. */
const POINTS = 14;

/**
 * Spectra as a figure: singular value over the largest of the dense network, against the share of the spectrum's length, so that layers of
 * other widths lie on one axis. Dense networks are drawn through, pruned ones dashed. Of many layers every so-manieth is shown.
 */
export function knowledgeSvg(report: KnowledgeReport): Promise<string> {
  const reading: Reading = report.outputs ?? report.weights;
  const layers = evenly(reading.layers, SHOWN);
  const lines = layers.flatMap(({ layer, spectra }, index) => {
    const largest = Math.max(spectra.dense[0] ?? 0, Number.MIN_VALUE);
    const { color, symbol } = seriesStyle(index);
    const line = (name: string, values: readonly number[], isDense: boolean) => ({
      ...{ type: "line" as const, name, symbol, symbolSize: 7 },
      lineStyle: { color, width: 2, type: isDense ? ("solid" as const) : ("dashed" as const) },
      itemStyle: { color: isDense ? color : PAPER, borderColor: color, borderWidth: 1.5 },
      data: evenly([...values.entries()], POINTS).map(([at, value]) => [
        (100 * (at + 0.5)) / values.length,
        Math.max(value / largest, 1e-4),
      ]),
    });
    return [
      line(layer, spectra.dense, true),
      ...(spectra.pruned === null ? [] : [line(`${layer}, pruned`, spectra.pruned, false)]),
    ];
  });
  const option: EChartsOption = {
    ...FIGURE,
    title: titleOf(
      report.outputs === null ? "Singular values of weights" : "Singular values of outputs",
      `over the largest of the ${report.pruned === null ? "layer" : "dense layer; dashed and hollow: pruned"}${layers.length < reading.layers.length ? `; ${layers.length} of ${reading.layers.length} layers` : ""}`,
    ),
    legend: {
      top: 70,
      left: 24,
      data: layers.map(({ layer }) => layer),
      itemWidth: 30,
      textStyle: textStyle(),
      formatter: (name: string) => shortened(name, 34),
    },
    grid: { left: 80, right: 30, top: 120, bottom: 60 },
    xAxis: { type: "value", min: 0, max: 100, ...axisStyle("share of the spectrum (%)", 32) },
    yAxis: { type: "log", ...axisStyle("singular value / largest", 52) },
    series: lines,
  };
  return svgOf(option, 860, 560);
}

function evenly<Item>(items: readonly Item[], count: number): readonly Item[] {
  if (items.length <= count) return items;
  return Array.from(
    { length: count },
    (_, at) => items[Math.round((at * (items.length - 1)) / (count - 1))] as Item,
  );
}
