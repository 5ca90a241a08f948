import type { ComparedWith } from "../../coefficients/masked-runs.ts";
import { closest } from "../../core/closest.ts";
import { UsageError } from "../../core/errors.ts";
import type { MetricSpec } from "../../documents/metrics.ts";
import { type Metric, meanMetric } from "../../tasks/metric.ts";
import {
  cosineToOriginal,
  divergenceFromOriginal,
  sameAnswer,
} from "../../tasks/metrics/agreement.ts";
import {
  type ClassMeasure,
  classMetric,
  macroMetric,
  recallAtFalseAlarms,
  topMetric,
} from "../../tasks/metrics/classification.ts";
import {
  meanAbsoluteError,
  meanSquareError,
  peakSignalToNoise,
  structuralSimilarity,
} from "../../tasks/metrics/regression.ts";
import { parseFalseAlarms } from "./false-alarms.ts";

/** Metrics that can be asked for by name, and what they compare answers with unless told otherwise. */
export const BUILT_IN = {
  accuracy: "data",
  recall: "data",
  precision: "data",
  f1: "data",
  psnr: "data",
  ssim: "data",
  mse: "data",
  mae: "data",
  agreement: "dense",
  divergence: "dense",
  cosine: "dense",
} as const satisfies Readonly<Record<string, ComparedWith>>;
export type BuiltIn = keyof typeof BUILT_IN;

/**
 * A built-in metric as it is asked for.
 * @param classes names of the classes; null where nothing names them
 * @throws UsageError `metrics/bad-metric`
 */
export function metricOf(
  spec: MetricSpec,
  classes: readonly string[] | null,
  firstOutput: string,
): { readonly metric: Metric; readonly target: ComparedWith } {
  const kind = builtIn(spec);
  const made = makeMetric(kind, spec, classes, firstOutput);
  return { metric: { ...made, name: spec.name } as Metric, target: spec.target ?? BUILT_IN[kind] };
}

function makeMetric(
  kind: BuiltIn,
  spec: MetricSpec,
  classes: readonly string[] | null,
  firstOutput: string,
): Metric {
  const { output, range } = spec;
  switch (kind) {
    case "accuracy":
      return topMetric(spec.k ?? 1, { output }) as Metric;
    case "recall":
    case "precision":
    case "f1":
      return classFigure(kind, spec, classes);
    case "psnr":
      return peakSignalToNoise({ output, range }) as Metric;
    case "ssim":
      return structuralSimilarity({ output, range }) as Metric;
    case "mse":
      return meanSquareError({ output }) as Metric;
    case "mae":
      return meanAbsoluteError({ output }) as Metric;
    case "agreement":
      return sameAnswer(output ?? firstOutput) as Metric;
    case "divergence":
      return divergenceFromOriginal(output ?? firstOutput) as Metric;
    case "cosine":
      return cosineToOriginal(output ?? firstOutput) as Metric;
    default:
      return kind satisfies never;
  }
}

function classFigure(
  measure: ClassMeasure,
  spec: MetricSpec,
  classes: readonly string[] | null,
): Metric {
  const { output, at } = spec;
  if (spec.class === undefined) {
    if (classes === null) throw bad(spec, "names no class, and the data has no names of classes");
    return macroMetric(measure, classes.length, { output }) as Metric;
  }
  const index = classIndex(spec.class, classes, spec);
  const name = String(spec.class);
  if (at === undefined) return classMetric(measure, index, name, { output }) as Metric;
  if (measure !== "recall") throw bad(spec, `has an 'at', which only recall can have`);
  const alarms = parseFalseAlarms(at, `metric '${spec.name}'`);
  const harmless =
    alarms.classes.length === 0
      ? undefined
      : alarms.classes.map((each) => classIndex(each, classes, spec));
  return recallAtFalseAlarms(index, name, alarms.rate, { output, harmless }) as Metric;
}

function classIndex(
  named: string | number,
  classes: readonly string[] | null,
  spec: MetricSpec,
): number {
  if (typeof named === "number") return named;
  const index = classes?.indexOf(named) ?? -1;
  if (index >= 0) return index;
  if (/^\d+$/.test(named)) return Number(named);
  const meant = closest(named, classes ?? []);
  throw bad(
    spec,
    classes === null
      ? `names class '${named}', and the data has no names of classes`
      : `names class '${named}'; the data's are ${classes.slice(0, 12).join(", ")}`,
    meant === null ? undefined : `Did you mean '${meant}'?`,
  );
}

function builtIn(spec: MetricSpec): BuiltIn {
  const { is = "" } = spec;
  if (Object.hasOwn(BUILT_IN, is)) return is as BuiltIn;
  const known = Object.keys(BUILT_IN);
  const meant = closest(is, known);
  throw bad(
    spec,
    is === "" ? "has neither 'is' nor 'command'" : `is '${is}', which is no metric`,
    `${meant === null ? "" : `Did you mean '${meant}'? `}Metrics are ${known.join(", ")}; any other one is a command.`,
  );
}

function bad(spec: MetricSpec, what: string, hint?: string): UsageError {
  return new UsageError({
    code: "metrics/bad-metric",
    message: `Metric '${spec.name}' ${what}.`,
    where: `metric '${spec.name}'`,
    hint: hint ?? "docs/coefficients.md lists what a metric can be.",
  });
}

/** The metric that a command gives: one number per item, or one for all. */
export function commandMetric({ name, better = "higher", unit = "number" }: MetricSpec): Metric {
  return meanMetric({ name, better, unit, pooling: "mean" }, () => Number.NaN) as Metric;
}
