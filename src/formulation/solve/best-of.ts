import { InfeasibleError } from "../../core/errors.ts";
import type { Outcome } from "../../mip/solver.ts";
import { type EncodedProblem, encode } from "../encoding/encode.ts";
import { exactPresolve } from "../presolve/presolve.ts";
import type { Reduction } from "../presolve/reduction.ts";
import { checkSelection } from "../problem/evaluate.ts";
import type { Problem, Selection } from "../problem/problem.ts";
import type { SolverList } from "./answer.ts";

/** The best selection of a problem. `open`: none was found in time. */
export type BestAnswer =
  | { readonly kind: "best"; readonly selection: Selection; readonly objective: number }
  | {
      readonly kind: "found";
      readonly selection: Selection;
      readonly objective: number;
      readonly bound: number;
    }
  | { readonly kind: "impossible" }
  | { readonly kind: "open" };

export interface BestOptions {
  readonly solvers: SolverList;
  /** Seconds left; Infinity without a limit. */
  readonly secondsLeft: () => number;
  readonly signal?: AbortSignal | undefined;
}

/** The best selection of a problem: as `solveProblem`, but that what the presolve proved needs no certificate, and without a search for the nearest limits. */
export async function bestOf(problem: Problem, options: BestOptions): Promise<BestAnswer> {
  const mustStop = (): boolean => isOver(options);
  if (mustStop()) return { kind: "open" };
  try {
    const reduction = await exactPresolve(problem, { mustStop });
    const { known, isProven } = reduction;
    if (known === null || !isProven) return await askSolvers(problem, reduction, options);
    const { objective } = checkSelection(problem, known);
    return { kind: "best", selection: known, objective };
  } catch (error) {
    if (error instanceof InfeasibleError) return { kind: "impossible" };
    throw error;
  }
}

/** Whether the time is over, or the user wants no more. */
export function isOver({ secondsLeft, signal }: BestOptions): boolean {
  return secondsLeft() <= 0 || signal?.aborted === true;
}

/** The first solver that doesn't fail has the last word. */
async function askSolvers(
  problem: Problem,
  reduction: Reduction,
  options: BestOptions,
): Promise<BestAnswer> {
  const encoded = encode(reduction.problem);
  const lowered = reduction.known === null ? null : reduction.lower(reduction.known);
  for (const solver of options.solvers) {
    const left = options.secondsLeft();
    const outcome = await solver.solve(encoded.model, {
      timeLimitSeconds: left === Number.POSITIVE_INFINITY ? undefined : Math.max(0.05, left),
      start: lowered === null ? undefined : encoded.pointOf(lowered),
      signal: options.signal,
    });
    if (outcome.status !== "failed") return answerOf(problem, reduction, encoded, outcome);
  }
  return knownAnswer(problem, reduction);
}

function answerOf(
  problem: Problem,
  reduction: Reduction,
  { decode, objectiveScale }: EncodedProblem,
  outcome: Outcome,
): BestAnswer {
  if (outcome.status === "infeasible" && reduction.known === null) return { kind: "impossible" };
  if (outcome.status !== "optimal" && outcome.status !== "feasible") {
    return knownAnswer(problem, reduction);
  }
  const selection = reduction.lift(decode(outcome.values));
  const { objective } = checkSelection(problem, selection);
  if (outcome.status === "optimal") return { kind: "best", selection, objective };
  const bound = Math.max(objective, Math.min(reduction.bound, outcome.bound / objectiveScale));
  return { kind: "found", selection, objective, bound };
}

/** What the presolve had found, where no solver said more. */
function knownAnswer(problem: Problem, { known, bound }: Reduction): BestAnswer {
  if (known === null) return { kind: "open" };
  const { objective } = checkSelection(problem, known);
  return { kind: "found", selection: known, objective, bound: Math.max(objective, bound) };
}
