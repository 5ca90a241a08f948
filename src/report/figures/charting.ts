/**
 * The parts of ECharts (Apache-2.0) that figures are drawn with. The built package has this file with those parts inside
 * (scripts/build-figures.ts), so that users don't install the whole library.
 */
export { HeatmapChart, LineChart, ScatterChart } from "echarts/charts";
export {
  GridComponent,
  LegendComponent,
  TitleComponent,
  VisualMapComponent,
} from "echarts/components";
export { init, use } from "echarts/core";
export { SVGRenderer } from "echarts/renderers";
