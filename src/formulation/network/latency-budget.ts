import { UsageError } from "../../core/errors.ts";
import type { Problem } from "../problem/problem.ts";

const PER_CENT = /^([0-9]*\.?[0-9]+)\s*%(\s+of\s+prunable)?$/;
const AMOUNT = /^([0-9]*\.?[0-9]+(?:e[+-]?[0-9]+)?)\s*([a-zA-Z]+)$/;

/** The latency of the whole network. */
export interface DenseLatency {
  readonly latencyMs: number;
  /** The part of it that every subnet has: what no choice shapes or removes. */
  readonly unchangeableMs: number;
}

/** What no choice shapes or removes of the program's first resource: terms without axes, block and layer. */
export function unchangeableOf(problem: Problem): number {
  return problem.terms.reduce(
    (sum, { axes, block, layer, cost }) =>
      axes.length === 0 && block === null && layer === null ? sum + (cost[0]?.[0] ?? 0) : sum,
    0,
  );
}

/**
 * A latency budget as people write it, in milliseconds: `50%` of the dense latency, `60% of prunable` for that share of what choices
 * can change on top of what they can't, `12ms`, `0.3 s`, `800 us`; `none` is Infinity.
 * @param dense of the whole network, and how much of it no choice changes (0 where only one number is given)
 * @param option where it was written
 * @throws UsageError `formulation/budget`
 *
 * @example
 * await latencyBudget("50%", 8) // 4
 * await latencyBudget("12ms", 8) // 12
 */
export async function latencyBudget(
  text: string,
  dense: number | DenseLatency,
  option = "--budget",
): Promise<number> {
  if (text.trim() === "none") return Number.POSITIVE_INFINITY;
  const { latencyMs, unchangeableMs } =
    typeof dense === "number" ? { latencyMs: dense, unchangeableMs: 0 } : dense;
  const share = PER_CENT.exec(text.trim());
  if (Number(share?.[1]) > 100) {
    throw new UsageError({
      code: "formulation/budget",
      message: `The budget '${text}' is more than the whole network takes: nothing would be pruned.`,
      where: option,
      hint: "Write a share of at most 100%, such as 50%; or none to solve without a budget.",
    });
  }
  if (share?.[2] !== undefined && typeof dense === "number") {
    throw new UsageError({
      code: "formulation/budget",
      message: `The budget '${text}' can't be used here, where it isn't known what can be pruned.`,
      where: option,
      hint: "Write a share of the whole latency, such as 50%, or a time, such as 12ms.",
    });
  }
  const rest = share?.[2] === undefined ? 0 : unchangeableMs;
  const budget =
    share === null
      ? await amountMs(text.trim())
      : rest + (Number(share[1]) / 100) * (latencyMs - rest);
  if (budget === null || !(budget > 0) || !Number.isFinite(budget)) {
    throw new UsageError({
      code: "formulation/budget",
      message: `The budget '${text}' is not a latency.`,
      where: option,
      hint: 'Write it as a share of the dense latency (50%), of what can be pruned ("60% of prunable") or with a unit of time (12ms, 0.3s, 800us), above zero; or none.',
    });
  }
  return budget;
}

async function amountMs(text: string): Promise<number | null> {
  const amount = AMOUNT.exec(text);
  if (amount === null) return null;
  // Loading all of mathjs takes longer than most commands: only where a unit is to be read.
  const { unit } = await import("mathjs");
  try {
    return unit(Number(amount[1]), amount[2] ?? "").toNumber("ms");
  } catch {
    return null;
  }
}
