import { at } from "../../core/at.ts";
/**
 * HALP (arXiv 2110.10811): the most important channels within a latency that is linear in the output channels, chosen by a
 * knapsack; at once, or in steps that approach the limit exponentially (arXiv 2006.09081), the tables read again after each.
 */

import { LimitError } from "../../core/errors.ts";
import { evaluate } from "../problem/evaluate.ts";
import type { Problem, Selection } from "../problem/problem.ts";
import { methodInfeasible } from "./infeasible.ts";
import { linearModel } from "./linear-model.ts";
import { fits, keeping, meterOf, widest } from "./meter.ts";
import type { MethodRun, OwnModel } from "./method.ts";
import type { WrittenAxes } from "./written-axes.ts";

/** Solves a knapsack to its optimum; null where nothing meets its limits. */
export type SolveKnapsack = (knapsack: Problem) => Promise<Selection | null>;

export interface LinearLatencyOptions {
  readonly written: WrittenAxes;
  readonly steps: number;
  readonly solveKnapsack: SolveKnapsack;
  /** Whether its own limits are moved until the true usage comes closest to the problem's limits, or only where it exceeds them. */
  readonly isMatched: boolean;
}

/** The run that counts: within the limits by the true tables; and what the method believed. */
export interface LinearLatencyResult {
  readonly run: MethodRun;
  readonly own: OwnModel;
}

/**
 * When the time is over, the best run so far.
 * @throws InfeasibleError `formulation/method-infeasible`; LimitError where there is none yet
 */
export async function linearLatency(
  problem: Problem,
  options: LinearLatencyOptions,
): Promise<LinearLatencyResult> {
  const limits = problem.resources.map(({ limit }) => limit);
  const scaled = (factor: number): number[] => limits.map((limit) => factor * limit);
  const attempt = (factor: number): Promise<MethodRun | null> =>
    runSteps(problem, scaled(factor), options);
  const asPublished = await attempt(1);
  // Where all of it fits there is nothing to come closer to.
  const isDense = asPublished?.selection.options.every(
    (option, dim) => option === (problem.dims[dim]?.counts.length ?? 0) - 1,
  );
  const isFine = asPublished !== null && fits(problem, asPublished.usage);
  const found =
    isFine && (isDense || !options.isMatched)
      ? { run: asPublished, factor: 1 }
      : await closest(problem, attempt, asPublished);
  if (found === null) {
    const narrowest = meterOf(
      problem,
      problem.dims.map(() => 0),
    );
    throw methodInfeasible(problem, "linear-latency", narrowest.usage);
  }
  const own = { usage: found.run.ownUsage, limits: scaled(found.factor), asPublished };
  return { run: found.run, own };
}

interface Found {
  readonly run: MethodRun;
  readonly factor: number;
}

/** Factors that are tried upwards, where the published run leaves room, and downwards, where it has too little. */
const UP = [1.05, 1.15, 1.35, 1.75, 2.5, 4, 8, 16, 64];
const DOWN = [0.95, 0.85, 0.7, 0.5, 0.25, 0.1, 0.03];
const BISECTIONS = 12;
/** Factors this close, relatively, are not told apart. */
const CLOSE = 1e-3;
/** Tried around the best in the end, because more room of its own doesn't always mean more true usage. */
const AROUND = [0.9, 0.93, 0.96, 0.98, 1.02, 1.04, 1.07, 1.1];

/**
 * The best run over factors on its own limits whose true usage is within the problem's. More room of its own means more true
 * usage, by and large: a factor that is too large is looked for, one that isn't, and the space between is halved.
 */
async function closest(
  problem: Problem,
  attempt: (factor: number) => Promise<MethodRun | null>,
  atOne: MethodRun | null,
): Promise<Found | null> {
  let best: Found | null = null;
  const isOver = (factor: number, run: MethodRun | null): boolean => {
    if (run === null) return false;
    if (!fits(problem, run.usage)) return true;
    if (best === null || run.objective > best.run.objective) best = { run, factor };
    return false;
  };
  let isTimeOver = false;
  /** Null, too, once the time is over and a run is at hand. */
  const run = async (factor: number): Promise<MethodRun | null> => {
    if (isTimeOver) return null;
    try {
      return await attempt(factor);
    } catch (error) {
      if (!(error instanceof LimitError) || best === null) throw error;
      isTimeOver = true;
      return null;
    }
  };
  const isOneOver = isOver(1, atOne);
  let [low, high] = [1, 1];
  for (const factor of isOneOver ? DOWN : UP) {
    [low, high] = isOneOver ? [factor, low] : [high, factor];
    if (isOver(factor, await run(factor)) !== isOneOver) break;
  }
  for (let step = 0; step < BISECTIONS && high - low > CLOSE * high; step += 1) {
    const factor = (low + high) / 2;
    if (isOver(factor, await run(factor))) high = factor;
    else low = factor;
  }
  const middle = low;
  for (const part of AROUND) isOver(part * middle, await run(part * middle));
  return best;
}

/** One run with limits of its own; null where a step's model finds nothing within them. */
async function runSteps(
  problem: Problem,
  limits: readonly number[],
  { written, steps, solveKnapsack }: LinearLatencyOptions,
): Promise<MethodRun | null> {
  let options: readonly number[] = widest(problem);
  const dense = meterOf(problem, options).usage;
  let ownUsage = dense;
  for (let step = 1; step <= steps; step += 1) {
    const targets = limits.map((limit, resource) =>
      scheduled(at(dense, resource), limit, step / steps),
    );
    const model = linearModel(problem, written, options, targets);
    const chosen = await solveKnapsack(model.knapsack);
    if (chosen === null) return null;
    ownUsage = model.usage(chosen.options);
    options = chosen.options;
  }
  const selection = keeping(options);
  return { selection, ...evaluate(problem, selection), ownUsage };
}

/** From the dense usage to the limit, by the same factor in every step. */
function scheduled(dense: number, limit: number, share: number): number {
  if (share === 1 || !(dense > limit) || !(limit > 0)) return limit;
  return dense ** (1 - share) * limit ** share;
}
