import { InfeasibleError, MdpError } from "../../core/errors.ts";
import { relativeGap } from "../../mip/solver.ts";
import { evaluate } from "../problem/evaluate.ts";
import type { Problem } from "../problem/problem.ts";
import { type Answer, InfeasibleLimitsError } from "../solve/answer.ts";
import {
  chord,
  type Line,
  meanAt,
  type Region,
  type RobustBudget,
  regionOf,
  tangent,
} from "./region.ts";
import { leastTime, type VarianceTable, varianceProblem, withLines } from "./robust-problem.ts";

/** How a problem is solved; each call gets its own share of the time. */
export type SolveOne = (problem: Problem) => Promise<Answer>;

export interface RobustAnswer {
  /** Usage as of the problem that was asked about: resource 0 is the mean. */
  readonly answer: Answer;
  readonly meanMs: number;
  /** Square milliseconds. */
  readonly variance: number;
  /** What the selection takes at most, with the budget's probability. */
  readonly quantileMs: number;
  /** Programs that were solved. */
  readonly programs: number;
}

/** Intervals of means narrower than this share of the budget are not cut again. */
const NARROW = 1e-9;
const MOST_PROGRAMS = 60;
const ROUNDING = 1e-9;

/** A selection with its answer and how it stands to the budget. */
interface Found {
  readonly answer: Answer;
  readonly meanMs: number;
  readonly variance: number;
  readonly quantileMs: number;
}

interface Search {
  readonly region: Region;
  readonly solve: (lines: readonly Line[]) => Promise<Found | null>;
  best: Found | null;
  /** Programs may still be asked. */
  readonly goesOn: () => boolean;
}

/**
 * The best selection whose time (resource 0) keeps the budget with its probability. Exact: the selections that do are a
 * union of linear programs' over intervals of their mean time, which are cut where the best selection of an interval breaks
 * the budget, the most promising interval first. What no interval can beat is proven.
 *
 * @throws InfeasibleError `formulation/robust-infeasible` with what the fastest selection takes; and as `solve`
 */
export async function solveRobust(
  problem: Problem,
  variances: readonly VarianceTable[],
  budget: RobustBudget,
  solve: SolveOne,
): Promise<RobustAnswer> {
  const region = regionOf(budget);
  const counting = varianceProblem(problem, variances);
  const seconds = { spent: 0 };
  let programs = 0;
  let stopped: MdpError | null = null;
  const find = (answer: Answer): Found => {
    const meanMs = evaluate(problem, answer.selection).usage[0] ?? Number.NaN;
    const variance = evaluate(counting, answer.selection).usage[0] ?? Number.NaN;
    const quantileMs = meanMs + Math.hypot(region.k * meanMs, region.z * Math.sqrt(variance));
    return { answer, meanMs, variance, quantileMs };
  };
  const search: Search = {
    region,
    best: null,
    goesOn: () => stopped === null && programs < MOST_PROGRAMS,
    solve: async (lines) => {
      programs += 1;
      try {
        const answer = await solve(withLines(problem, variances, lines));
        seconds.spent += answer.seconds;
        return find(answer);
      } catch (error) {
        if (error instanceof InfeasibleLimitsError) return null;
        if (!(error instanceof MdpError) || search.best === null) throw error;
        stopped = error;
        return null;
      }
    },
  };
  const open = region.k < 1 ? await byChords(search) : await byTangents(search);
  if (search.best === null) throw await infeasible(problem, budget, solve, find);
  const { answer, ...times } = search.best;
  const bound = Math.max(answer.objective, open);
  const gap = relativeGap(answer.objective, bound);
  return {
    ...times,
    programs,
    answer: {
      ...answer,
      status: gap === 0 ? "optimal" : "feasible",
      usage: evaluate(problem, answer.selection).usage,
      bound,
      gap,
      seconds: seconds.spent,
    },
  };
}

function keeps({ limit }: Region, { quantileMs }: Found): boolean {
  return quantileMs <= limit * (1 + ROUNDING);
}

/** Remembers a selection that keeps the budget. */
function keep(search: Search, found: Found): void {
  const isBetter =
    found.answer.objective > (search.best?.answer.objective ?? Number.NEGATIVE_INFINITY);
  if (isBetter) search.best = found;
}

