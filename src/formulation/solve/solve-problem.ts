import { InternalError } from "../../core/errors.ts";
import {
  type Incumbent,
  type Outcome,
  relativeGap,
  type SolveOptions,
  type SolveStats,
} from "../../mip/solver.ts";
import { encode } from "../encoding/encode.ts";
import { exactPresolve } from "../presolve/presolve.ts";
import { noReduction, type Reduction } from "../presolve/reduction.ts";
import type { Problem, Selection } from "../problem/problem.ts";
import { checkProblem } from "../problem/problem-check.ts";
import {
  type Answer,
  InfeasibleLimitsError,
  type SolveProblemOptions,
  type SolverList,
} from "./answer.ts";
import { conclude, concludeProven, concludeUnasked, infeasible } from "./conclude.ts";
import {
  type Asked,
  type Case,
  checkedOrNull,
  elapsed,
  knownOf,
  type Run,
  whyOver,
} from "./solve-run.ts";
import { solvePromising, solveWatched } from "./watchdog.ts";

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
  const reduction = await reduce(problem, solvers, options, began);
  const why = whyOver(options, began);
  const given = why === "interrupted" ? null : startOf(problem, reduction, options.start);
  const known = knownOf(problem, reduction.known, given);
  const notes = [...reduction.notes];
  const unasked: Case = { problem, reduction, known, solvers, options, began, notes };
  if (why !== null) return concludeUnasked(unasked, why);
  if (options.certify === false && reduction.isProven && known !== null) {
    return concludeProven(unasked, known);
  }
  // A certificate is all search.
  const encoded = encode(reduction.problem, reduction.isProven);
  options.onModel?.(encoded.model);
  const run: Run = { ...unasked, encoded };
  const { outcome, solver } = await askInTurn(run);
  return conclude(run, outcome, solver);
}

/** Nothing beats a proven optimum, so that a search for a start is then left out. */
function startOf(
  problem: Problem,
  { isProven }: Reduction,
  start: SolveProblemOptions["start"],
): Selection | null {
  if (typeof start !== "function") return start ?? null;
  return isProven ? null : start(problem);
}

async function reduce(
  problem: Problem,
  solvers: SolverList,
  options: SolveProblemOptions,
  began: number,
): Promise<Reduction> {
  if (options.presolve === false) return noReduction(problem);
  const mustStop = (): boolean => whyOver(options, began) !== null;
  try {
    return await (options.presolve ?? exactPresolve)(problem, { mustStop });
  } catch (error) {
    const isBare = error instanceof InfeasibleLimitsError && error.nearest.length === 0;
    throw isBare ? await infeasible(problem, solvers, options, began) : error;
  }
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
    return { outcome, solver: run.solvers.at(-1)?.name ?? "presolve" };
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
  const timeLimitSeconds = secondsFor(run, timeLeft());
  const options = { ...solverOptions(run, known), timeLimitSeconds };
  const { model } = run.encoded;
  const outcome = await (run.reduction.isProven
    ? solvePromising(solver, model, options)
    : solveWatched(solver, model, options));
  return { outcome, timeLeft: timeLeft() };
}

/**
 * A certificate of what is proven already is not worth waiting for without end: in seconds, several times what the proof took, between
 * bounds that a loaded machine keeps too.
 */
const CERTIFICATE = { least: 5, most: 10, times: 6 } as const;

function secondsFor(run: Run, timeLeft: number): number | undefined {
  const { reduction, options } = run;
  if (reduction.isProven) {
    const worth = Math.max(CERTIFICATE.least, CERTIFICATE.times * elapsed(run));
    return Math.max(0.01, Math.min(timeLeft, worth, CERTIFICATE.most));
  }
  return options.timeLimitSeconds === undefined ? undefined : Math.max(0.01, timeLeft);
}

function solverOptions(run: Run, known: Incumbent | null): SolveOptions {
  const { options, encoded, reduction } = run;
  const given = run.known === null ? null : reduction.lower(run.known.selection);
  const start = known === null ? given : encoded.decode(known.values);
  const scale = encoded.objectiveScale;
  const { onProgress } = options;
  // A bound less than a worthStep above a selection proves it the best.
  const grainGap = reduction.worthStep === 0 ? undefined : 0.9 * reduction.worthStep;
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

/** Whether a point that a dying solver left behind stands for a selection within the limits. */
function isUsable(run: Run, incumbent: Incumbent): boolean {
  const selection = run.reduction.lift(run.encoded.decode(incumbent.values));
  return checkedOrNull(run.problem, selection) !== null;
}
