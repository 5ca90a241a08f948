import { UsageError } from "../../core/errors.ts";
import type { Requirements } from "./open-metrics.ts";

const METRIC_LIMIT = /^\s*metric\(\s*(?:'([^']*)'|"([^"]*)")\s*\)\s*((?:>=|<=).*)$/s;

/**
 * Parts what is required of metrics, `metric('scratches') >= 97%`, from the other limits of `--limit`.
 * @throws UsageError `metrics/limit` for a metric inside another expression
 */
export function metricLimits(given: unknown): {
  /** The others; undefined where none were given. */
  readonly limit: readonly unknown[] | undefined;
  readonly requirements: Requirements;
} {
  const texts: readonly unknown[] = given === undefined ? [] : [given].flat();
  const requirements = new Map<string, string>();
  const limit = texts.filter((text) => {
    const [, single, double, requirement] = METRIC_LIMIT.exec(String(text)) ?? [];
    const name = single ?? double;
    if (name === undefined || requirement === undefined) {
      if (/\bmetric\s*\(/.test(String(text))) throw mixed(String(text));
      return true;
    }
    requirements.set(name, requirement.trim());
    return false;
  });
  return { limit: given === undefined ? undefined : limit, requirements };
}

/** A metric has a meaning only where metrics are measured. @throws UsageError `cli/needs-metrics` */
export function refuseMetricLimits(given: unknown): void {
  const { requirements } = metricLimits(given);
  const [name] = requirements.keys();
  if (name === undefined) return;
  throw new UsageError({
    code: "cli/needs-metrics",
    message: `--limit names the metric '${name}', and no metrics are given.`,
    where: "--limit",
    hint: "Give --metrics metrics.json; mdp metrics init writes one.",
  });
}

function mixed(text: string): UsageError {
  return new UsageError({
    code: "metrics/limit",
    message: `'${text}' is no limit on a metric.`,
    where: "--limit",
    hint: "Write the metric alone on the left side: --limit \"metric('scratches') >= 97%\".",
  });
}
