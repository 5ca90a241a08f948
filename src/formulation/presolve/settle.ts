import { type Hunt, isSoft, limitedResources, NO_LIMIT, offer, roundingOf } from "./hunt.ts";
import { bestWithin } from "./labels/labels.ts";
import { narrow, type Searched } from "./narrow.ts";
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
export async function settle(hunt: Hunt, searched: Searched): Promise<Searched> {
  if (isClosed(hunt, searched)) return searched;
  const effort = limitedResources(hunt).length === 1 ? OF_ONE_LIMIT : OF_SEVERAL;
  await lookThrough(hunt, searched, effort.first);
  if (hunt.isProven) return searched;
  const before = hunt.incumbent;
  await lookAlongBeam(hunt, searched);
  if (hunt.incumbent === before) {
    await lookThrough(hunt, searched, effort.last);
    return searched;
  }
  const again = await narrow(hunt, eliminationOrder(hunt.graph), searched.found.multipliers);
  if (!isClosed(hunt, again)) await lookThrough(hunt, again, effort.last);
  return again;
}

/** Whether nothing can be better than the best known. */
function isClosed(hunt: Hunt, { found }: Searched): boolean {
  const rounding = roundingOf(hunt, found.multipliers);
  const gap = hunt.bound - worthOfBest(hunt);
  const isWithin = gap <= Math.max(tieOf(hunt, rounding), hunt.grain - 2 * rounding);
  // Without limits the maximum of a sweep is the answer.
  hunt.isProven = hunt.incumbent !== null && (isWithin || limitedResources(hunt).length === 0);
  return hunt.isProven;
}

/** Worths that differ by no more are one. Where costs are huge, rounding errors could hide a better point. */
function tieOf(hunt: Hunt, rounding: number): number {
  return Math.min(rounding, 1e-9 * Math.abs(worthOfBest(hunt)));
}

function worthOfBest({ incumbent }: Hunt): number {
  return incumbent?.worth ?? Number.NEGATIVE_INFINITY;
}

/** Limits without a price rarely bind: the best without them is the best with them, where it meets them. */
async function lookThrough(
  hunt: Hunt,
  { plan, found }: Searched,
  maxLabels: number,
): Promise<void> {
  const limited = limitedResources(hunt);
  const priced = limited.filter((r) => (found.multipliers[r] ?? 0) > 0);
  const rounding = roundingOf(hunt, found.multipliers);
  for (const resources of priced.length < limited.length ? [priced, limited] : [limited]) {
    if (resources.length === 0) continue;
    const limits = hunt.limits.map((limit, r) => (resources.includes(r) ? limit : NO_LIMIT));
    const answer = await bestWithin({
      plan,
      limits,
      resources,
      maxLabels,
      rounding,
      bound: found.bound,
      multipliers: found.multipliers,
      gap: mostGap(hunt, { plan, found }) + rounding,
      width: Number.POSITIVE_INFINITY,
      rest: hunt.rest,
    });
    hunt.labels += answer.labels;
    if (answer.kind === "stopped") continue;
    if (answer.kind === "point") offer(hunt, plan.graph, answer.point);
    const isBest =
      answer.kind === "none" || worthOfBest(hunt) >= answer.worth - tieOf(hunt, rounding);
    hunt.isProven = hunt.incumbent !== null && isBest;
    if (hunt.isProven) return;
  }
}

async function lookAlongBeam(hunt: Hunt, { plan, found }: Searched): Promise<void> {
  const answer = await bestWithin({
    plan,
    limits: hunt.limits,
    resources: limitedResources(hunt),
    maxLabels: Number.POSITIVE_INFINITY,
    rounding: roundingOf(hunt, found.multipliers),
    bound: found.bound,
    multipliers: found.multipliers,
    gap: mostGap(hunt, { plan, found }),
    width: BEAM_WIDTH,
    rest: hunt.rest,
  });
  hunt.labels += answer.labels;
  if (answer.kind === "point") offer(hunt, plan.graph, answer.point);
}

/** A point that is better than the best known is less than this below the plan's bound; without one, no point loses more. */
function mostGap(hunt: Hunt, { found }: Searched): number {
  const { gainScale, costScale, limits } = hunt;
  const scale = limits.reduce((sum, limit, r) => {
    const price = isSoft(limit) ? limit.penalty : (found.multipliers[r] ?? 0);
    return price === 0 ? sum : sum + price * ((costScale[r] ?? 0) + Math.abs(limit.most));
  }, gainScale);
  return Math.min(found.bound - worthOfBest(hunt), 3 * scale);
}
