import { at } from "../../core/at.ts";
import { bestWithin, type LabelQuestion } from "./labels/labels.ts";
import { type Roof, roofsAround, workOfRoofs } from "./labels/roofs.ts";
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

/** How far label setting may go, in labels. */
interface Effort {
  /** Without roofs, before a better point is looked for, in that search, and after it. */
  readonly plain: number;
  readonly first: number;
  readonly beam: number;
  readonly last: number;
}

const OF_ONE_LIMIT: Effort = { plain: 1e6, first: 1e5, beam: 2e6, last: 1.6e7 };
/** With several limits every label is compared with many. */
const OF_SEVERAL: Effort = { plain: 1e5, first: 1e5, beam: 4e5, last: 4e5 };
/** What a sub-grid proves of itself is worth nothing, its points are. */
const OF_SUB_GRID: Effort = { plain: 1e5, first: 1e5, beam: 2e5, last: 2e5 };

function effortOf(search: SearchState, isSubGrid: boolean): Effort {
  if (limitedResources(search).length > 1) return OF_SEVERAL;
  return isSubGrid ? OF_SUB_GRID : OF_ONE_LIMIT;
}
/** Labels per choice in the search for a better point. */
const BEAM_WIDTH = 64;
/** Cells that sweeps for roofs may look at where they are not yet known to be of use: some milliseconds. */
const LIGHT_ROOFS = 4e6;
/** So many cells of a sweep take as long as a label. */
const CELLS_PER_LABEL = 200;

/**
 * Looks through all that may lie between the bound and the best known, under roofs where they cost no more than what was looked
 * through without. Where that is too much, a beam (the best few labels of each choice) finds a better point, by which more can be removed;
 * then once more.
 *
 * @returns the plan whose tables are filled now
 */
export async function settle(
  search: SearchState,
  searched: Searched,
  isSubGrid: boolean,
): Promise<Searched> {
  if (isClosed(search, searched)) return searched;
  const { plain, first, beam, last } = effortOf(search, isSubGrid);
  const work = workOfRoofs(searched.plan);
  let look: Look = { roofs: [], ceiling: searched.found.bound };
  if (work > LIGHT_ROOFS) {
    look = await lookThrough(search, searched, look, Math.min(plain, work / CELLS_PER_LABEL));
    if (search.isProven) return searched;
  }
  if (work < Number.POSITIVE_INFINITY) {
    look = { ...look, roofs: await roofsAround(search, searched) };
    look = await lookThrough(search, searched, look, first);
    if (search.isProven) return searched;
  }
  const before = search.incumbent;
  await lookAlongBeam(search, searched, look, beam);
  if (search.incumbent === before) {
    await lookThrough(search, searched, look, last);
    return searched;
  }
  const again = await narrow(search, eliminationOrder(search.graph), searched.found.multipliers);
  if (isClosed(search, again)) return again;
  const roofs = look.roofs.length === 0 ? [] : await roofsAround(search, again);
  await lookThrough(search, again, { ...look, roofs }, last);
  return again;
}

/** What a search for the best point goes by. */
interface Look {
  readonly roofs: readonly Roof[];
  /** No point is worth more, as far as has been looked. */
  readonly ceiling: number;
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
  { roofs, ceiling }: Look,
  maxLabels: number,
): Promise<Look> {
  const limited = limitedResources(search);
  const priced = limited.filter((r) => at(found.multipliers, r) > 0);
  const rounding = roundingOf(search, found.multipliers);
  let top = ceiling;
  for (const resources of priced.length < limited.length ? [priced, limited] : [limited]) {
    if (resources.length === 0) continue;
    const limits = search.limits.map((limit, r) => (resources.includes(r) ? limit : NO_LIMIT));
    const answer = await bestWithin({
      ...questionOf(search, { plan, found }, { roofs, ceiling: top }),
      ...{ limits, resources, maxLabels, width: Number.POSITIVE_INFINITY },
      gap: mostGap(search, { plan, found }) + rounding,
    });
    search.labels += answer.labels;
    if (answer.kind === "stopped") {
      top = Math.min(top, found.bound - answer.empty);
      continue;
    }
    if (answer.kind === "point") offer(search, plan.graph, answer.point);
    const isBest =
      answer.kind === "none" || worthOfBest(search) >= answer.worth - tieOf(search, rounding);
    search.isProven = search.incumbent !== null && isBest;
    if (search.isProven) break;
  }
  return { roofs, ceiling: top };
}

async function lookAlongBeam(
  search: SearchState,
  searched: Searched,
  look: Look,
  maxLabels: number,
): Promise<void> {
  const answer = await bestWithin({
    ...questionOf(search, searched, look),
    ...{ limits: search.limits, resources: limitedResources(search), width: BEAM_WIDTH },
    maxLabels,
    gap: mostGap(search, searched),
  });
  search.labels += answer.labels;
  if (answer.kind === "point") offer(search, searched.plan.graph, answer.point);
}

type SameInAll = "plan" | "bound" | "multipliers" | "rounding" | "empty" | "roofs" | "rest";

function questionOf(
  search: SearchState,
  { plan, found: { bound, multipliers } }: Searched,
  { roofs, ceiling }: Look,
): Pick<LabelQuestion, SameInAll> {
  const rounding = roundingOf(search, multipliers);
  // A ceiling was found with other sums of the same numbers.
  const empty = Math.max(0, bound - ceiling - 4 * rounding);
  return { plan, bound, multipliers, rounding, empty, roofs, rest: search.rest };
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
