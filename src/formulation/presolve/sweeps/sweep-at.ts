import { type Bound, offer, priceOfLimits, type SearchState } from "../search-state.ts";
import type { Plan } from "./plan.ts";
import { bestPoint, type Point } from "./point.ts";
import { sweep } from "./sweep.ts";

/** A bound, and a point that reaches it. */
export type SweepFound = Bound & { readonly point: Point };

/** Sweeps with these multipliers, and keeps the point it finds where that is the best within the limits. */
export async function sweepAt(
  plan: Plan,
  search: SearchState,
  multipliers: readonly number[],
  gainWeight: 0 | 1 = 1,
): Promise<SweepFound> {
  await search.rest();
  search.last = null;
  const total = await sweep(plan, { gainWeight, multipliers }, search.rest);
  search.sweeps += 1;
  const point = bestPoint(plan);
  offer(search, plan.graph, point);
  const found = { multipliers, bound: total + priceOfLimits(search, multipliers), total };
  search.last = gainWeight === 1 ? { plan, found } : null;
  if (gainWeight === 1) search.multipliers = multipliers;
  return { ...found, point };
}

/** Makes the plan's tables those of a bound that was found with it. */
export async function sweepAgain(
  plan: Plan,
  search: SearchState,
  { multipliers }: Bound,
): Promise<Bound> {
  const { last } = search;
  const isThere =
    last?.plan === plan && last.found.multipliers.every((each, r) => each === multipliers[r]);
  return isThere ? last.found : await sweepAt(plan, search, multipliers);
}
