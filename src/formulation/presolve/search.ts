import type { FactorGraph } from "./factors.ts";
import type { Plan } from "./plan.ts";
import { bestPoint, type Point, sweep } from "./sweep.ts";

/** A complete choice by original states, so that it outlives the graph it was found in. */
export interface Found {
  /** Original state per variable. */
  readonly states: Int32Array;
  readonly gain: number;
  readonly cost: readonly number[];
}

/** What all searches share: the limits, the best choice within them, and when to stop. */
export interface Hunt {
  /** Per resource; Infinity is no limit. With the room for rounding that the checker leaves, so that a bound holds for all it accepts. */
  readonly limits: readonly number[];
  incumbent: Found | null;
  sweeps: number;
  /** The last sweep: whose tables hold what. */
  last: { readonly plan: Plan; readonly found: Bound } | null;
  readonly mustStop: () => boolean;
  /** Every gain is a multiple of this; 0 where there is no such number. */
  readonly grain: number;
  /** Largest gains of all factors, and largest costs per resource, summed: what rounding errors are measured by. */
  readonly gainScale: number;
  readonly costScale: readonly number[];
  /** Lets the rest of the process have its turn. */
  readonly breathe: () => Promise<void>;
}

/** Multipliers with the bound that they prove, and what the plan's sweep with them returned. */
export interface Bound {
  readonly multipliers: readonly number[];
  /** No point of the graph within the limits gains more. */
  readonly bound: number;
  readonly total: number;
}

export function foundAt(graph: FactorGraph, point: Point): Found {
  const states = Int32Array.from(
    graph.variables,
    (variable, at) => variable.states[point.positions[at] ?? 0] ?? 0,
  );
  return { states, gain: point.gain, cost: point.cost };
}

/** The resources that have a limit, by index. */
export function limitedResources({ limits }: Hunt): number[] {
  return limits.flatMap((limit, r) => (limit === Number.POSITIVE_INFINITY ? [] : [r]));
}

export function isWithinAll(hunt: Hunt, cost: readonly number[]): boolean {
  return hunt.limits.every((limit, r) => (cost[r] ?? 0) <= limit);
}

/** Sweeps with these multipliers, and keeps the point it finds where that is the best within the limits. */
export async function sweepAt(
  plan: Plan,
  hunt: Hunt,
  multipliers: readonly number[],
  gainWeight: 0 | 1 = 1,
): Promise<Bound & { readonly point: Point }> {
  await hunt.breathe();
  hunt.sweeps += 1;
  const total = sweep(plan, { gainWeight, multipliers });
  const point = bestPoint(plan);
  offer(plan.graph, hunt, point);
  const found = { multipliers, bound: boundOf(hunt, total, multipliers), total };
  hunt.last = gainWeight === 1 ? { plan, found } : null;
  return { ...found, point };
}

/** Makes the plan's tables those of a bound that was found with it. */
export async function sweepAgain(plan: Plan, hunt: Hunt, { multipliers }: Bound): Promise<Bound> {
  const { last } = hunt;
  const isThere =
    last?.plan === plan && last.found.multipliers.every((each, r) => each === multipliers[r]);
  return isThere ? last.found : await sweepAt(plan, hunt, multipliers);
}

export function offer(graph: FactorGraph, hunt: Hunt, point: Point): void {
  const isBetter = hunt.incumbent === null || point.gain > hunt.incumbent.gain;
  if (isBetter && isWithinAll(hunt, point.cost)) hunt.incumbent = foundAt(graph, point);
}

export function boundOf(hunt: Hunt, total: number, multipliers: readonly number[]): number {
  return multipliers.reduce(
    (sum, multiplier, r) => (multiplier === 0 ? sum : sum + multiplier * (hunt.limits[r] ?? 0)),
    total,
  );
}

/** Sums of the same numbers in another order differ by less. */
export function roundingOf(hunt: Hunt, multipliers: readonly number[]): number {
  const scale = multipliers.reduce(
    (sum, multiplier, r) =>
      multiplier === 0
        ? sum
        : sum + multiplier * ((hunt.costScale[r] ?? 0) + Math.abs(hunt.limits[r] ?? 0)),
    hunt.gainScale,
  );
  return 2e-12 * scale + Number.MIN_VALUE;
}

