import { VerificationError } from "../../core/errors.ts";
import type { Outcome, StopReason } from "../../mip/solver.ts";
import type { EncodedProblem } from "../encoding/encode.ts";
import type { Reduction } from "../presolve/reduction.ts";
import { checkSelection, type Evaluation } from "../problem/evaluate.ts";
import type { Problem, Selection } from "../problem/problem.ts";
import type { SolveProblemOptions, SolverList } from "./answer.ts";

/** A problem, and what is known of it before a solver is asked. */
export interface Case {
  readonly problem: Problem;
  readonly reduction: Reduction;
  readonly known: Known | null;
  readonly solvers: SolverList;
  readonly options: SolveProblemOptions;
  readonly began: number;
  readonly notes: string[];
}

/** A problem on its way through the solvers. */
export interface Run extends Case {
  readonly encoded: EncodedProblem;
}

/** An outcome that is not a failure, and whose it is. */
export interface Asked {
  readonly outcome: Exclude<Outcome, { status: "failed" }>;
  readonly solver: string;
}

/** A selection within the limits that is known before a solver is asked. */
export interface Known {
  readonly from: "presolve" | "start";
  readonly selection: Selection;
  readonly evaluation: Evaluation;
}

/** The better one of the presolve's selection, which must be right, and the user's, which need not be. */
export function knownOf(
  problem: Problem,
  found: Selection | null,
  given: Selection | null,
): Known | null {
  const ours: Known | null =
    found === null
      ? null
      : { from: "presolve", selection: found, evaluation: checkSelection(problem, found) };
  if (given === null) return ours;
  const evaluation = checkedOrNull(problem, given);
  if (evaluation === null) return ours;
  const isBetter = ours === null || evaluation.objective > ours.evaluation.objective;
  return isBetter ? { from: "start", selection: given, evaluation } : ours;
}

export function checkedOrNull(problem: Problem, selection: Selection): Evaluation | null {
  try {
    return checkSelection(problem, selection);
  } catch (error) {
    if (error instanceof VerificationError) return null;
    throw error;
  }
}

export function elapsed({ began }: Pick<Case, "began">): number {
  return (performance.now() - began) / 1000;
}

/** Why no more may be done; null while there is time. */
export function whyOver(
  { signal, timeLimitSeconds = Number.POSITIVE_INFINITY }: SolveProblemOptions,
  began: number,
): StopReason | null {
  if (signal?.aborted === true) return "interrupted";
  return elapsed({ began }) > timeLimitSeconds ? "time-limit" : null;
}
