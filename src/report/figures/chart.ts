/** How figures become SVG, and what they have in common. */
import type { EChartsOption } from "echarts";
import { FAINT, FONT, INK, PAPER, RULE, seriesStyle } from "./theme.ts";

/** The figure as SVG; the same option gives the same bytes. */
export async function svgOf(option: EChartsOption, width: number, height: number): Promise<string> {
  // Loaded where a figure is drawn: the library takes longer to load than most commands to run.
  const {
    GridComponent,
    HeatmapChart,
    init,
    LegendComponent,
    LineChart,
    ScatterChart,
    SVGRenderer,
    TitleComponent,
    use,
    VisualMapComponent,
  } = await import("./charting.ts");
  use([SVGRenderer, LineChart, ScatterChart, HeatmapChart]);
  use([GridComponent, TitleComponent, LegendComponent, VisualMapComponent]);
  const figure = init(null, null, { renderer: "svg", ssr: true, width, height });
  try {
    figure.setOption(option);
    return plain(figure.renderToSVGString());
  } finally {
    figure.dispose();
  }
}

/** The baseline of text below its middle, as a share of the font's size. */
const BASELINE = 0.35;

/**
 * Without what changes under a mouse, whose identifiers count the figures of the process, and without what renderers treat
 * differently: ImageMagick paints transparent and clipping areas black and knows no baselines.
 */
function plain(svg: string): string {
  return svg
    .replace(/<style >[\s\S]*?<\/style>\s*/, "")
    .replaceAll(/<path [^>]*fill-opacity="0"[^>]*><\/path>\n?/g, "")
    .replaceAll(/<clipPath [\s\S]*?<\/clipPath>\n?/g, "")
    .replaceAll(/<defs ?>\s*<\/defs>\n?/g, "")
    .replaceAll(/ clip-path="[^"]*"/g, "")
    .replaceAll(/ (?:class|ecmeta_\w+|pointer-events|xml:space)="[^"]*"/g, "")
    .replaceAll(/<text dominant-baseline="central"[^>]*>/g, centred)
    .replaceAll(/zr\d+-/g, "zr-");
}

/** A text's tag whose middle is told by its place alone. */
function centred(tag: string): string {
  const size = Number(/font-size:([\d.]+)px/.exec(tag)?.[1] ?? 12);
  const y = Number(/ y="([-\d.]+)"/.exec(tag)?.[1] ?? 0);
  return tag
    .replace(' dominant-baseline="central"', "")
    .replace(/ y="[-\d.]+"/, "")
    .replace("<text", `<text y="${Number((y + BASELINE * size).toFixed(2))}"`);
}

/** A figure's title, and what stands below it. */
export function titleOf(text: string, subtext: string): NonNullable<EChartsOption["title"]> {
  return {
    text,
    subtext,
    left: 24,
    top: 14,
    textStyle: { color: INK, fontSize: 18, fontWeight: "bold", fontFamily: FONT },
    subtextStyle: { color: FAINT, fontSize: 13, lineHeight: 17, fontFamily: FONT },
  };
}

interface AxisStyle {
  readonly name: string;
  readonly nameGap: number;
  readonly nameLocation: "middle";
  readonly nameTextStyle: {
    readonly color: string;
    readonly fontSize: number;
    readonly fontFamily: string;
  };
  readonly axisLine: { readonly show: true; readonly lineStyle: { readonly color: string } };
  readonly axisTick: { readonly show: true };
  readonly axisLabel: {
    readonly color: string;
    readonly fontSize: number;
    readonly fontFamily: string;
  };
  readonly splitLine: { readonly lineStyle: { readonly color: string } };
}

/** What every figure begins with. */
export const FIGURE = { animation: false, backgroundColor: PAPER } as const;

type TextStyle = { readonly color: string; readonly fontSize: number; readonly fontFamily: string };

/** Labels and legends. */
export function textStyle(color: string = INK, fontSize = 12): TextStyle {
  return { color, fontSize, fontFamily: FONT };
}

/** A line of the theme's style for its place; with a symbol at each point where there are few. */
export function styledLine(
  at: number,
  name: string,
  data: readonly (readonly [number, number | null])[],
): Extract<NonNullable<EChartsOption["series"]>, { readonly type?: "line" }> {
  const { color, dash, symbol } = seriesStyle(at);
  return {
    ...{ type: "line", name, symbol, symbolSize: 8 },
    data: data.map(([x, y]) => [x, y ?? "-"]),
    itemStyle: { color },
    lineStyle: { color, width: 2.5, type: typeof dash === "string" ? dash : [...dash] },
  };
}

/** A name without its middle, of at most this many letters. */
export function shortened(name: string, most: number): string {
  if (name.length <= most) return name;
  const end = Math.ceil((most - 1) * 0.6);
  return `${name.slice(0, most - 1 - end)}…${name.slice(-end)}`;
}

/** A thin line from one point to another: the interval of a point. */
export function whisker(
  from: readonly [number, number],
  to: readonly [number, number],
  color: string = FAINT,
): Extract<NonNullable<EChartsOption["series"]>, { readonly type?: "line" }> {
  return {
    ...{ type: "line", symbol: "none", silent: true, z: 1 },
    data: [[...from], [...to]],
    lineStyle: { color, width: 1.5 },
  };
}

/** What the axes of all figures have in common. */
export function axisStyle(name: string, gap: number): AxisStyle {
  return {
    name,
    nameGap: gap,
    nameLocation: "middle",
    nameTextStyle: { color: INK, fontSize: 14, fontFamily: FONT },
    axisLine: { show: true, lineStyle: { color: FAINT } },
    axisTick: { show: true },
    axisLabel: { color: FAINT, fontSize: 12, fontFamily: FONT },
    splitLine: { lineStyle: { color: RULE } },
  };
}

/** A step of 1, 2 or 5 times a power of ten that is not below the given one. */
export function roundStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(least, 1e-12)));
  const factor = [1, 2, 5, 10].find((each) => each * power >= least) ?? 10;
  return Number((factor * power).toPrecision(3));
}
