import { at } from "../../core/at.ts";
import type { Problem } from "../problem/problem.ts";
import { methodInfeasible } from "./infeasible.ts";
import { fits, gainsOfDims, meterOf, widest } from "./meter.ts";

/**
 * One threshold over normalised scores, as DepGraph (arXiv 2301.12900) and isomorphic pruning (arXiv 2407.04616) rank:
 * the score of a step from one option of a dim to the next wider one is what it earns per unit, divided by what the dim
 * earns per unit on average. A dim keeps all up to its last step above the threshold; the lowest threshold whose true usage
 * is within the limits.
 *
 * @returns one option per dim
 * @throws InfeasibleError `formulation/method-infeasible` where even the narrowest options exceed a limit
 */
export function thresholdOptions(problem: Problem): readonly number[] {
  const meter = meterOf(problem, widest(problem));
  if (fits(problem, meter.usage)) return meter.options;
  const steps = removalsOf(problem);
  for (const [at, { dim, option, score }] of steps.entries()) {
    meter.set(dim, option);
    // What scores the same is above or below a threshold together.
    if (steps[at + 1]?.score === score) continue;
    if (fits(problem, meter.usage)) return meter.options;
  }
  throw methodInfeasible(problem, "global-threshold", meter.usage);
}

interface Removal {
  readonly dim: number;
  /** What the dim keeps afterwards. */
  readonly option: number;
  readonly score: number;
}

/** All steps down, from the lowest score up; those of one dim in their order. */
function removalsOf(problem: Problem): Removal[] {
  const gains = gainsOfDims(problem);
  const removals = problem.dims.flatMap(({ counts }, dim): Removal[] => {
    const scores = stepScores(counts, gains[dim] ?? new Float64Array());
    // A step goes with the first one whose score reaches its own or that lies outside of it.
    let least = Number.NEGATIVE_INFINITY;
    return scores.map((_, taken): Removal => {
      const option = scores.length - 1 - taken;
      least = Math.max(least, at(scores, option));
      return { dim, option, score: least };
    });
  });
  return removals.sort((a, b) => a.score - b.score || a.dim - b.dim || b.option - a.option);
}

/** Score of the step from option k to k + 1, at index k. */
function stepScores(counts: readonly number[], gains: Float64Array): number[] {
  const last = counts.length - 1;
  const mean = at(gains, last) / (counts[last] ?? 1);
  return Array.from({ length: last }, (_, option) => {
    const gained = at(gains, option + 1) - at(gains, option);
    const units = at(counts, option + 1) - at(counts, option);
    return mean > 0 ? gained / units / mean : 0;
  });
}
