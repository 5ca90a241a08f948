import { at } from "../../core/at.ts";
import { bestWithin } from "./labels/labels.ts";
import { narrow, type Searched } from "./narrow.ts";
import {
  isSoft,
  limitedResources,
  NO_LIMIT,
  offer,
  roundingOf,
  type SearchState,
} from "./search-state.ts";
import { eliminationOrder } from "./sweeps/order.ts";

/** How far label setting may go, in labels, before a better point is looked for, and after. */
interface Effort {
  readonly first: number;
  readonly last: number;
}

const OF_ONE_LIMIT: Effort = { first: 1e6, last: 1.6e7 };
/** With several limits every label is compared with many. */
const OF_SEVERAL: Effort = { first: 1e5, last: 4e5 };
/** Labels per choice in the search for a better point. */
const BEAM_WIDTH = 64;

/**
 * Looks through all that may lie between the bound and the best known. Where that is too much, a beam (the best few labels
 * of each choice) finds a better point, by which more can be removed; then once more.
 *
 * @returns the plan whose tables are filled now
 */
export async function settle(search: SearchState, searched: Searched): Promise<Searched> {
  if (isClosed(search, searched)) return searched;
  const effort = limitedResources(search).length === 1 ? OF_ONE_LIMIT : OF_SEVERAL;
  await lookThrough(search, searched, effort.first);
  if (search.isProven) return searched;
  const before = search.incumbent;
  await lookAlongBeam(search, searched);
  if (search.incumbent === before) {
    await lookThrough(search, searched, effort.last);
    return searched;
  }
  const again = await narrow(search, eliminationOrder(search.graph), searched.found.multipliers);
  if (!isClosed(search, again)) await lookThrough(search, again, effort.last);
  return again;
}

/** Whether nothing can be better than the best known. */
function isClosed(search: SearchState, { found }: Searched): boolean {
  const rounding = roundingOf(search, found.multipliers);
  const gap = search.bound - worthOfBest(search);
  const isWithin = gap <= Math.max(tieOf(search, rounding), search.worthStep - 2 * rounding);
  // Without limits the maximum of a sweep is the answer.
  search.isProven =
    search.incumbent !== null && (isWithin || limitedResources(search).length === 0);
  return search.isProven;
}

/** Worths that differ by no more are one. Where costs are huge, rounding errors could hide a better point. */
function tieOf(search: SearchState, rounding: number): number {
  return Math.min(rounding, 1e-9 * Math.abs(worthOfBest(search)));
}

function worthOfBest({ incumbent }: SearchState): number {
  return incumbent?.worth ?? Number.NEGATIVE_INFINITY;
}

/** Limits without a price rarely bind: the best without them is the best with them, where it meets them. */
async function lookThrough(
  search: SearchState,
  { plan, found }: Searched,
  maxLabels: number,
): Promise<void> {
  const limited = limitedResources(search);
  const priced = limited.filter((r) => at(found.multipliers, r) > 0);
  const rounding = roundingOf(search, found.multipliers);
  for (const resources of priced.length < limited.length ? [priced, limited] : [limited]) {
    if (resources.length === 0) continue;
    const limits = search.limits.map((limit, r) => (resources.includes(r) ? limit : NO_LIMIT));
    const answer = await bestWithin({
      plan,
      limits,
      resources,
      maxLabels,
      rounding,
      bound: found.bound,
      multipliers: found.multipliers,
      gap: mostGap(search, { plan, found }) + rounding,
      width: Number.POSITIVE_INFINITY,
      rest: search.rest,
    });
    search.labels += answer.labels;
    if (answer.kind === "stopped") continue;
    if (answer.kind === "point") offer(search, plan.graph, answer.point);
    const isBest =
      answer.kind === "none" || worthOfBest(search) >= answer.worth - tieOf(search, rounding);
    search.isProven = search.incumbent !== null && isBest;
    if (search.isProven) return;
  }
}

async function lookAlongBeam(search: SearchState, { plan, found }: Searched): Promise<void> {
  const answer = await bestWithin({
    plan,
    limits: search.limits,
    resources: limitedResources(search),
    maxLabels: Number.POSITIVE_INFINITY,
    rounding: roundingOf(search, found.multipliers),
    bound: found.bound,
    multipliers: found.multipliers,
    gap: mostGap(search, { plan, found }),
    width: BEAM_WIDTH,
    rest: search.rest,
  });
  search.labels += answer.labels;
  if (answer.kind === "point") offer(search, plan.graph, answer.point);
}

/** A point that is better than the best known is less than this below the plan's bound; without one, no point loses more. */
function mostGap(search: SearchState, { found }: Searched): number {
  const { gainScale, costScale, limits } = search;
  const scale = limits.reduce((sum, limit, r) => {
    const price = isSoft(limit) ? limit.penalty : at(found.multipliers, r);
    return price === 0 ? sum : sum + price * (at(costScale, r) + Math.abs(limit.most));
  }, gainScale);
  return Math.min(found.bound - worthOfBest(search), 3 * scale);
}
