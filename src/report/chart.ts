/** How figures look, and how they become SVG. */
import type { EChartsOption } from "echarts";

export const INK = "#1d2733";
export const FAINT = "#66727f";
export const RULE = "#e3e7eb";
export const FONT = "Helvetica, Arial, sans-serif";

/** The figure as SVG; the same option gives the same bytes. */
export async function svgOf(option: EChartsOption, width: number, height: number): Promise<string> {
  // Loaded where a figure is drawn: the library takes longer to load than most commands to run.
  const [{ init, use }, { SVGRenderer }, charts, components] = await Promise.all([
    import("echarts/core"),
    import("echarts/renderers"),
    import("echarts/charts"),
    import("echarts/components"),
  ]);
  const { LineChart, ScatterChart, HeatmapChart } = charts;
  const { GridComponent, TitleComponent, LegendComponent, VisualMapComponent } = components;
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
    subtextStyle: { color: FAINT, fontSize: 13, fontFamily: FONT },
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
