import type { EvalMetric } from "../documents/evaluation.ts";

/** "91.50 % [89.61, 93.08]" */
export function metricText(metric: EvalMetric): string {
  const { value, low, high } = metricParts(metric);
  if (metric.by === "none") return value;
  return `${value} [${low}, ${high}]`;
}

/** The value with its unit, and the ends of its interval. */
export function metricParts({ unit, value, low, high }: EvalMetric): {
  readonly value: string;
  readonly low: string;
  readonly high: string;
} {
  const ends = { low: amount(low, unit), high: amount(high, unit) };
  return { value: `${amount(value, unit)}${SUFFIX[unit]}`, ...ends };
}

/** "-1.20 points [-2.10, -0.30]" */
export function metricDifference({ unit, value, low, high, by }: EvalMetric): string {
  const plus = (number: number): string => `${number >= 0 ? "+" : ""}${amount(number, unit)}`;
  if (by === "none") return plus(value);
  return `${plus(value)}${unit === "share" ? " points" : SUFFIX[unit]} [${plus(low)}, ${plus(high)}]`;
}

const SUFFIX = { share: " %", dB: " dB", number: "" } as const;

function amount(value: number, unit: EvalMetric["unit"]): string {
  if (unit === "share") return (100 * value).toFixed(2);
  return unit === "dB" ? value.toFixed(2) : String(Number(value.toPrecision(4)));
}
