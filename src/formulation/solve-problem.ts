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
import { checkSelection, mostPossible } from "./evaluate.ts";
import { nearestLimits } from "./nearest-limits.ts";
import type { Problem, Selection } from "./problem.ts";
import { checkProblem } from "./problem-check.ts";
import { noReduction, type Reduction } from "./reduction.ts";

/** A problem on its way through the solvers. */
interface Run {
  readonly problem: Problem;
  readonly reduction: Reduction;
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
  const reduction = (options.presolve ?? noReduction)(problem);
  const encoded = encode(reduction.problem);
  options.onModel?.(encoded.model);
  const run: Run = { problem, reduction, encoded, solvers, options, began, notes: [] };
  const { outcome, solver } = await askInTurn(run);
  return conclude(run, outcome, solver);
}

/** An outcome that is not a failure, and whose it is. */
interface Asked {
  readonly outcome: Exclude<Outcome, { status: "failed" }>;
  readonly solver: string;
}

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
    if (incumbent !== null && isUsable(run, lifted(run, incumbent))) {
      best = { incumbent, solver: solver.name, stats };
    }
  }
  if (best !== null) {
    // The last solver died, but what it had found until then is an answer.
    const gap = relativeGap(best.incumbent.objective, best.incumbent.bound);
    const stopped = { status: "feasible", reason: "time-limit", gap } as const;
    return { outcome: { ...best.incumbent, ...stopped, stats: best.stats }, solver: best.solver };
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
    timeLimitSeconds: limit === undefined ? undefined : Math.max(0.01, timeLeft()),
  });
  return { outcome, timeLeft: timeLeft() };
}

function solverOptions(run: Run, known: Incumbent | null): SolveOptions {
  const { options, encoded, reduction } = run;
  const given = options.start === undefined ? null : reduction.lower(options.start);
  const start = known === null ? given : encoded.decode(known.values);
  const scale = encoded.objectiveScale;
  const { onProgress, absoluteGap } = options;
  return {
    relativeGap: options.relativeGap,
    absoluteGap: absoluteGap === undefined ? undefined : absoluteGap * scale,
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
    case "no-solution": {
      const started = startAnswer(run, outcome, solver);
      if (started === null) throw nothingFound(run, outcome.reason);
      return started;
    }
    default:
      return outcome satisfies never;
  }
}

/** Where the solver found nothing in time, the selection that it started from is an answer, if it is one. */
function startAnswer(
  run: Run,
  outcome: Extract<Outcome, { status: "no-solution" }>,
  solver: string,
): Answer | null {
  const { problem, encoded, options } = run;
  const { start } = options;
  if (start === undefined || !isUsable(run, start)) return null;
  const { objective, usage } = checkSelection(problem, start);
  const proven = Number.isFinite(outcome.bound) ? outcome.bound : Number.POSITIVE_INFINITY;
  const bound = Math.max(
    Math.min(proven / encoded.objectiveScale, mostPossible(problem)),
    objective,
  );
  const why = outcome.reason === "interrupted" ? "it was interrupted" : "its time was over";
  run.notes.push(
    `Solver ${solver} had found nothing when ${why}: this is the selection that it started from.`,
  );
  return {
    status: "feasible",
    selection: start,
    objective,
    usage,
    bound,
    gap: relativeGap(objective, bound),
    solver: "start",
    seconds: elapsed(run),
    stats: outcome.stats,
    notes: run.notes,
  };
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
  const { encoded, problem, reduction } = run;
  const selection = reduction.lift(encoded.decode(outcome.values));
  const claimed = outcome.objective / encoded.objectiveScale;
  const { objective, usage } = checkSelection(problem, selection, claimed);
  const proven = Math.min(outcome.bound / encoded.objectiveScale, mostPossible(problem));
  const bound = Math.max(proven, objective);
  const notes = [...run.notes];
  if (outcome.status === "feasible") {
    const why = outcome.reason === "interrupted" ? "it was interrupted" : "its time was over";
    notes.push(`Solver ${solver} stopped before its proof was complete, because ${why}.`);
  }
  return {
    status: outcome.status,
    selection,
    objective,
    usage,
    // The proof holds for the solver's sum of the same numbers, which may be rounded otherwise.
    bound: outcome.gap === 0 ? objective : bound,
    gap: outcome.gap === 0 ? 0 : relativeGap(objective, bound),
    solver,
    seconds: elapsed(run),
    stats: outcome.stats,
    notes,
  };
}

function lifted({ reduction, encoded }: Run, { values }: Incumbent): Selection {
  return reduction.lift(encoded.decode(values));
}

/** Whether what a dying solver left behind, or a start, is a selection within the limits. */
function isUsable({ problem }: Run, selection: Selection): boolean {
  try {
    checkSelection(problem, selection);
    return true;
  } catch (error) {
    if (error instanceof VerificationError) return false;
    throw error;
  }
}

function elapsed(run: Run): number {
  return (performance.now() - run.began) / 1000;
}
