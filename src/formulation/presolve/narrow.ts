import { at as entryAt } from "../../core/at.ts";
import type { Problem } from "../problem/problem.ts";
import { InfeasibleLimitsError } from "../solve/answer.ts";
import { type FactorGraph, statesOf } from "./factors/factors.ts";
import { restrict } from "./factors/restrict.ts";
import { searchMultipliers } from "./multipliers/search.ts";
import { contradict } from "./multipliers/search-together.ts";
import {
  type Bound,
  isSoft,
  limitedResources,
  priceOfLimits,
  roundingOf,
  type SearchState,
} from "./search-state.ts";
import { reachingStates } from "./sweeps/marginals.ts";
import { eliminationOrder, type Order } from "./sweeps/order.ts";
import { makePlan, type Plan } from "./sweeps/plan.ts";
import { sweepAgain, sweepAt } from "./sweeps/sweep-at.ts";

/** Cells per sweep up to which a search may take as many as it wants. */
export const LIGHT_WORK = 1e6;
const MOST_TURNS = 12;

/** The last plan, and what its last sweep found. */
export interface Searched {
  readonly plan: Plan;
  readonly found: Bound;
}

/**
 * Looks for a point within the hard limits, where none is known, or for the proof that none is: with one hard limit the
 * cheapest point is one or the other.
 *
 * @throws InfeasibleLimitsError `formulation/infeasible`; with the nearest limit where there is one hard limit only
 */
export async function findFeasible(
  problem: Problem,
  full: FactorGraph,
  order: Order,
  search: SearchState,
): Promise<void> {
  const hard = limitedResources(search).filter((r) => {
    const limit = search.limits[r];
    return limit !== undefined && !isSoft(limit);
  });
  if (hard.length === 0 || search.incumbent !== null) return;
  const plan = makePlan(full, order);
  const [only = -1] = hard;
  if (hard.length > 1) {
    if (await contradict(plan, search, hard)) throw new InfeasibleLimitsError(problem.name, []);
    return;
  }
  const cheapest = problem.resources.map((_, r) => (r === only ? 1 : 0));
  const { point } = await sweepAt(plan, search, cheapest, 0);
  if (search.incumbent !== null) return;
  const { name = "", unit = "", limit = 0, reading } = problem.resources[only] ?? {};
  const least = entryAt(point.cost, only);
  throw new InfeasibleLimitsError(problem.name, [
    { resource: name, unit, limit, least, proven: true, othersKept: true, reading },
  ]);
}

/** Search and removal in turns, while a turn removes enough. */
export async function narrow(
  search: SearchState,
  order: Order,
  start: readonly number[],
): Promise<Searched> {
  let from = start;
  for (let turn = 0; ; turn += 1) {
    const now = turn === 0 ? order : eliminationOrder(search.graph);
    const plan = makePlan(search.graph, now);
    // While sweeps are dear a few must do; what they remove makes the next ones cheaper.
    const maxSweeps = now.size.work > LIGHT_WORK ? 2 ** (2 * turn) : 60;
    const searched = await searchMultipliers(plan, search, { maxSweeps, start: from });
    // The tables must be those of the best multipliers again.
    const found = await sweepAgain(plan, search, searched);
    const worth = search.incumbent?.worth ?? Number.NEGATIVE_INFINITY;
    search.bound = Math.min(search.bound, Math.max(found.bound, worth));
    from = found.multipliers;
    const next = removeBelow(plan, found, search);
    const shrinks = statesOf(next) < 0.9 * statesOf(search.graph);
    const isDone = next === search.graph || (!shrinks && maxSweeps > 30);
    if (isDone || turn + 1 === MOST_TURNS) return { plan, found };
    search.graph = next;
  }
}

/** What a sweep with these multipliers gives, at least, for a point that is better than one of this worth. */
export function leastWorth(
  search: SearchState,
  worth: number,
  multipliers: readonly number[],
): number {
  const rounding = roundingOf(search, multipliers);
  // A better point is worth a worthStep more.
  const better =
    worth + (search.worthStep > 4 * rounding ? search.worthStep - 2 * rounding : -rounding);
  return better - priceOfLimits(search, multipliers);
}

/** The plan's graph without the states that no better point has; those of the best known point stay. */
export function removeBelow(plan: Plan, found: Bound, search: SearchState): FactorGraph {
  const { incumbent } = search;
  if (incumbent === null) return plan.graph;
  const least = leastWorth(search, incumbent.worth, found.multipliers);
  const keep = reachingStates(plan, found.total, least);
  plan.graph.variables.forEach(({ states }, variable) => {
    const at = states.indexOf(incumbent.states[variable] ?? -1);
    const flags = keep[variable];
    if (flags !== undefined && at >= 0) flags[at] = 1;
  });
  return restrict(plan.graph, keep);
}
