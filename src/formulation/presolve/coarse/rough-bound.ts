import type { FactorGraph } from "../factors/factors.ts";
import { priceOfLimits, roundingOf, type SearchState } from "../search-state.ts";
import { eliminationOrder } from "../sweeps/order.ts";
import { makePlan } from "../sweeps/plan.ts";
import { sweep } from "../sweeps/sweep.ts";
import { levelsOf } from "./groups.ts";

const MOST_LEVELS = 8;
/** Combinations of the sweep: some ten milliseconds. */
const MOST_WORK = 1e7;

/**
 * A bound for a graph that no sweep has looked at yet: one sweep over large groups of its states, at the multipliers that are
 * known. Infinity where even that would take long.
 */
export async function roughBound(full: FactorGraph, search: SearchState): Promise<number> {
  const { multipliers } = search;
  const coarsest = levelsOf(full, multipliers, MOST_LEVELS).at(-1)?.graph ?? full;
  const order = eliminationOrder(coarsest);
  if (order.size.work > MOST_WORK) return Number.POSITIVE_INFINITY;
  const plan = makePlan(coarsest, order);
  const total = await sweep(plan, { gainWeight: 1, multipliers: [] }, async () => {});
  return total + priceOfLimits(search, multipliers) + roundingOf(search, multipliers);
}
