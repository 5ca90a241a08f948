import { UsageError } from "../../core/errors.ts";

const PER_CENT = /^([0-9]*\.?[0-9]+)\s*%$/;
const AMOUNT = /^([0-9]*\.?[0-9]+(?:e[+-]?[0-9]+)?)\s*([a-zA-Z]+)$/;

/**
 * A latency budget as people write it, in milliseconds: `50%` of the dense latency, `12ms`, `0.3 s`, `800 us`; `none` is
 * Infinity.
 * @param option where it was written
 * @throws UsageError `formulation/budget`
 *
 * @example
 * await latencyBudget("50%", 8) // 4
 * await latencyBudget("12ms", 8) // 12
 */
export async function latencyBudget(
  text: string,
  denseMs: number,
  option = "--budget",
): Promise<number> {
  if (text.trim() === "none") return Number.POSITIVE_INFINITY;
  const share = PER_CENT.exec(text.trim());
  if (Number(share?.[1]) > 100) {
    throw new UsageError({
      code: "formulation/budget",
      message: `The budget '${text}' is more than the whole network takes: nothing would be pruned.`,
      where: option,
      hint: "Write a share of at most 100%, such as 50%; or none to solve without a budget.",
    });
  }
  const budget = share === null ? await amountMs(text.trim()) : (Number(share[1]) / 100) * denseMs;
  if (budget === null || !(budget > 0) || !Number.isFinite(budget)) {
    throw new UsageError({
      code: "formulation/budget",
      message: `The budget '${text}' is not a latency.`,
      where: option,
      hint: "Write it as a share of the dense latency (50%) or with a unit of time (12ms, 0.3s, 800us), above zero; or none.",
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
