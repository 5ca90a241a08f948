import type { Problem } from "../problem/problem.ts";
import { methodInfeasible } from "./infeasible.ts";
import { fits, meterOf, widest } from "./meter.ts";

/**
 * One keep ratio r for every dim: each keeps the most units that are at most r of all, and never fewer than its
 * narrowest option. The largest r whose true usage is within the limits.
 *
 * @returns one option per dim
 * @throws InfeasibleError `formulation/method-infeasible` where even the narrowest options exceed a limit
 */
export function uniformOptions(problem: Problem): readonly number[] {
  const meter = meterOf(problem, widest(problem));
  if (fits(problem, meter.usage)) return meter.options;
  for (const ratio of ratiosOf(problem)) {
    problem.dims.forEach(({ counts }, dim) => {
      const option = optionAt(counts, ratio);
      if (option !== meter.options[dim]) meter.set(dim, option);
    });
    if (fits(problem, meter.usage)) return meter.options;
  }
  throw methodInfeasible(problem, "uniform", meter.usage);
}

/** Rounding in a ratio such as 5 / 15 against 1 / 3. */
const ROUNDING = 1e-12;

/** Every ratio at which some dim changes, decreasing; then one below them all. */
function ratiosOf(problem: Problem): number[] {
  const ratios = new Set<number>([0]);
  for (const { counts } of problem.dims) {
    for (const count of counts) ratios.add(count / (counts.at(-1) ?? 1));
  }
  return [...ratios].sort((a, b) => b - a);
}

function optionAt(counts: readonly number[], ratio: number): number {
  const most = ratio * (counts.at(-1) ?? 0) * (1 + ROUNDING);
  return Math.max(
    0,
    counts.findLastIndex((count) => count <= most),
  );
}
