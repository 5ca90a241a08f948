import { InterruptedError, LimitError } from "../../core/errors.ts";
import type { SolveStats } from "../../mip/solver.ts";
import { relativeGap } from "../../mip/solver.ts";
import { exactPresolve } from "../presolve/presolve.ts";
import { checkSelection, mostPossible } from "../problem/evaluate.ts";
import type { Problem, Selection } from "../problem/problem.ts";
import { checkProblem } from "../problem/problem-check.ts";
import type { Answer, SolveProblemOptions, SolverList } from "../solve/answer.ts";
import { InfeasibleLimitsError } from "../solve/answer.ts";
import { solveProblem } from "../solve/solve-problem.ts";
import { withoutDrops } from "./channels-only.ts";
import { thresholdOptions } from "./global-threshold.ts";
import { linearLatency, type SolveKnapsack } from "./linear-latency.ts";
import { keeping } from "./meter.ts";
import { type Method, type MethodAnswer, methodText, type OwnModel } from "./method.ts";
import { uniformOptions } from "./uniform.ts";
import type { WrittenAxes } from "./written-axes.ts";

export interface RunMethodOptions extends SolveProblemOptions {
  /** What each operation writes; only `linear-latency` asks. */
  readonly written: WrittenAxes;
  /** Whether `linear-latency` may use its own limits differently, so that its true usage comes close to the problem's. */
  readonly isMatched: boolean;
}

/**
 * A subnet by one of the methods, within the limits by the problem's own tables.
 *
 * @throws InfeasibleError `formulation/method-infeasible`, `formulation/infeasible`; LimitError `formulation/no-answer-in-time`;
 * and what `solveProblem` throws
 */
export async function runMethod(
  problem: Problem,
  method: Method,
  solvers: SolverList,
  options: RunMethodOptions,
): Promise<MethodAnswer> {
  const began = performance.now();
  const done = (selection: Selection, notes: readonly string[]): Answer =>
    baselineAnswer(problem, { selection, method, notes, began });
  switch (method.name) {
    case "mdp":
      return { method, answer: await solveProblem(problem, solvers, options), own: null };
    case "channels-only":
      return { method, answer: await channelsOnly(problem, solvers, options), own: null };
    case "uniform": {
      checkProblem(problem);
      return { method, answer: done(keeping(uniformOptions(problem)), []), own: null };
    }
    case "global-threshold": {
      checkProblem(problem);
      return { method, answer: done(keeping(thresholdOptions(problem)), []), own: null };
    }
    case "linear-latency": {
      checkProblem(problem);
      const { run, own } = await linearLatency(problem, {
        written: options.written,
        steps: method.steps,
        isMatched: options.isMatched,
        solveKnapsack: knapsackSolver(solvers, options),
      });
      return { method, answer: done(run.selection, ownModelNotes(problem, own)), own };
    }
    default:
      return method.name satisfies never;
  }
}

async function channelsOnly(
  problem: Problem,
  solvers: SolverList,
  options: SolveProblemOptions,
): Promise<Answer> {
  const answer = await solveProblem(withoutDrops(problem), solvers, options);
  checkSelection(problem, answer.selection, answer.objective);
  return {
    ...answer,
    notes: [...answer.notes, "Method channels-only: the proof is over subnets that drop nothing."],
  };
}

/** The presolve alone proves a knapsack nearly always; where it doesn't, the solvers do. */
function knapsackSolver(solvers: SolverList, options: SolveProblemOptions): SolveKnapsack {
  const { signal, timeLimitSeconds = Number.POSITIVE_INFINITY } = options;
  const end = performance.now() + 1000 * timeLimitSeconds;
  const mustStop = (): boolean => signal?.aborted === true || performance.now() > end;
  return async (knapsack) => {
    if (mustStop()) throw stopped(knapsack.name, signal?.aborted === true);
    if (!canMeetLimits(knapsack)) return null;
    const reduced = await exactPresolve(knapsack, { mustStop });
    if (reduced.isProven && reduced.known !== null) return reduced.known;
    try {
      return (await solveProblem(knapsack, solvers, { signal })).selection;
    } catch (error) {
      if (error instanceof InfeasibleLimitsError) return null;
      throw error;
    }
  };
}

/** Half a run of steps is no answer. */
function stopped(where: string, isInterrupted: boolean): Error {
  const message = "Method linear-latency was stopped before its last step.";
  return isInterrupted
    ? new InterruptedError({ code: "formulation/interrupted", message, where })
    : new LimitError({
        code: "formulation/no-answer-in-time",
        message,
        where,
        hint: "Allow more time (--time-limit), or fewer steps.",
      });
}

/** Each limit by itself: the cheapest option of every dim. */
function canMeetLimits({ terms, resources }: Problem): boolean {
  return resources.every(({ limit, penalty }, resource) => {
    const least = terms.reduce((sum, { cost }) => {
      const table = cost[resource] ?? null;
      return table === null ? sum : sum + table.reduce((a, b) => Math.min(a, b));
    }, 0);
    return (penalty ?? null) !== null || least <= limit * (1 + 1e-9);
  });
}

interface Baseline {
  readonly selection: Selection;
  readonly method: Method;
  readonly notes: readonly string[];
  readonly began: number;
}

const NO_EFFORT: SolveStats = { seconds: 0, nodes: 0, lpIterations: 0, memoryBytes: 0 };

/** An answer that proves nothing: its bound is what every table could earn at its best. */
function baselineAnswer(problem: Problem, { selection, method, notes, began }: Baseline): Answer {
  const { objective, usage } = checkSelection(problem, selection);
  const bound = Math.max(objective, mostPossible(problem));
  const name = methodText(method);
  return {
    status: "feasible",
    selection,
    objective,
    usage,
    bound,
    gap: relativeGap(objective, bound),
    solver: name,
    seconds: (performance.now() - began) / 1000,
    stats: NO_EFFORT,
    presolve: null,
    notes: [`Method ${name}: a baseline, which proves nothing.`, ...notes],
  };
}

/** What the method predicted and what it truly takes. */
function ownModelNotes({ resources }: Problem, own: OwnModel): string[] {
  const { asPublished } = own;
  return resources.flatMap(({ name, unit, limit, penalty }, resource) => {
    if ((penalty ?? null) !== null || !Number.isFinite(limit)) return [];
    const amount = (value: number | undefined): string =>
      `${Number((value ?? Number.NaN).toPrecision(5))} ${unit}`;
    const published =
      asPublished === null
        ? `With the limit as its own it finds nothing, because its model sees inputs as they were.`
        : `With the limit as its own, its model predicted ${amount(asPublished.ownUsage[resource])} of ${name}; truly it takes ${amount(asPublished.usage[resource])}.`;
    const isMoved = own.limits[resource] !== limit;
    return isMoved
      ? [
          `${published} Here its own limit is ${amount(own.limits[resource])}, so that what it truly takes fits; its model says ${amount(own.usage[resource])}.`,
        ]
      : [published];
  });
}
