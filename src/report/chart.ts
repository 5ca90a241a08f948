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

/** Without what changes under a mouse, whose identifiers count the figures of the process. */
function plain(svg: string): string {
  return svg
    .replace(/<style >[\s\S]*?<\/style>\s*/, "")
    .replaceAll(/ (?:class|ecmeta_\w+)="[^"]*"/g, "")
    .replaceAll(/zr\d+-/g, "zr-");
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
