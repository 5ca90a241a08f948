import { UsageError } from "../../core/errors.ts";
import type { Metric } from "../../tasks/metric.ts";
import { isRelative, limitOf, type Requirement } from "./requirement.ts";

/** A metric and what the user wants of it. */
export interface Goal {
  readonly metric: Metric;
  readonly require: Requirement | null;
  /** Its weight among what is to be as good as possible; null where it only has to be met. */
  readonly maximize: number | null;
}

/** A metric's value beside its limit. */
export interface Stand {
  readonly name: string;
  readonly value: number;
  readonly dense: number;
  /** Null without a requirement. */
  readonly limit: number | null;
  /** 1 as the dense network, 0 at the limit, negative beyond it. Null without a requirement. */
  readonly margin: number | null;
}

/** What the dense network reaches: on the items that are searched on, and on all. */
export interface DenseValues {
  readonly searched: number;
  readonly whole: number;
}

/**
 * Refuses requirements that can't be met as they stand.
 * @param dense values of the dense network, by goal
 * @throws UsageError `coefficients/wrong-direction`, `coefficients/dense-misses`, `coefficients/nothing-asked`, `coefficients/undefined-metric`
 */
export function checkGoals(goals: readonly Goal[], dense: readonly number[]): void {
  if (goals.every(({ require, maximize }) => require === null && maximize === null)) {
    throw new UsageError({
      code: "coefficients/nothing-asked",
      message: "No metric has a 'require' or a 'maximize'.",
      where: "metrics",
      hint: 'Say what has to hold, "require": ">= dense - 1%", or what is to be best, "maximize": 1.',
    });
  }
  checkDefined(goals, dense, "items to confirm on");
  for (const [index, goal] of goals.entries()) {
    const { metric, require } = goal;
    const value = dense[index] ?? Number.NaN;
    if (require === null) continue;
    checkDirection(goal);
    const limit = limitOf(require, value, metric.unit);
    if (metric.better === "higher" ? value >= limit - ROUNDING : value <= limit + ROUNDING)
      continue;
    throw new UsageError({
      code: "coefficients/dense-misses",
      message: `Metric '${metric.name}': the dense network reaches ${figure(value)}, and '${require.text}' asks for ${figure(limit)}. No pruned network can be expected to do better.`,
      where: `metric '${metric.name}'`,
      hint: "Lower the requirement, write it against the dense network (>= dense - 1%), or train the network further first.",
    });
  }
}

const ROUNDING = 1e-9;

/**
 * Refuses a limit on the side where a metric is better: it would be met by the worst network.
 * @throws UsageError `coefficients/wrong-direction`
 */
export function checkDirection({ metric, require }: Goal): void {
  const wanted = metric.better === "higher" ? ">=" : "<=";
  if (require === null || require.comparison === wanted) return;
  throw new UsageError({
    code: "coefficients/wrong-direction",
    message: `Metric '${metric.name}' is better when ${metric.better}, and '${require.text}' limits it from the other side.`,
    where: `metric '${metric.name}'`,
    hint: `Write "require": "${wanted} ...", or say "better": "${metric.better === "higher" ? "lower" : "higher"}" of a command's metric.`,
  });
}

/**
 * Refuses a metric that says nothing of the dense network: it would say nothing of any other either.
 * @param values of the dense network, by goal
 * @param items what they were measured on, for the error
 * @throws UsageError `coefficients/undefined-metric`
 */
export function checkDefined(
  goals: readonly Goal[],
  values: readonly number[],
  items: string,
): void {
  const at = values.findIndex((value) => Number.isNaN(value));
  const goal = goals[at];
  if (goal === undefined) return;
  const { name } = goal.metric;
  throw new UsageError({
    code: "coefficients/undefined-metric",
    message: `Metric '${name}' has no value on the ${items}: something that it counts does not occur among them.`,
    where: `metric '${name}'`,
    hint: "Give more items (search and confirm in metrics.json), or items of every class that the metric needs.",
  });
}

/**
 * The limit on the items that are searched on. A limit against the dense network is taken on these items; a fixed one keeps the
 * distance that it has from the dense network on all items, because the dense network itself may miss it on a few.
 */
export function searchLimit({ metric, require }: Goal, dense: DenseValues): number | null {
  if (require === null) return null;
  if (isRelative(require)) return limitOf(require, dense.searched, metric.unit);
  return dense.searched + (limitOf(require, dense.whole, metric.unit) - dense.whole);
}

/** margin = (v - m) / |d - m|, with v the value, m the limit and d the dense network's value. */
export function standOf(
  { metric }: Goal,
  value: number,
  dense: number,
  limit: number | null,
): Stand {
  const { name } = metric;
  if (limit === null) return { name, value, dense, limit, margin: null };
  const sign = metric.better === "higher" ? 1 : -1;
  const margin = (sign * (value - limit)) / marginUnit(dense, limit);
  // A value that is not defined on these items is no value that is good enough.
  return {
    name,
    value,
    dense,
    limit,
    margin: Number.isNaN(margin) ? Number.NEGATIVE_INFINITY : margin,
  };
}

/** What a margin of 1 is; a hundredth of the dense value where the limit is that value itself. */
export function marginUnit(dense: number, limit: number): number {
  return Math.abs(dense - limit) || Math.abs(dense) / 100 || 1;
}

/**
 * One number to search by: the least margin while a requirement is missed, or where nothing is to be maximised; otherwise 1 plus
 * the weighted mean of what is, each measured by how far it is from the dense network.
 */
export function scoreOf(goals: readonly Goal[], stands: readonly Stand[]): number {
  const least = Math.min(...stands.map(({ margin }) => margin ?? Number.POSITIVE_INFINITY));
  const wanted = goals.flatMap(({ maximize, metric }, index) => {
    const stand = stands[index];
    if (maximize === null || stand === undefined) return [];
    const sign = metric.better === "higher" ? 1 : -1;
    const gain = (sign * (stand.value - stand.dense)) / (Math.abs(stand.dense) || 1);
    return [{ weight: maximize, gain: Number.isNaN(gain) ? -1e9 : gain }];
  });
  if (least < 0 || wanted.length === 0) return least;
  const total = wanted.reduce((sum, { weight }) => sum + weight, 0);
  const mean = wanted.reduce((sum, { weight, gain }) => sum + weight * gain, 0) / total;
  // Between 0 and 2, so that meeting every requirement is always better than missing one.
  return 1 + mean / (1 + Math.abs(mean));
}

function figure(value: number): string {
  return Number(value.toPrecision(5)).toString();
}