interface Interval {
  readonly low: number;
  readonly high: number;
  /** No selection with a mean in it earns more. */
  readonly bound: number;
}

/** Searches by intervals of the mean; returns what no selection that was not looked at earns more than. */
async function byChords(search: Search): Promise<number> {
  let open: readonly Interval[] = [
    { low: 0, high: search.region.most, bound: Number.POSITIVE_INFINITY },
  ];
  let closed = Number.NEGATIVE_INFINITY;
  for (;;) {
    const [next, ...others] = [...open].sort((a, b) => b.bound - a.bound);
    if (next === undefined || next.bound <= objectiveOf(search)) return closed;
    if (!search.goesOn()) {
      if (search.best === null) await insideOnly(search, next);
      return Math.max(closed, next.bound);
    }
    const looked = await lookAt(search, next);
    closed = Math.max(closed, looked.closed);
    open = [...others, ...looked.open];
  }
}

/** The best of an interval: its bound where that is settled, its parts where it breaks the budget. */
async function lookAt(
  search: Search,
  interval: Interval,
): Promise<{ readonly closed: number; readonly open: readonly Interval[] }> {
  const { region } = search;
  const { low, high } = interval;
  const found = await search.solve([chord(region, low, high)]);
  if (found === null) {
    // Nothing is in it; or the time was over.
    return { closed: search.goesOn() ? Number.NEGATIVE_INFINITY : interval.bound, open: [] };
  }
  const bound = Math.min(interval.bound, found.answer.bound);
  const isKept = keeps(region, found);
  if (isKept) keep(search, found);
  if (isKept || high - low < NARROW * region.limit) return { closed: bound, open: [] };
  const at = cutBetween(interval, meanAt(region, found.variance));
  const parts = [
    { low, high: at, bound },
    { low: at, high, bound },
  ];
  return { closed: Number.NEGATIVE_INFINITY, open: parts };
}

function objectiveOf({ best }: Search): number {
  return best?.answer.objective ?? Number.NEGATIVE_INFINITY;
}

/** Where to cut: where the selection that was found would just keep the budget, or in the middle. */
function cutBetween({ low, high }: Interval, wanted: number): number {
  const margin = 1e-6 * (high - low);
  return wanted > low + margin && wanted < high - margin ? wanted : (low + high) / 2;
}

/** A tangent of a convex region lets in nothing that breaks the budget: an answer, if not the best one. */
async function insideOnly(search: Search, { low, high }: Interval): Promise<void> {
  const found = await search.solve([tangent(search.region, (low + high) / 2)]);
  if (found !== null && keeps(search.region, found)) keep(search, found);
}

/** Where the region itself is convex: outer lines, one more wherever the best selection breaks the budget. */
async function byTangents(search: Search): Promise<number> {
  const { region } = search;
  const lines = [tangent(region, region.most)];
  let bound = Number.POSITIVE_INFINITY;
  while (search.goesOn()) {
    const found = await search.solve(lines);
    if (found === null) return search.goesOn() ? Number.NEGATIVE_INFINITY : bound;
    bound = Math.min(bound, found.answer.bound);
    if (keeps(region, found)) {
      keep(search, found);
      return bound;
    }
    lines.push(tangent(region, Math.max(0, meanAt(region, found.variance))));
  }
  return bound;
}

/** What to tell who asks for too much: the fastest selection, with its quantile. */
async function infeasible(
  problem: Problem,
  { limit, probability }: RobustBudget,
  solve: SolveOne,
  find: (answer: Answer) => Found,
): Promise<InfeasibleError> {
  const fastest = find(await solve(leastTime(problem)));
  const [budget, mean] = [limit, fastest.meanMs].map((ms) => Number(ms.toPrecision(5)));
  const needed = Number((fastest.quantileMs * (1 + 1e-5)).toPrecision(5));
  const per = `${Number((100 * probability).toPrecision(6))} %`;
  return new InfeasibleError({
    code: "formulation/robust-infeasible",
    message: `No subnet keeps ${budget} ms with a probability of ${per}: the fastest is predicted at ${mean} ms, and takes up to ${needed} ms with that probability.`,
    where: problem.name,
    hint: `A budget of ${needed} ms can be kept. Or ask for less certainty, or measure the table on the device.`,
  });
}
