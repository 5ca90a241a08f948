import type { Remains } from "../presolve/shrinking/remains.ts";
import { checkSelection } from "../problem/evaluate.ts";
import type { Problem } from "../problem/problem.ts";
import { type BestAnswer, type BestOptions, bestOf } from "../solve/best-of.ts";
import { type Choice, forceChoice, makesChoice } from "./forced.ts";

/**
 * The best of a problem's selections that make a choice, with everything else decided again. The presolve's label setting
 * proves most of them; the solvers are asked for what it leaves open.
 */
export async function solveForced(
  problem: Problem,
  choice: Choice,
  options: BestOptions,
  remains?: Remains,
): Promise<BestAnswer> {
  const shrunk = forceChoice(problem, choice, remains);
  if (shrunk === null) return { kind: "impossible" };
  const { problem: forced, lift } = shrunk;
  const answer = await bestOf(forced, options);
  if (answer.kind === "impossible" || answer.kind === "open") return answer;
  const selection = lift(answer.selection);
  // The best one breaks it only where all that make it exceed a limit.
  if (!makesChoice(selection, choice))
    return answer.kind === "best" ? { kind: "impossible" } : { kind: "open" };
  const { objective } = checkSelection(problem, selection);
  return { ...answer, selection, objective };
}
