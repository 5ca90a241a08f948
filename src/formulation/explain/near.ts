import { buildFactors } from "../presolve/factors/build-factors.ts";
import { restrict } from "../presolve/factors/restrict.ts";
import { searchMultipliers } from "../presolve/multipliers/search.ts";
import { roundingOf, SearchStopped, startSearch } from "../presolve/search-state.ts";
import { type Remains, remainsOf } from "../presolve/shrinking/remains.ts";
import { reachingStates } from "../presolve/sweeps/marginals.ts";
import { eliminationOrder } from "../presolve/sweeps/order.ts";
import { makePlan } from "../presolve/sweeps/plan.ts";
import { sweepAgain } from "../presolve/sweeps/sweep-at.ts";
import type { Problem } from "../problem/problem.ts";

/** What the bound of a problem says of the selections that are not the best. */
export interface Neighbourhood {
  /** Slope of the bound at each limit: objective per unit. 0 where it doesn't bind. */
  readonly multipliers: readonly number[];
  /** No selection within the limits earns more. */
  readonly bound: number;
  /** Every choice that a selection within the limits that earns at least `least` may have. */
  readonly earning: (least: number) => Remains;
}

const MOST_SWEEPS = 60;

/**
 * Relaxes the limits with multipliers, as the presolve does, and keeps the tables: a choice's max-marginal bounds
 * every selection that has it. Null where it has to stop. Only for problems that the presolve can handle.
 */
export async function neighbourhoodOf(
  problem: Problem,
  mustStop: () => boolean,
): Promise<Neighbourhood | null> {
  const graph = buildFactors(problem);
  const plan = makePlan(graph, eliminationOrder(graph));
  const search = startSearch(problem, graph, { mustStop });
  const start = problem.resources.map(() => 0);
  try {
    const searched = await searchMultipliers(plan, search, { maxSweeps: MOST_SWEEPS, start });
    const { multipliers, bound, total } = await sweepAgain(plan, search, searched);
    const rounding = roundingOf(search, multipliers);
    return {
      multipliers,
      bound,
      earning: (least) => {
        const keep = reachingStates(plan, total, least - rounding - (bound - total));
        return remainsOf(problem, restrict(graph, keep));
      },
    };
  } catch (error) {
    if (error instanceof SearchStopped) return null;
    throw error;
  }
}
