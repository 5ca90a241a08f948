import { InternalError, InterruptedError, LimitError, VerificationError } from "../core/errors.ts";
import {
  type Incumbent,
  type Outcome,
  relativeGap,
  type SolveOptions,
  type SolveStats,
} from "../mip/solver.ts";
import {
  type Answer,
  InfeasibleLimitsError,
  type SolveProblemOptions,
  type SolverList,
} from "./answer.ts";
import { type EncodedProblem, encode } from "./encode.ts";
import { checkSelection, type Evaluation, mostPossible } from "./evaluate.ts";
import { nearestLimits } from "./nearest-limits.ts";
import { exactPresolve } from "./presolve/presolve.ts";
import type { Problem, Selection } from "./problem.ts";
import { checkProblem } from "./problem-check.ts";
import { noReduction, type Reduction } from "./reduction.ts";

/** A problem on its way through the solvers. */
interface Run {
  readonly problem: Problem;
  readonly reduction: Reduction;
  readonly known: Known | null;
  readonly encoded: EncodedProblem;
  readonly solvers: SolverList;
  readonly options: SolveProblemOptions;
  readonly began: number;
  readonly notes: string[];
}

/**
 * The best selection within the limits. The first solver is asked first, the next one where it fails, dies or is missing,
 * which the answer's notes say. Every answer is recomputed from the problem's tables before it is returned.
 *
 * @throws InputError `formulation/bad-problem`
 * @throws InfeasibleLimitsError `formulation/infeasible`, with the nearest feasible limits
 * @throws LimitError `formulation/no-answer-in-time`
 * @throws InterruptedError `formulation/interrupted`
 * @throws InternalError `formulation/every-solver-failed`, `formulation/unbounded`
 * @throws VerificationError as `checkSelection`: the solver's answer is wrong
 */
export async function solveProblem(
  problem: Problem,
  solvers: SolverList,
  options: SolveProblemOptions = {},
): Promise<Answer> {
  const began = performance.now();
  checkProblem(problem);
  const reduction = await reduce(problem, options, began);
  const encoded = encode(reduction.problem);
  options.onModel?.(encoded.model);
  const notes = [...reduction.notes];
  const known = knownOf(problem, reduction.known, options.start ?? null);
  const run: Run = { problem, reduction, known, encoded, solvers, options, began, notes };
  const { outcome, solver } = await askInTurn(run);
  return conclude(run, outcome, solver);
}

async function reduce(
  problem: Problem,
  { presolve, timeLimitSeconds, signal }: SolveProblemOptions,
  began: number,
): Promise<Reduction> {
  if (presolve === false) return noReduction(problem);
  const end = began + 1000 * (timeLimitSeconds ?? Number.POSITIVE_INFINITY);
  const mustStop = (): boolean => performance.now() > end || signal?.aborted === true;
  return await (presolve ?? exactPresolve)(problem, { mustStop });
}

/** A selection within the limits that is known before a solver is asked. */
interface Known {
  readonly selection: Selection;
  readonly evaluation: Evaluation;
}

/** The better one of the presolve's selection, which must be right, and the user's, which need not be. */
function knownOf(problem: Problem, found: Selection | null, given: Selection | null): Known | null {
  const ours =
    found === null ? null : { selection: found, evaluation: checkSelection(problem, found) };
  if (given === null) return ours;
  const evaluation = checkedOrNull(problem, given);
  if (evaluation === null) return ours;
  const isBetter = ours === null || evaluation.objective > ours.evaluation.objective;
  return isBetter ? { selection: given, evaluation } : ours;
}

function checkedOrNull(problem: Problem, selection: Selection): Evaluation | null {
  try {
    return checkSelection(problem, selection);
  } catch (error) {
    if (error instanceof VerificationError) return null;
    throw error;
  }
}

/** An outcome that is not a failure, and whose it is. */
interface Asked {
  readonly outcome: Exclude<Outcome, { status: "failed" }>;
  readonly solver: string;
}

const NO_EFFORT: SolveStats = { seconds: 0, nodes: 0, lpIterations: 0, memoryBytes: 0 };

async function askInTurn(run: Run): Promise<Asked> {
  let best: { incumbent: Incumbent; solver: string; stats: SolveStats } | null = null;
  for (const [index, solver] of run.solvers.entries()) {
    const { outcome, timeLeft } = await ask(run, index, best?.incumbent ?? null);
    if (outcome === null) break;
    if (outcome.status !== "failed") return { outcome, solver: solver.name };
    const next = run.solvers[index + 1]?.name;
    const then = next === undefined || timeLeft <= 0 ? "" : `; ${next} takes over`;
    run.notes.push(`Solver ${solver.name} failed (${outcome.message})${then}.`);
    const { incumbent, stats } = outcome;
    if (incumbent !== null && isUsable(run, incumbent)) {
      best = { incumbent, solver: solver.name, stats };
    }
  }
  if (best !== null) {
    // The last solver died, but what it had found until then is an answer.
    const gap = relativeGap(best.incumbent.objective, best.incumbent.bound);
    const stopped = { status: "feasible", reason: "time-limit", gap } as const;
    return { outcome: { ...best.incumbent, ...stopped, stats: best.stats }, solver: best.solver };
  }
  if (run.known !== null) {
    const bound = Number.POSITIVE_INFINITY;
    const outcome = {
      status: "no-solution",
      bound,
      reason: "time-limit",
      stats: NO_EFFORT,
    } as const;
    return { outcome, solver: "presolve" };
  }
  throw new InternalError({
    code: "formulation/every-solver-failed",
    message: `No solver gave an answer. ${run.notes.join(" ")}`,
    where: run.problem.name,
    hint: "Coarser steps (--step) make a smaller program. Is the package 'highs' installed completely?",
  });
}

