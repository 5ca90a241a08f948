import { type Goal, marginUnit } from "../coefficients/goals/goal.ts";
import { isRelative, limitOf } from "../coefficients/goals/requirement.ts";
import { measure, measureDifference } from "../tasks/measure.ts";
import { clopperPearson } from "../tasks/statistics/intervals.ts";

/** Whether a metric's requirement holds, with what confidence it was asked. */
export interface GateLine {
  readonly name: string;
  readonly require: string;
  readonly value: number;
  readonly dense: number;
  readonly limit: number;
  /** The worse end of the one-sided interval; of the value, or of the dense value plus the paired difference. */
  readonly bound: number;
  /** The better end. */
  readonly farBound: number;
  readonly margin: number;
  readonly items: number;
  readonly by: string;
  /** `pass`: the bound meets the limit. `missed`: even the better end doesn't. `undecided`: the limit lies between. */
  readonly verdict: "pass" | "missed" | "undecided";
  /** Of an undecided one: items in all that would decide it at this value, about; null where more of them would not. */
  readonly itemsNeeded: number | null;
}

export interface GateResult {
  readonly verdict: "pass" | "missed" | "undecided";
  readonly lines: readonly GateLine[];
  /** Which try on these items it was, from 1, and the error rate that it was given. */
  readonly attempt: number;
  readonly alpha: number;
}

/** Share of the error rate that the first try gets: most networks are tried once on their items. */
const FIRST_TRY = 0.95;

/**
 * The error rate of the k-th try on the same items: 95 % of `rate` for the first, the rest in shares of 1/(k-1)^2 for the others.
 * All tries together stay below `rate`, since 1/k^2 sums to pi^2/6.
 */
export function alphaOf(rate: number, attempt: number): number {
  if (attempt <= 1) return FIRST_TRY * rate;
  return ((1 - FIRST_TRY) * rate * 6) / (Math.PI ** 2 * (attempt - 1) ** 2);
}

/**
 * Judges a network on items that nothing was chosen by. Every requirement must hold at the worse end of its one-sided interval: since all
 * must, their number needs no correction (an intersection-union test). Limits against the dense network are tested on
 * paired differences; rates by Clopper and Pearson's exact bound; means by Student's; values that pool items by the bootstrap, resampled
 * within classes.
 *
 * @param dense evidence of the dense network, by goal; `own` of the network in question, on the same items
 * @param strata class of every item, where items have one
 */
export function judgeGate(
  goals: readonly Goal[],
  dense: readonly (readonly unknown[])[],
  own: readonly (readonly unknown[])[],
  options: {
    readonly rate: number;
    readonly attempt: number;
    readonly seed: number;
    readonly strata?: readonly number[] | undefined;
  },
): GateResult {
  const alpha = alphaOf(options.rate, options.attempt);
  const lines = goals.flatMap((goal, index) => {
    const line = lineOf(goal, dense[index] ?? [], own[index] ?? [], { ...options, alpha });
    return line === null ? [] : [line];
  });
  const verdict = lines.some((line) => line.verdict === "missed")
    ? "missed"
    : lines.every((line) => line.verdict === "pass")
      ? "pass"
      : "undecided";
  return { verdict, lines, attempt: options.attempt, alpha };
}

interface LineOptions {
  readonly alpha: number;
  readonly seed: number;
  readonly strata?: readonly number[] | undefined;
}

function lineOf(
  { metric, require }: Goal,
  dense: readonly unknown[],
  own: readonly unknown[],
  { alpha, seed, strata }: LineOptions,
): GateLine | null {
  if (require === null) return null;
  const pooledValue = (evidence: readonly unknown[]): number =>
    metric.pooled(metric.settle?.(evidence) ?? evidence);
  const [before, value] = [pooledValue(dense), pooledValue(own)];
  const limit = limitOf(require, before, metric.unit);
  const sign = metric.better === "higher" ? 1 : -1;
  // Both ends of a two-sided interval are one-sided bounds at half its error.
  const asked = { confidence: 1 - 2 * alpha, seed, strata: strataOf(strata, own.length) };
  const { low, high, by } = endsOf();
  const [bound, farBound] = sign > 0 ? [low, high] : [high, low];
  const holds = (end: number): boolean => sign * (end - limit) >= -ROUNDING;
  const isKnown = [value, limit, bound].every((each) => Number.isFinite(each));
  const verdict = !isKnown
    ? "undecided"
    : holds(bound)
      ? "pass"
      : holds(farBound)
        ? "undecided"
        : "missed";
  return {
    name: metric.name,
    require: require.text,
    ...{ value, dense: before, limit, bound, farBound },
    margin: (sign * (value - limit)) / marginUnit(before, limit),
    items: own.length,
    by,
    verdict,
    itemsNeeded:
      verdict === "undecided" ? itemsNeeded(value, limit, bound, own.length, sign) : null,
  };

  function endsOf(): { readonly low: number; readonly high: number; readonly by: string } {
    if (require !== null && isRelative(require)) {
      // value - (dense - x): shifting the paired difference by the dense value keeps its limit where it is written.
      const paired = measureDifference(metric, dense, own, asked);
      const scale = require.dense;
      const shift = before * scale;
      if (scale === 1) {
        return { low: paired.low + shift, high: paired.high + shift, by: `paired ${paired.by}` };
      }
      const single = measure(metric, own, asked);
      return { low: single.low, high: single.high, by: single.by };
    }
    if (metric.pooling === "rate") {
      const hits = own.reduce((sum: number, each) => sum + Number(each), 0);
      const { low: least, high: most } = clopperPearson(hits, own.length, asked.confidence);
      return { low: least, high: most, by: "clopper-pearson" };
    }
    const single = measure(metric, own, asked);
    return { low: single.low, high: single.high, by: single.by };
  }
}

const ROUNDING = 1e-12;

function strataOf(
  strata: readonly number[] | undefined,
  items: number,
): readonly number[] | undefined {
  return strata?.length === items ? strata : undefined;
}

/** The half width shrinks with the root of the items: how many bring the bound to the limit, at the value that was seen. */
function itemsNeeded(
  value: number,
  limit: number,
  bound: number,
  items: number,
  sign: number,
): number | null {
  const room = sign * (value - limit);
  const half = sign * (value - bound);
  if (!(room > 0) || !Number.isFinite(half)) return null;
  return Math.ceil(items * (half / room) ** 2);
}
