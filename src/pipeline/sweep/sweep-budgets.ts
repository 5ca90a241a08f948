import { UsageError } from "../../core/errors.ts";
import { latencyBudget } from "../../formulation/network/latency-budget.ts";
import { checkWhole } from "../checks.ts";

/** Budgets as people ask for them; either a list or a range. */
export interface BudgetOptions {
  readonly budgets?: string | undefined;
  readonly from: string;
  readonly to: string;
  readonly points: number;
}

export interface SweepBudget {
  /** As it was written, or as a share of the dense latency. */
  readonly text: string;
  readonly limit: number;
}

/**
 * The budgets of a sweep, largest first.
 * @param dense latency of the whole network, in the unit of the limits
 * @param inOwnUnit an instance's: shares, or numbers in whatever unit its latencies have
 * @throws UsageError `formulation/budget`, `cli/instance-budget`, `cli/not-a-count`, `cli/empty-range`
 */
export async function sweepBudgets(
  options: BudgetOptions,
  dense: number,
  inOwnUnit: boolean,
): Promise<SweepBudget[]> {
  const { budgets, points } = options;
  const where = budgets === undefined ? "--from, --to" : "--budgets";
  const read = (text: string): Promise<number> =>
    inOwnUnit ? ownBudget(text, dense) : latencyBudget(text, dense, where);
  if (budgets !== undefined) {
    const texts = budgets.split(",").map((text) => text.trim());
    const limits = await Promise.all(texts.map(read));
    return texts
      .map((text, at): SweepBudget => ({ text, limit: limits[at] ?? Number.NaN }))
      .sort((one, other) => other.limit - one.limit);
  }
  checkWhole(points, "--points", 1);
  const [from = 0, to = 0] = await Promise.all([options.from, options.to].map(read));
  if (points > 1 && from === to) {
    throw new UsageError({
      code: "cli/empty-range",
      message: `--from ${options.from} and --to ${options.to} are one budget, and ${points} points are asked for.`,
      where: "--from, --to",
      hint: "Give two different budgets, or --points 1.",
    });
  }
  const [high, low] = [Math.max(from, to), Math.min(from, to)];
  return Array.from({ length: points }, (_, at): SweepBudget => {
    const limit = points === 1 ? from : high + ((low - high) * at) / (points - 1);
    return { text: `${Number(((100 * limit) / dense).toPrecision(4))}%`, limit };
  });
}

async function ownBudget(text: string, dense: number): Promise<number> {
  if (text.trim().endsWith("%")) return latencyBudget(text, dense);
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value) && value > 0) return value;
  throw new UsageError({
    code: "cli/instance-budget",
    message: `The budget '${text}' is neither a share nor a number above zero.`,
    where: "--budgets, --from, --to",
    hint: "Budgets of an instance are shares of its dense latency (50%), or plain numbers in its own unit.",
  });
}