async function ask(
  run: Run,
  index: number,
  known: Incumbent | null,
): Promise<{ outcome: Outcome | null; timeLeft: number }> {
  const solver = run.solvers[index];
  const limit = run.options.timeLimitSeconds;
  const timeLeft = (): number =>
    limit === undefined ? Number.POSITIVE_INFINITY : limit - elapsed(run);
  // The first solver is always asked: it answers a limit that has passed in its own way.
  if (solver === undefined || (index > 0 && timeLeft() <= 0)) return { outcome: null, timeLeft: 0 };
  const outcome = await solver.solve(run.encoded.model, {
    ...solverOptions(run, known),
    timeLimitSeconds: secondsFor(run, timeLeft()),
  });
  return { outcome, timeLeft: timeLeft() };
}

/** A certificate of what is proven already is not worth waiting for without end. */
const CERTIFICATE_SECONDS = 10;

function secondsFor({ reduction, options }: Run, timeLeft: number): number | undefined {
  if (reduction.isProven) return Math.max(0.01, Math.min(timeLeft, CERTIFICATE_SECONDS));
  return options.timeLimitSeconds === undefined ? undefined : Math.max(0.01, timeLeft);
}

function solverOptions(run: Run, known: Incumbent | null): SolveOptions {
  const { options, encoded, reduction } = run;
  const given = run.known === null ? null : reduction.lower(run.known.selection);
  const start = known === null ? given : encoded.decode(known.values);
  const scale = encoded.objectiveScale;
  const { onProgress } = options;
  // A bound less than a grain above a selection proves it the best.
  const grainGap = reduction.grain === 0 ? undefined : 0.9 * reduction.grain;
  const absoluteGap = options.absoluteGap ?? grainGap;
  return {
    relativeGap: options.relativeGap,
    absoluteGap: absoluteGap === undefined ? undefined : absoluteGap * scale,
    startIsBest: reduction.isProven,
    signal: options.signal,
    start: start === null ? undefined : encoded.pointOf(start),
    onProgress:
      onProgress &&
      ((progress) => {
        const { incumbent, bound } = progress;
        onProgress({
          ...progress,
          incumbent: incumbent === null ? null : incumbent / scale,
          bound: bound === null ? null : bound / scale,
        });
      }),
  };
}

async function conclude(run: Run, outcome: Asked["outcome"], solver: string): Promise<Answer> {
  switch (outcome.status) {
    case "optimal":
    case "feasible":
      return answerOf(run, outcome, solver);
    case "infeasible":
      if (run.known !== null) return edgeAnswer(run, run.known, outcome, solver);
      throw new InfeasibleLimitsError(
        run.problem.name,
        await nearestLimits(run.problem, run.solvers, run.options.signal),
      );
    case "unbounded":
      throw new InternalError({
        code: "formulation/unbounded",
        message: `Solver ${solver} calls the program unbounded, which no program of binaries is.`,
        where: run.problem.name,
        hint: "This is a fault of the program, not of your input: please report it with the files that led here.",
      });
    case "no-solution":
      if (run.known === null) throw nothingFound(run, outcome.reason);
      return knownAnswer(run, run.known, outcome, solver);
    default:
      return outcome satisfies never;
  }
}

function nothingFound(run: Run, reason: "time-limit" | "interrupted"): Error {
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
  const isProven = outcome.gap === 0 || reduction.isProven || left < 0.95 * reduction.grain;
  const bound = isProven ? objective : boundOver(run, objective, outcome.bound);
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
  run: Run,
  { selection, evaluation }: Known,
  outcome: { readonly bound?: number; readonly stats: SolveStats },
  solver: string,
): Answer {
  const { isProven, effort } = run.reduction;
  const { objective, usage } = evaluation;
  const bound = isProven
    ? objective
    : boundOver(run, objective, outcome.bound ?? Number.POSITIVE_INFINITY);
  const why = isProven
    ? "The presolve proved this optimum; no solver certified it."
    : `No solver improved what was known beforehand${solver === "presolve" ? "" : `; ${solver} stopped first`}.`;
  return {
    status: isProven ? "optimal" : "feasible",
    selection,
    objective,
    usage,
    bound,
    gap: relativeGap(objective, bound),
    solver: "presolve",
    seconds: elapsed(run),
    stats: outcome.stats,
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
    const used = known.evaluation.usage[r] ?? 0;
    return used > limit - 1e-9 * Math.max(Math.abs(limit), Math.abs(used));
  });
  if (!isOnEdge) throw disagreement(run, `Solver ${solver} finds no answer`);
  return knownAnswer(run, known, outcome, solver);
}

/** The least of the bounds that hold, none of them below what an answer earns. */
function boundOver(run: Run, objective: number, solverBound: number): number {
  const { problem, encoded, reduction } = run;
  const solved = solverBound / encoded.objectiveScale;
  return Math.max(objective, Math.min(solved, reduction.bound, mostPossible(problem)));
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
  const isOnEdge = problem.resources.some(({ limit }, r) => (better.usage[r] ?? 0) > limit);
  const allowed =
    (options.relativeGap ?? 0) * Math.abs(objective) +
    (options.absoluteGap ?? 0) +
    2e-6 / encoded.objectiveScale +
    0.95 * reduction.grain +
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

/** Whether a point that a dying solver left behind stands for a selection within the limits. */
function isUsable(run: Run, incumbent: Incumbent): boolean {
  const selection = run.reduction.lift(run.encoded.decode(incumbent.values));
  return checkedOrNull(run.problem, selection) !== null;
}

function elapsed(run: Run): number {
  return (performance.now() - run.began) / 1000;
}
