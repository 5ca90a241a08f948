import { exactPresolve } from "../formulation/presolve/presolve.ts";
import { checkSelection } from "../formulation/problem/evaluate.ts";
import type { Problem, Selection } from "../formulation/problem/problem.ts";
import type { SolverList } from "../formulation/solve/answer.ts";
import { solveProblem } from "../formulation/solve/solve-problem.ts";

/**
 * The best selection of a candidate's program. The presolve alone proves nearly every one; what it leaves open goes to the solvers
 * for a few seconds, and a selection within every limit is good enough for a candidate. Checked against every limit either way.
 *
 * @throws InfeasibleLimitsError and as `solveProblem`
 */
export async function solveCandidate(
  problem: Problem,
  solvers: SolverList,
  signal?: AbortSignal,
): Promise<Selection> {
  const reduced = await exactPresolve(problem, { mustStop: () => signal?.aborted === true });
  const selection =
    reduced.known ??
    (await solveProblem(problem, solvers, { timeLimitSeconds: SECONDS, signal })).selection;
  checkSelection(problem, selection);
  return selection;
}

const SECONDS = 5;
