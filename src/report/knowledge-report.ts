import type { EChartsOption } from "echarts";
import type { KnowledgeReport } from "../documents/knowledge.ts";
import { percent } from "./amounts.ts";
import { axisStyle, INK, svgOf, titleOf } from "./chart.ts";
import { plainTable, shortened } from "./format.ts";

type Reading = KnowledgeReport["weights"];

export function knowledgeText(report: KnowledgeReport): string {
  const { weights, outputs, pruned, leftOut, images, batch, figure } = report;
  const ofOutputs = new Map(outputs?.layers.map((layer) => [layer.layer, layer]));
  const isPair = pruned !== null;
  const head = isPair
    ? ["layer", "weights", "kept", "outputs", "kept"]
    : ["layer", "weights", "outputs"];
  const table = plainTable(head, ["left", ...head.slice(1).map((): "right" => "right")]);
  const names = new Set([...weights.layers, ...(outputs?.layers ?? [])].map(({ layer }) => layer));
  for (const name of names) {
    const own = weights.layers.find(({ layer }) => layer === name);
    const output = ofOutputs.get(name);
    const cells = [own, output].flatMap((each) =>
      isPair ? [number(each?.dense), share(each?.kept)] : [number(each?.dense)],
    );
    table.push([shortened(name), ...cells]);
  }
  return [
    table.toString(),
    "",
    "Figures     mean singular values: of weights as outputs x (inputs * kernel), of outputs as images x everything else",
    ...(isPair
      ? [
          `Kept        of weights ${share(weights.kept)}, of outputs ${share(outputs?.kept)} (exp of minus the mean |log kept|)`,
        ]
      : []),
    ...(outputs === null
      ? ["Outputs     need images: --data"]
      : [`Images      ${images}, ${batch} per matrix`]),
    ...leftOut.slice(0, 3).map(({ layer, reason }) => `Left out    ${layer}: ${reason}`),
    ...(leftOut.length > 3 ? [`            ${leftOut.length - 3} more (--json lists them)`] : []),
    ...(figure === null ? [] : [`Figure      ${figure}`]),
  ].join("\n");
}

function number(value: number | undefined): string {
  return value === undefined ? "-" : value.toPrecision(4);
}

function share(value: number | null | undefined): string {
  return value == null ? "-" : percent(value);
}

/** How many layers a figure shows: the spectra of more can't be told apart. */
const SHOWN = 6;
const COLOURS = ["#1b6ca8", "#c8553d", "#3b7d4f", "#8a5a9e", "#b58900", "#4a4a4a"];

/**
 * Spectra as a figure: singular value over the largest of the dense network, against the share of the spectrum's length, so that layers of
 * other widths lie on one axis. Dense networks are drawn through, pruned ones dashed. Of many layers every so-manieth is shown.
 */
export function knowledgeSvg(report: KnowledgeReport): Promise<string> {
  const reading: Reading = report.outputs ?? report.weights;
  const layers = evenly(reading.layers, SHOWN);
  const lines = layers.flatMap(({ layer, spectra }, index) => {
    const largest = Math.max(spectra.dense[0] ?? 0, Number.MIN_VALUE);
    const line = (name: string, values: readonly number[], type: "solid" | "dashed") => ({
      type: "line" as const,
      name,
      showSymbol: values.length === 1,
      lineStyle: { color: COLOURS[index] ?? INK, type, width: 2 },
      itemStyle: { color: COLOURS[index] ?? INK },
      data: values.map((value, at) => [
        (100 * (at + 0.5)) / values.length,
        Math.max(value / largest, 1e-4),
      ]),
    });
    return [
      line(layer, spectra.dense, "solid"),
      ...(spectra.pruned === null ? [] : [line(`${layer}, pruned`, spectra.pruned, "dashed")]),
    ];
  });
  const option: EChartsOption = {
    animation: false,
    backgroundColor: "#ffffff",
    title: titleOf(
      report.outputs === null ? "Singular values of weights" : "Singular values of outputs",
      `over the largest of the ${report.pruned === null ? "layer" : "dense layer; dashed: pruned"}${layers.length < reading.layers.length ? `; ${layers.length} of ${reading.layers.length} layers` : ""}`,
    ),
    legend: {
      top: 70,
      left: 24,
      data: layers.map(({ layer }) => layer),
      textStyle: { color: INK },
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
