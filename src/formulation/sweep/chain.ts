import { InfeasibleError, InterruptedError, LimitError } from "../../core/errors.ts";
import { rememberingPresolve } from "../presolve/presolve.ts";
import type { Problem, Selection } from "../problem/problem.ts";
import {
  InfeasibleLimitsError,
  type SolveProblemOptions,
  type SolverList,
} from "../solve/answer.ts";
import { solveProblem } from "../solve/solve-problem.ts";
import { startingSelection } from "../solve/start.ts";
import type { FrontierPoint, PointOutcome } from "./frontier.ts";

/** How the points of a frontier are solved. */
export interface ChainOptions {
  /** Index of the resource whose limit takes the values. Default 0, the latency. */
  readonly resource?: number | undefined;
  /** Per point. */
  readonly timeLimitSeconds?: number | undefined;
  readonly relativeGap?: number | undefined;
  readonly presolve?: false | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onPoint?: ((point: FrontierPoint) => void) | undefined;
}

/**
 * The best selection within each limit, one after the other from the smallest: what fits into a smaller limit fits into
 * the next one, and is what its search starts from. Ends early where it is interrupted, with the points that are finished.
 *
 * @param limits increasing, in the resource's unit
 * @throws as `solveProblem`, but for limits that can't be met or not in time: these are points
 */
export async function sweepChain(
  problem: Problem,
  solvers: SolverList,
  limits: readonly number[],
  options: ChainOptions = {},
): Promise<FrontierPoint[]> {
  const resource = options.resource ?? 0;
  const points: FrontierPoint[] = [];
  // The tables are the same for every limit.
  const presolve = options.presolve ?? rememberingPresolve();
  let start: Selection | null = null;
  let least: number | null = null;
  for (const limit of limits) {
    if (options.signal?.aborted) break;
    const now = withLimit(problem, resource, limit);
    const outcome: PointOutcome | null =
      least !== null && limit < least
        ? { kind: "infeasible", least }
        : await solvePoint(now, solvers, resource, start, { ...options, presolve });
    if (outcome === null) break;
    if (outcome.kind === "infeasible") ({ least } = outcome);
    if (outcome.kind === "solved") start = outcome.answer.selection;
    const point = { limit, outcome };
    points.push(point);
    options.onPoint?.(point);
  }
  return points;
}

/** The problem with another limit of one resource. */
export function withLimit(problem: Problem, resource: number, limit: number): Problem {
  const resources = problem.resources.map((each, r) =>
    r === resource ? { ...each, limit } : each,
  );
  return { ...problem, resources };
}

/** Null where it was interrupted: what a search had by then says little of its limit. */
async function solvePoint(
  problem: Problem,
  solvers: SolverList,
  resource: number,
  start: Selection | null,
  { timeLimitSeconds, relativeGap, presolve, signal }: SolveProblemOptions,
): Promise<PointOutcome | null> {
  try {
    const answer = await solveProblem(problem, solvers, {
      timeLimitSeconds,
      relativeGap,
      presolve,
      signal,
      start: start ?? startingSelection,
    });
    const isFinished = answer.status === "optimal" || signal?.aborted !== true;
    return isFinished ? { kind: "solved", answer } : null;
  } catch (error) {
    if (error instanceof InfeasibleError)
      return { kind: "infeasible", least: leastOf(error, problem, resource) };
    if (error instanceof LimitError) return { kind: "unsolved", why: error.message };
    if (error instanceof InterruptedError) return null;
    throw error;
  }
}

/** Only a smallest usage with every other limit kept says that all limits below it can't be met. */
function leastOf(error: InfeasibleError, problem: Problem, resource: number): number | null {
  if (!(error instanceof InfeasibleLimitsError)) return null;
  const name = problem.resources[resource]?.name;
  const nearest = error.nearest.find(
    (each) => each.resource === name && each.othersKept && each.proven,
  );
  return nearest?.least ?? null;
}
