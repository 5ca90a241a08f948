import { at } from "../../../core/at.ts";
import {
  type Bound,
  isSoft,
  type Limit,
  NO_LIMIT,
  roundingOf,
  type SearchState,
} from "../search-state.ts";
import type { Plan } from "../sweeps/plan.ts";
import { type SweepFound, sweepAt } from "../sweeps/sweep-at.ts";
import { createMaster, type Master, type Relief } from "./master.ts";
import type { SearchOptions } from "./search-one.ts";

/** A search ends where the least bound is known to this part of itself. */
const NEAR_ENOUGH = 1e-9;
/** Price of a unit of relative excess of hard limits, in all that can be gained: above every multiplier that is of use. */
const DEAR = 1e4;
/** How far the next multipliers lie from the best so far towards those that the points ask for. */
const STRIDE = 0.5;
const MOST_SWEEPS_FOR_ANY = 60;

/**
 * The multipliers of several resources with the least bound, or nearly so: those that the points found so far ask for, approached
 * from the best so far (Wentges 1997), because the first points know little.
 *
 * @param limited the resources that have a limit
 */
export async function searchTogether(
  plan: Plan,
  search: SearchState,
  limited: readonly number[],
  { maxSweeps, start }: SearchOptions,
): Promise<Bound> {
  const end = search.sweeps + maxSweeps;
  const rows = rowsOf(search, limited);
  const master = createMaster(limited.length, reliefsOf(search, rows), search.gainScale);
  addIncumbent(master, rows, search);
  let best = await sweepAt(plan, search, start);
  addPoint(master, rows, best.point.gain, best.point.cost);
  let last = Number.NEGATIVE_INFINITY;
  while (search.sweeps < end) {
    const { value, duals } = master.solve();
    if (best.bound - value <= NEAR_ENOUGH * Math.abs(best.bound)) break;
    // What the last point didn't change is asked for outright.
    const stride = value === last ? 1 : STRIDE;
    last = value;
    const asked = multipliersOf(rows, duals, start.length);
    const next = best.multipliers.map((each, r) => each + stride * (at(asked, r) - each));
    const found: SweepFound = await sweepAt(plan, search, next);
    addPoint(master, rows, found.point.gain, found.point.cost);
    if (found.bound < best.bound) best = found;
  }
  return best;
}

/**
 * Whether sweeps prove that no point is within all hard limits: a mixture of limits that the cheapest point exceeds.
 * Ends where a point is found, or where a mixture of points is within them all.
 */
export async function contradict(
  plan: Plan,
  search: SearchState,
  hard: readonly number[],
): Promise<boolean> {
  const end = search.sweeps + MOST_SWEEPS_FOR_ANY;
  const rows = rowsOf(search, hard);
  const master = createMaster(hard.length, [{ rows: hard.map((_, row) => row), price: 1 }], 1);
  let weights: readonly number[] = hard.map(() => 1 / hard.length);
  while (search.sweeps < end) {
    const multipliers = multipliersOf(rows, weights, search.limits.length);
    const { point, bound } = await sweepAt(plan, search, multipliers, 0);
    if (search.incumbent !== null) return false;
    if (bound < -roundingOf(search, multipliers)) return true;
    addPoint(master, rows, 0, point.cost);
    const { value, duals } = master.solve();
    if (value > -NEAR_ENOUGH) return false;
    weights = duals;
  }
  return false;
}

/** A limited resource of the small program, whose row counts in shares of `size`. */
interface Row {
  readonly resource: number;
  readonly limit: Limit;
  readonly size: number;
}

function rowsOf({ limits, costScale }: SearchState, resources: readonly number[]): Row[] {
  return resources.map((resource) => {
    const limit = limits[resource] ?? NO_LIMIT;
    return { resource, limit, size: Math.abs(limit.most) || costScale[resource] || 1 };
  });
}

function addPoint(
  master: Master,
  rows: readonly Row[],
  gain: number,
  cost: readonly number[],
): void {
  master.add(
    gain,
    rows.map(({ resource, limit, size }) => (at(cost, resource) - limit.most) / size),
  );
}

/** What it pays for soft limits is in its worth already. */
function addIncumbent(master: Master, rows: readonly Row[], { incumbent }: SearchState): void {
  if (incumbent === null) return;
  const cost = incumbent.cost.slice();
  for (const { resource, limit } of rows) {
    cost[resource] = Math.min(at(cost, resource), limit.most);
  }
  addPoint(master, rows, incumbent.worth, cost);
}

function multipliersOf(
  rows: readonly Row[],
  duals: readonly number[],
  resources: number,
): readonly number[] {
  const multipliers = new Array<number>(resources).fill(0);
  rows.forEach(({ resource, size }, row) => {
    multipliers[resource] = at(duals, row) / size;
  });
  return multipliers;
}

/** Soft limits of one group are bought off together at their penalty, hard ones at a price that nobody pays. */
function reliefsOf({ gainScale }: SearchState, rows: readonly Row[]): Relief[] {
  const groups = new Map<string, { readonly rows: number[]; readonly price: number }>();
  rows.forEach(({ limit, size }, row) => {
    const soft = isSoft(limit);
    const key = soft ? (limit.group ?? `#${row}`) : "";
    const relief = groups.get(key) ?? {
      rows: [],
      // A hair less, so that no sum of multipliers is above the penalty.
      price: soft ? limit.penalty * size * (1 - 1e-12) : DEAR * gainScale,
    };
    relief.rows.push(row);
    groups.set(key, relief);
  });
  return [...groups.values()];
}
