import { at } from "../../../core/at.ts";
import { NO_LIMIT, priceLeft, type SearchState } from "../search-state.ts";
import type { Plan } from "../sweeps/plan.ts";
import type { Point } from "../sweeps/point.ts";
import { type SweepFound, sweepAt } from "../sweeps/sweep-at.ts";

/** How far a search may go. */
export interface SearchOptions {
  /** At least 1. */
  readonly maxSweeps: number;
  /** Where to begin; the multiplier of `resource` may be 0. */
  readonly start: readonly number[];
}

/** A line of the bound over one multiplier: what a point gains after the other resources are paid, and what it costs of this one. */
interface Line {
  readonly gain: number;
  readonly cost: number;
}

/** The last lines of points beyond the limit and within it. */
interface Ends {
  over: Line | null;
  within: Line | null;
  /** By how much the multiplier moves while one of them is missing. */
  stride: number;
}

/**
 * The multiplier of one resource with the least bound, the others held. The bound is convex and piecewise linear in it:
 * a point beyond the limit and one within it are two of its lines, and the next multiplier is where they cross, until a
 * sweep there finds nothing above them. A soft limit's multiplier ends at its penalty: from there on, exceeding it pays.
 */
export async function searchMultiplier(
  plan: Plan,
  search: SearchState,
  resource: number,
  { maxSweeps, start }: SearchOptions,
): Promise<SweepFound> {
  const { most } = search.limits[resource] ?? NO_LIMIT;
  const penalty = Math.max(0, priceLeft(search.limits, start, resource));
  const lineOf = ({ gain, cost }: Point): Line => ({
    gain: start.reduce((sum, each, r) => (r === resource ? sum : sum - each * at(cost, r)), gain),
    cost: at(cost, resource),
  });
  const sweepWith = (multiplier: number): Promise<SweepFound> =>
    sweepAt(plan, search, start.with(resource, multiplier));
  const ends: Ends = { over: null, within: null, stride: 1.5 };
  let multiplier = Math.min(at(start, resource), penalty);
  let best = await sweepWith(multiplier);
  let now = best;
  for (let sweeps = 1; ; sweeps += 1) {
    const line = lineOf(now.point);
    const isNew = isAbove(line, ends, multiplier);
    ends[line.cost <= most ? "within" : "over"] = line;
    if (!isNew || sweeps >= maxSweeps) break;
    const isUnpriced = ends.within === null && multiplier === 0;
    if (isUnpriced && penalty === Number.POSITIVE_INFINITY) {
      // The cheapest point is the line of a multiplier without end.
      const cheapest = start.map((_, r) => (r === resource ? 1 : 0));
      ends.within = lineOf((await sweepAt(plan, search, cheapest, 0)).point);
    }
    const isHopeless = ends.within !== null && ends.within.cost > most;
    const next = isHopeless ? null : nextMultiplier(ends, multiplier, penalty);
    if (next === null) break;
    multiplier = next;
    now = await sweepWith(multiplier);
    if (now.bound < best.bound) best = now;
  }
  return best;
}

/** Whether a line lies above the crossing of those that are known, at the multiplier where it was found. */
function isAbove({ gain, cost }: Line, { over, within }: Ends, multiplier: number): boolean {
  if (over === null || within === null) return true;
  const value = gain - multiplier * cost;
  return value > over.gain - multiplier * over.cost + 1e-12 * Math.abs(value);
}

/** Null where the least bound is reached. */
function nextMultiplier(ends: Ends, now: number, penalty: number): number | null {
  const { over, within, stride } = ends;
  if (over !== null && within !== null) {
    const crossing = Math.max(0, (over.gain - within.gain) / (over.cost - within.cost));
    const next = Math.min(crossing, penalty);
    return Math.abs(next - now) > 1e-13 * now ? next : null;
  }
  ends.stride = stride * stride;
  if (within !== null) {
    if (now === 0) return null;
    // Down in growing strides, and to nothing after a few: then the limit doesn't bind.
    return stride > 1e3 ? 0 : now / stride;
  }
  const next = now === 0 ? penalty : Math.min(now * stride, penalty);
  return next < 1e30 && next !== now ? next : null;
}
