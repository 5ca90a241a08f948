import { at as entryAt } from "../../../core/at.ts";
import type { Searched } from "../narrow.ts";
import { NO_LIMIT, type SearchState } from "../search-state.ts";
import type { Bucket, Plan } from "../sweeps/plan.ts";
import { sweepAt } from "../sweeps/sweep-at.ts";

/**
 * What a sweep with other multipliers proves of the points that a label can still become. With V and V' the maxima of the two sweeps,
 * m and m' their multipliers, a point's losses to them are
 *
 *     loss'(x) = loss(x) + V' - V + (m' - m) cost(x)
 *
 * and so are the losses of what is chosen so far, with another constant: of all labels of one choice of the needed variables, what the
 * rest can add at most is the same,
 *
 *     loss' = loss + base + (m' - m) cost
 *
 * A point at most `reach` below the bound has loss' <= bound' - bound + reach. Near the optimal multipliers this says little more than
 * loss <= reach; away from them it removes labels that have spent too much, or too little, for what is still open.
 */
export interface Roof {
  readonly multipliers: readonly number[];
  /** The bound that they prove. */
  readonly bound: number;
  /** The plan's buckets, in its order, with the tables of that sweep. */
  readonly buckets: readonly Bucket[];
}

/** A label is of use as long as loss + base + sum over r of slopes[r] * cost[r] <= room. */
export interface RoofLine {
  readonly room: number;
  /** Per priced resource. */
  readonly slopes: Float64Array;
}

/** Multipliers of the roofs, as parts of the best ones. */
const SCALES = [0.7, 0.85, 1.15, 1.4];
/** Numbers that the tables of all roofs may hold together. */
const MOST_MEMORY = 2e7;

/** Cells that the sweeps of all roofs look at; Infinity where their tables would be too large. */
export function workOfRoofs({ buckets }: Plan): number {
  let memory = 0;
  let work = 0;
  for (const { slots, message, size } of buckets) {
    for (const { table } of slots) memory += table.length;
    work += message.length * size;
  }
  return SCALES.length * memory > MOST_MEMORY ? Number.POSITIVE_INFINITY : SCALES.length * work;
}

/** Sweeps with multipliers around those of the plan's last sweep, which is made again at the end. */
export async function roofsAround(
  search: SearchState,
  { plan, found: { multipliers } }: Searched,
): Promise<Roof[]> {
  const roofs: Roof[] = [];
  for (const scale of SCALES) {
    // No multiplier is above a soft limit's penalty, no sum of a group's above theirs.
    const scaled = multipliers.map((each, r) => {
      const { penalty, group } = search.limits[r] ?? NO_LIMIT;
      return group === null ? Math.min(scale * each, penalty) : Math.min(scale, 1) * each;
    });
    const { bound } = await sweepAt(plan, search, scaled);
    roofs.push(roofOf(plan, scaled, bound));
  }
  await sweepAt(plan, search, multipliers);
  return roofs;
}

/** Of the sweep that the plan's tables hold now. */
export function roofOf(plan: Plan, multipliers: readonly number[], bound: number): Roof {
  const buckets = plan.buckets.map((bucket) => ({
    ...bucket,
    slots: bucket.slots.map((slot) => ({ ...slot, table: slot.table.slice() })),
  }));
  return { multipliers, bound, buckets };
}

/**
 * What labels of points at most `reach` below the bound hold to.
 *
 * @param resources the priced ones
 * @param slack room for rounding errors
 */
export function lineOf(
  roof: Roof,
  of: { readonly bound: number; readonly multipliers: readonly number[] },
  resources: readonly number[],
  reach: number,
  slack: number,
): RoofLine {
  const slopes = resources.map((r) => entryAt(roof.multipliers, r) - entryAt(of.multipliers, r));
  return { room: roof.bound - of.bound + reach + slack, slopes: Float64Array.from(slopes) };
}
