/** Predicted against measured latencies: of networks that a table was validated on, and of the tries of a calibration. */
import type { EChartsOption } from "echarts";
import type { CalibrateReport } from "../../documents/calibrate.ts";
import type { Document } from "../../documents/document.ts";
import type { PROFILE } from "../../documents/profile.ts";
import { intervalMs, uncertaintyOf } from "../../latency/uncertainty.ts";
import { percent, tableErrorText } from "../amounts.ts";
import { axisStyle, FIGURE, roundStep, svgOf, textStyle, titleOf, whisker } from "./chart.ts";
import { FAINT, INK, seriesStyle, WARN } from "./theme.ts";

const WIDTH = 640;
const HEIGHT = 560;
const LEVEL = 0.9;

export interface PredictedPoint {
  readonly predictedMs: number;
  readonly measuredMs: number;
}

/** A predicted latency with the interval that its table states: the part that all its times share. */
export interface StatedInterval {
  readonly lowMs: number;
  readonly highMs: number;
}

type ProfileReport = Document<typeof PROFILE>;

/**
 * The 90 % interval that the table states for a prediction, given what was found on left-out networks; null where nobody looked.
 * Errors of single operations, which average out in a sum, are left out.
 */
export function statedInterval(
  { table }: Pick<ProfileReport, "table">,
  predictedMs: number,
): StatedInterval | null {
  const known = uncertaintyOf({ ...table, ops: [] } as unknown as Parameters<
    typeof uncertaintyOf
  >[0]);
  if (known === null) return null;
  return intervalMs({ ms: predictedMs, variance: 0, common: known.common }, LEVEL);
}

/** Null where the profile validated nothing. */
export async function validationSvg(profile: ProfileReport): Promise<string | null> {
  const { validation, table } = profile;
  if (validation === null || validation.networks.length === 0) return null;
  const { networks, meanError, worstError, drift, plainMeanError, plainWorstError } = validation;
  const error = tableErrorText({
    ...{ mean: meanError, worst: worstError, networks: networks.length },
    withDrift: { mean: plainMeanError, worst: plainWorstError },
  });
  const intervals = networks.map(({ predictedMs }) => statedInterval(profile, predictedMs));
  return svgOf(
    scatterOption({
      title: "Predicted against measured",
      subtitle: `${networks.length} random subnets of ${table.network.name} that the table was not made from;\n${error}${intervals.some((each) => each !== null) ? "\nvertical lines: the 90 % interval that the table states" : ""}${Math.abs(drift - 1) > 0.02 ? `;\nas measured: the machine ran at ${percent(drift)} of the time that it had for the table` : ""}`,
      points: networks,
      intervals,
      labels: null,
      budgetMs: null,
    }),
    WIDTH,
    HEIGHT,
  );
}

/** The tries of a calibration, numbered, with the budget. */
export async function calibrateSvg(report: CalibrateReport): Promise<string | null> {
  const { tries, network, device, chosen, best, correction } = report;
  const [first] = tries;
  if (first === undefined) return null;
  return svgOf(
    scatterOption({
      title: `Calibration of ${network} on ${device}`,
      subtitle: `${tries.length} subnets, solved and measured; the dashed line is the budget${chosen === null ? "" : `;\nnumber ${best + 1} was chosen: ${percent(chosen.used)} of the budget`}${correction === null ? "" : `; error of the table ${percent(correction.errorBefore)} before, ${percent(correction.errorAfter)} after`}`,
      points: tries,
      intervals: tries.map(() => null),
      labels: tries.map((_, at) => String(at + 1)),
      budgetMs: first.budgetMs,
    }),
    WIDTH,
    HEIGHT,
  );
}

interface Scatter {
  readonly title: string;
  readonly subtitle: string;
  readonly points: readonly PredictedPoint[];
  readonly intervals: readonly (StatedInterval | null)[];
  readonly labels: readonly string[] | null;
  readonly budgetMs: number | null;
}

function scatterOption(scatter: Scatter): EChartsOption {
  const { title, subtitle, points, intervals, labels, budgetMs } = scatter;
  const all = [
    ...points.flatMap(({ predictedMs, measuredMs }) => [predictedMs, measuredMs]),
    ...intervals.flatMap((each) => (each === null ? [] : [each.lowMs, each.highMs])),
    ...(budgetMs === null ? [] : [budgetMs]),
  ];
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const room = Math.max((high - low) * 0.06, high * 0.01);
  const step = roundStep((high - low + 2 * room) / 6);
  const min = Math.max(0, Math.floor((low - room) / step) * step);
  const max = Math.ceil((high + room) / step) * step;
  const { color, symbol } = seriesStyle(0);
  const scale = { type: "value", min, max, interval: step } as const;
  const format = { formatter: (value: number) => String(Number(value.toPrecision(6))) };
  const [xAxis, yAxis] = [axisStyle("measured (ms)", 34), axisStyle("predicted (ms)", 50)];
  return {
    ...FIGURE,
    title: titleOf(title, subtitle),
    grid: { left: 76, right: 36, top: 142, bottom: 62 },
    xAxis: { ...xAxis, ...scale, axisLabel: { ...xAxis.axisLabel, ...format } },
    yAxis: { ...yAxis, ...scale, axisLabel: { ...yAxis.axisLabel, ...format } },
    series: [
      whisker([min, min], [max, max], FAINT),
      ...(budgetMs === null
        ? []
        : [
            {
              ...whisker([budgetMs, min], [budgetMs, max], WARN),
              lineStyle: { color: WARN, width: 1.5, type: "dashed" as const },
            },
          ]),
      ...points.flatMap(({ measuredMs }, at) => {
        const interval = intervals[at] ?? null;
        if (interval === null) return [];
        return [whisker([measuredMs, interval.lowMs], [measuredMs, interval.highMs], INK)];
      }),
      {
        ...{ type: "scatter", symbol, symbolSize: 9, z: 3 },
        itemStyle: { color, opacity: 1 },
        data: points.map(({ measuredMs, predictedMs }, at) => ({
          value: [measuredMs, predictedMs],
          label: {
            show: labels !== null,
            position: "right",
            formatter: labels?.[at] ?? "",
            ...textStyle(),
          },
        })),
      },
    ],
  };
}