/** How far a search may go. */
interface SearchOptions {
  readonly maxSweeps: number;
  /** Where to begin; the multiplier of `resource` may be 0. */
  readonly start: readonly number[];
}

/**
 * The multiplier of one resource with the least bound, the others held. The bound is convex and piecewise linear in it:
 * a point beyond the limit and one within it are two of its lines, and the next multiplier is where they cross, until a
 * sweep there finds nothing above them.
 */
export async function searchMultiplier(
  plan: Plan,
  hunt: Hunt,
  resource: number,
  { maxSweeps, start }: SearchOptions,
): Promise<Bound> {
  const limit = hunt.limits[resource] ?? Number.POSITIVE_INFINITY;
  const at = (multiplier: number): number[] =>
    start.map((each, r) => (r === resource ? multiplier : each));
  /** Lines of the bound: what a point gains after the other resources are paid, and what it costs of this one. */
  const lineOf = ({ gain, cost }: Point): { gain: number; cost: number } => ({
    gain: start.reduce(
      (sum, each, r) => (r === resource ? sum : sum - each * (cost[r] ?? 0)),
      gain,
    ),
    cost: cost[resource] ?? 0,
  });
  let multiplier = start[resource] ?? 0;
  let best: Bound | null = null;
  let over: { gain: number; cost: number } | null = null;
  let within: { gain: number; cost: number } | null = null;
  let stride = 1.5;
  for (let sweeps = 0; sweeps < maxSweeps; sweeps += 1) {
    if (best !== null && hunt.mustStop()) break;
    const now = await sweepAt(plan, hunt, at(multiplier));
    if (best === null || now.bound < best.bound) best = now;
    const line = lineOf(now.point);
    const crossing: number = over && within ? over.gain - multiplier * over.cost : Number.NaN;
    const isWithin = line.cost <= limit;
    if (isWithin) within = line;
    else over = line;
    if (isWithin && multiplier === 0) break;
    const value = line.gain - multiplier * line.cost;
    if (value <= crossing + 1e-12 * Math.abs(value)) break;
    if (over !== null && within !== null) {
      const next = (over.gain - within.gain) / (over.cost - within.cost);
      if (!(next >= 0) || Math.abs(next - multiplier) <= 1e-13 * multiplier) break;
      multiplier = next;
    } else if (within !== null) {
      // Down in growing strides, and to nothing after a few: then the limit doesn't bind.
      multiplier = stride > 1e3 ? 0 : multiplier / stride;
      stride *= stride;
    } else if (multiplier === 0) {
      const least = await sweepAt(
        plan,
        hunt,
        at(1).map((each, r) => (r === resource ? each : 0)),
        0,
      );
      within = lineOf(least.point);
      if (within.cost > limit) break;
      multiplier = Math.max(
        0,
        ((over?.gain ?? 0) - within.gain) / ((over?.cost ?? 1) - within.cost),
      );
    } else {
      multiplier *= stride;
      if (!(multiplier < 1e30)) break;
      stride *= stride;
    }
  }
  return best ?? (await sweepAt(plan, hunt, at(multiplier)));
}

/** The multipliers of several resources, one after another in turn: not the least bound there is, but always a bound. */
export async function searchMultipliers(
  plan: Plan,
  hunt: Hunt,
  options: SearchOptions,
): Promise<Bound> {
  const limited = limitedResources(hunt);
  const [only] = limited;
  if (only === undefined) return sweepAt(plan, hunt, options.start);
  if (limited.length === 1) return searchMultiplier(plan, hunt, only, options);
  let best: Bound | null = null;
  let least = Number.POSITIVE_INFINITY;
  let { start } = options;
  let left = options.maxSweeps;
  for (let turn = 0; turn < 6 && left > 0 && !hunt.mustStop(); turn += 1) {
    const before = least;
    for (const resource of limited) {
      const began = hunt.sweeps;
      const found: Bound = await searchMultiplier(plan, hunt, resource, {
        maxSweeps: Math.max(1, Math.min(left, 12)),
        start,
      });
      left -= hunt.sweeps - began;
      if (found.bound >= least) continue;
      best = found;
      least = found.bound;
      start = found.multipliers;
    }
    if (before - least <= 1e-6 * Math.abs(least)) break;
  }
  return best ?? sweepAt(plan, hunt, start);
}
