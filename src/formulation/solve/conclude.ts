import { at } from "../../core/at.ts";
import {
  InternalError,
  InterruptedError,
  LimitError,
  VerificationError,
} from "../../core/errors.ts";
import { type Outcome, relativeGap, type SolveStats, type StopReason } from "../../mip/solver.ts";
import { checkSelection, type Evaluation, mostPossible } from "../problem/evaluate.ts";
import type { Problem } from "../problem/problem.ts";
import {
  type Answer,
  InfeasibleLimitsError,
  type SolveProblemOptions,
  type SolverList,
} from "./answer.ts";
import { nearestLimits } from "./nearest-limits.ts";
import { type Asked, type Case, elapsed, type Known, type Run } from "./solve-run.ts";

/** The checked answer that an outcome stands for, or the error. @throws as `solveProblem` */
export async function conclude(
  run: Run,
  outcome: Asked["outcome"],
  solver: string,
): Promise<Answer> {
  switch (outcome.status) {
    case "optimal":
    case "feasible":
      return answerOf(run, outcome, solver);
    case "infeasible":
      if (run.known !== null) return edgeAnswer(run, run.known, outcome, solver);
      throw await infeasible(run.problem, run.solvers, run.options, run.began);
    case "unbounded":
      throw new InternalError({
        code: "formulation/unbounded",
        message: `Solver ${solver} calls the program unbounded, which no program of binaries is.`,
        where: run.problem.name,
        hint: "This is a fault of the program, not of your input: please report it with the files that led here.",
      });
    case "no-solution":
      return emptyAnswer(run, outcome, solver);
    default:
      return outcome satisfies never;
  }
}

/** That no selection meets the limits, with the nearest ones that some selection meets. */
export async function infeasible(
  problem: Problem,
  solvers: SolverList,
  { timeLimitSeconds = Number.POSITIVE_INFINITY, signal }: SolveProblemOptions,
  began: number,
): Promise<InfeasibleLimitsError> {
  const secondsLeft = (): number => timeLimitSeconds - elapsed({ began });
  const { nearest, open } = await nearestLimits(problem, { solvers, secondsLeft, signal });
  return new InfeasibleLimitsError(problem.name, nearest, open);
}

/** What was known, where a solver ended without a point. */
function emptyAnswer(
  run: Run,
  { bound, reason, stats }: Extract<Outcome, { status: "no-solution" }>,
  solver: string,
): Answer {
  if (run.known === null) throw nothingFound(run, reason);
  const ended = `Solver ${solver} had found nothing when it ended`;
  return knownAnswer(run, run.known, boundOf(run, bound), stats, ended);
}

/** The answer where the time was over, or the user wanted no more, before a solver was asked. @throws as `solveProblem` */
export function concludeUnasked(unasked: Case, reason: StopReason): Answer {
  if (unasked.known === null) throw nothingFound(unasked, reason);
  const what = reason === "interrupted" ? "It was interrupted" : "The time was over";
  const ended = `${what} before a solver was asked`;
  return knownAnswer(unasked, unasked.known, Number.POSITIVE_INFINITY, NO_EFFORT, ended);
}

/** What the presolve proved, where nobody asked for a certificate. */
export function concludeProven(unasked: Case, known: Known): Answer {
  return knownAnswer(unasked, known, known.evaluation.objective, NO_EFFORT, "");
}

/** The stats of no solver. */
const NO_EFFORT: SolveStats = { seconds: 0, nodes: 0, lpIterations: 0, memoryBytes: 0 };

function nothingFound(run: Case, reason: "time-limit" | "interrupted"): Error {
  const where = run.problem.name;
  const seconds = elapsed(run).toFixed(1);
  return reason === "interrupted"
    ? new InterruptedError({
        code: "formulation/interrupted",
        message: `Interrupted after ${seconds} s, before any subnet was found.`,
        where,
      })
    : new LimitError({
        code: "formulation/no-answer-in-time",
        message: `No subnet was found within the time limit (${seconds} s).`,
        where,
        hint: "Allow more time (--time-limit), or make the program smaller with coarser steps (--step).",
      });
}

