/**
 * The one theme of all figures: colours, fonts, and how series are told apart. Every series has a dash and a symbol of its own, so that
 * figures can be read in grey; nothing is transparent, since some renderers paint it black.
 */
export const PAPER = "#ffffff";
export const INK = "#1d2733";
export const FAINT = "#57626e";
export const RULE = "#d5dbe1";
export const KEPT = "#1f6feb";
const GONE = "#c9d8ee";
export const WARN = "#8a4b00";
export const FONT = "Helvetica, Arial, sans-serif";

/** A triangle on its tip: echarts' own arrow stands beside the point that it marks. */
const DOWN = "path://M0,0L10,0L5,8.7Z";

/** A way to draw a series. */
export interface SeriesStyle {
  readonly color: string;
  readonly dash: "solid" | "dashed" | "dotted" | readonly number[];
  readonly symbol: "circle" | "rect" | "triangle" | "diamond" | "roundRect" | typeof DOWN;
}

export const SERIES: readonly SeriesStyle[] = [
  { color: KEPT, dash: "solid", symbol: "circle" },
  { color: "#b35900", dash: "dashed", symbol: "rect" },
  { color: "#1a7f37", dash: "dotted", symbol: "triangle" },
  { color: "#8250df", dash: [10, 4, 2, 4], symbol: "diamond" },
  { color: "#bf3989", dash: [14, 4], symbol: "roundRect" },
  { color: "#4b535c", dash: [2, 5], symbol: DOWN },
];

/** The style of a series by its place; after the last one they begin again. */
export function seriesStyle(at: number): SeriesStyle {
  return SERIES[at % SERIES.length] ?? { color: INK, dash: "solid", symbol: "circle" };
}

/** From the least to the largest value; darker is more, in grey too. */
export const LOW_TO_HIGH: readonly string[] = [
  "#f2f7ff",
  "#9cc3f5",
  "#3f83d8",
  "#174f9c",
  "#0a2450",
];

/** Colours of the theme that a page names by its own variables, so that figures follow light and dark. */
const VARIABLES: Readonly<Record<string, string>> = {
  [PAPER]: "--paper",
  [INK]: "--ink",
  [FAINT]: "--faint",
  [RULE]: "--rule",
  [GONE]: "--gone",
  [WARN]: "--warn",
  ...Object.fromEntries(SERIES.map(({ color }, at) => [color, `--series${at + 1}`])),
};

/** A figure for a page: its colours are the page's. It is wide as the page lets it, and has a name for those who can't see it. */
export function inPage(svg: string, label: string): string {
  return svg
    .replaceAll(/#[0-9a-f]{6}\b/gi, (colour) => {
      const variable = VARIABLES[colour.toLowerCase()];
      return variable === undefined ? colour : `var(${variable})`;
    })
    .replace(/<svg /, `<svg role="img" aria-label="${label.replaceAll(/["<>&]/g, " ")}" `);
}
