import { at } from "../../core/at.ts";
import type { Problem } from "../problem/problem.ts";
import { axisCounts } from "../problem/problem-axes.ts";
import { roughBound } from "./coarse/rough-bound.ts";
import { descend } from "./descend.ts";
import { buildFactors } from "./factors/build-factors.ts";
import { expandSums } from "./factors/expand-sums.ts";
import { type FactorGraph, statesOf } from "./factors/factors.ts";
import { isLinear, usedSums } from "./factors/plan-sums.ts";
import { findFeasible, LIGHT_WORK, removeBelow } from "./narrow.ts";
import { noReduction, type Presolve, type PresolveContext, type Reduction } from "./reduction.ts";
import { type Incumbent, type SearchState, SearchStopped, startSearch } from "./search-state.ts";
import { foldTriangles } from "./shrinking/fold.ts";
import { remainsOf } from "./shrinking/remains.ts";
import { selectionOf, shrink } from "./shrinking/shrink.ts";
import { eliminationOrder, type Order } from "./sweeps/order.ts";

/** Numbers that the tables may hold together, and combinations that a sweep of the whole graph may look at. */
const MOST_MEMORY = 4e7;
const MOST_WORK = 2e10;
/** Cells of the table that ties a sum in a block to its parts. */
const LARGEST_SUM = 8e6;

/**
 * Removes every choice that can't be in a better selection than one that it finds on the way, and usually finds the best
 * selection itself. The limits are relaxed with multipliers; what is left is maximised exactly by dynamic programming
 * over an elimination order (plan.ts), which bounds every selection (search.ts) and, per choice, every selection that
 * has it (marginals.ts). Label setting then looks through what may lie between the bound and the best known (labels.ts).
 *
 * Problems whose elimination order needs tables too large are returned as they are, with a note.
 *
 * @throws InfeasibleLimitsError `formulation/infeasible`: with the nearest limit where there is one, and without where there are several
 */
export async function exactPresolve(
  problem: Problem,
  context: PresolveContext,
): Promise<Reduction> {
  return presolvePrepared(problem, prepare(problem), context);
}

/** As `exactPresolve`, for many problems in turn that differ in their limits alone: what doesn't depend on them is kept. */
export function rememberingPresolve(): Presolve {
  let last: { readonly problem: Problem; readonly prepared: Prepared } | null = null;
  return (problem, context) => {
    const isSame = last !== null && differsInLimitsAlone(last.problem, problem);
    const prepared = isSame && last !== null ? last.prepared : prepare(problem);
    last = { problem, prepared };
    return presolvePrepared(problem, prepared, context);
  };
}

function differsInLimitsAlone(one: Problem, other: Problem): boolean {
  return (
    one.resources.length === other.resources.length &&
    (["dims", "sums", "blocks", "layers", "exclusiveLayers", "terms"] as const).every(
      (list) => one[list] === other[list],
    )
  );
}

/** What doesn't depend on the limits: the factors and their order; or only how large the tables would be. */
type Prepared =
  | { readonly full: FactorGraph; readonly order: Order }
  | { readonly full: null; readonly cells: number };

/** Products of dims as variables of their own, or tables over the dims themselves: what a sweep has less work with. */
function prepare(problem: Problem): Prepared {
  const plain = prepareAs(problem);
  if (plain.full !== null && plain.order.size.work <= LIGHT_WORK) return plain;
  const expanded = expandSums(problem);
  if (expanded === null) return plain;
  const other = prepareAs(expanded);
  if (other.full === null) return plain;
  return plain.full === null || other.order.size.work < plain.order.size.work ? other : plain;
}

function prepareAs(problem: Problem): Prepared {
  const rule = largestSum(problem);
  if (rule > LARGEST_SUM) return { full: null, cells: rule };
  const full = buildFactors(problem);
  const order = eliminationOrder(full);
  const { work, memory } = order.size;
  if (work > MOST_WORK) return { full: null, cells: work };
  return memory > MOST_MEMORY ? { full: null, cells: memory } : { full, order };
}

async function presolvePrepared(
  problem: Problem,
  prepared: Prepared,
  context: PresolveContext,
): Promise<Reduction> {
  if (prepared.full === null) return tooLarge(problem, prepared.cells);
  const { full, order } = prepared;
  const search = startSearch(problem, full, context);
  try {
    await runSearch(problem, full, order, search);
  } catch (error) {
    if (!(error instanceof SearchStopped)) throw error;
    if (search.bound === Number.POSITIVE_INFINITY) search.bound = await roughBound(full, search);
  }
  return reductionOf(problem, full, search);
}

async function runSearch(
  problem: Problem,
  full: FactorGraph,
  order: Order,
  search: SearchState,
): Promise<void> {
  const last = await descend(search, order, () => findFeasible(problem, full, order, search));
  // What is known now may be better than what the removal went by.
  search.graph = removeBelow(last.plan, last.found, search);
}

function reductionOf(problem: Problem, full: FactorGraph, search: SearchState): Reduction {
  const { incumbent, graph, bound, isProven, worthStep, sweeps, labels } = search;
  const shrunk = shrink(withRoundingRoom(problem, incumbent), remainsOf(problem, graph));
  return {
    ...shrunk,
    problem: foldTriangles(shrunk.problem),
    known: incumbent === null ? null : selectionOf(problem, full, incumbent),
    isProven,
    bound,
    worthStep,
    notes: [],
    effort: { sweeps, labels, choices: statesOf(full), choicesLeft: statesOf(graph) },
  };
}

function tooLarge(problem: Problem, cells: number): Reduction {
  const notes = [
    `No presolve: the dims depend on each other so much that its tables would have ${cells.toPrecision(2)} cells.`,
  ];
  return { ...noReduction(problem), notes };
}

/** Cells of the largest table that ties a sum to its parts. */
function largestSum(problem: Problem): number {
  return usedSums(problem).reduce((most, index) => {
    const { left, right, values } = at(problem.sums, index);
    if (isLinear(problem, { kind: "sum", index })) return most;
    const [one, other] = [axisCounts(problem, left).length, axisCounts(problem, right).length];
    return Math.max(most, (one + 1) * (other + 1) * (values.length + 1));
  }, 0);
}

/**
 * A known selection that uses a limit up may exceed it by a rounding error once the same costs are summed in another
 * order; the limit gets room for that, far less than the checker allows. A soft limit needs none.
 */
function withRoundingRoom(problem: Problem, known: Incumbent | null): Problem {
  if (known === null) return problem;
  const resources = problem.resources.map((resource, r) => {
    const { limit, penalty = null } = resource;
    const used = at(known.cost, r);
    const room = 1e-11 * Math.abs(limit);
    const isAtLimit = penalty === null && used > limit - room;
    return isAtLimit ? { ...resource, limit: Math.max(limit, used) + room } : resource;
  });
  return { ...problem, resources };
}