function answerOf(
  run: Run,
  outcome: Extract<Outcome, { status: "optimal" | "feasible" }>,
  solver: string,
): Answer {
  const { encoded, problem, reduction, known } = run;
  const solved = reduction.lift(encoded.decode(outcome.values));
  const claimed = outcome.objective / encoded.objectiveScale;
  const evaluation = checkSelection(problem, solved, claimed);
  if (outcome.status === "optimal") compare(run, evaluation, solver);
  const keepsKnown = known !== null && known.evaluation.objective >= evaluation.objective;
  const { objective, usage } = keepsKnown ? known.evaluation : evaluation;
  const notes = [...run.notes];
  if (outcome.status === "feasible" && reduction.isProven) {
    notes.push(
      `The presolve proved this optimum; solver ${solver} did not complete its certificate.`,
    );
  } else if (outcome.status === "feasible") {
    const why = outcome.reason === "interrupted" ? "it was interrupted" : "its time was over";
    notes.push(`Solver ${solver} stopped before its proof was complete, because ${why}.`);
  }
  const left = outcome.bound / encoded.objectiveScale - objective;
  // A bound that is above the objective by less than sums of doubles are exact to is the objective.
  const isRounding = outcome.status === "optimal" && left <= 1e-11 * Math.abs(objective);
  const isProven =
    outcome.gap === 0 || isRounding || reduction.isProven || left < 0.95 * reduction.worthStep;
  const bound = isProven ? objective : boundOver(run, objective, boundOf(run, outcome.bound));
  return {
    status: isProven ? "optimal" : outcome.status,
    selection: keepsKnown ? known.selection : solved,
    objective,
    usage,
    // The proof holds for the solver's sum of the same numbers, which may be rounded otherwise.
    bound,
    gap: relativeGap(objective, bound),
    solver,
    seconds: elapsed(run),
    stats: outcome.stats,
    presolve: reduction.effort,
    notes,
  };
}

/** The selection that was known beforehand, where no solver added anything. */
function knownAnswer(
  run: Case,
  { from, selection, evaluation }: Known,
  solverBound: number,
  stats: SolveStats,
  ended: string,
): Answer {
  const { isProven, effort } = run.reduction;
  const { objective, usage } = evaluation;
  const bound = isProven ? objective : boundOver(run, objective, solverBound);
  const source = from === "start" ? "it started from" : "the presolve found";
  const why = isProven
    ? "The presolve proved this optimum; no solver certified it."
    : `${ended}: this is the selection that ${source}.`;
  return {
    status: isProven ? "optimal" : "feasible",
    selection,
    objective,
    usage,
    bound,
    gap: relativeGap(objective, bound),
    solver: from,
    seconds: elapsed(run),
    stats,
    presolve: effort,
    notes: [...run.notes, why],
  };
}

/** A solver may find a limit exceeded by a rounding error where the checker doesn't; anything else is a contradiction. */
function edgeAnswer(
  run: Run,
  known: Known,
  outcome: { readonly stats: SolveStats },
  solver: string,
): Answer {
  const isOnEdge = run.problem.resources.some(({ limit }, r) => {
    const used = at(known.evaluation.usage, r);
    return used > limit - 1e-9 * Math.max(Math.abs(limit), Math.abs(used));
  });
  if (!isOnEdge) throw disagreement(run, `Solver ${solver} finds no answer`);
  const ended = `Solver ${solver} called the program infeasible`;
  return knownAnswer(run, known, Number.POSITIVE_INFINITY, outcome.stats, ended);
}

/** A solver's bound in the problem's units. */
function boundOf({ encoded }: Run, solverBound: number): number {
  return solverBound / encoded.objectiveScale;
}

/** The least of the bounds that hold, none of them below what an answer earns. */
function boundOver({ problem, reduction }: Case, objective: number, solverBound: number): number {
  return Math.max(objective, Math.min(solverBound, reduction.bound, mostPossible(problem)));
}

/**
 * The presolve's optimum and the solver's must be one. They may differ by the gap that the solver was given, and where
 * the better one exceeds a limit by a rounding error, which only one of them may accept.
 */
function compare(run: Run, solved: Evaluation, solver: string): void {
  const { known, reduction, encoded, options, problem } = run;
  if (!reduction.isProven || known === null) return;
  const { objective } = known.evaluation;
  const better = objective > solved.objective ? known.evaluation : solved;
  const isOnEdge = problem.resources.some(({ limit }, r) => at(better.usage, r) > limit);
  const allowed =
    (options.relativeGap ?? 0) * Math.abs(objective) +
    (options.absoluteGap ?? 0) +
    2e-6 / encoded.objectiveScale +
    0.95 * reduction.worthStep +
    1e-11 * Math.abs(objective);
  if (isOnEdge || Math.abs(objective - solved.objective) <= allowed) return;
  throw disagreement(run, `Solver ${solver} calls ${solved.objective} the optimum`);
}

function disagreement(run: Run, what: string): VerificationError {
  return new VerificationError({
    code: "formulation/proofs-disagree",
    message: `${what}, but a selection that earns ${run.known?.evaluation.objective} is known.`,
    where: run.problem.name,
    hint: "This is a fault of the program, not of your input: please report it with the files that led here. --no-presolve solves the plain program.",
  });
}
