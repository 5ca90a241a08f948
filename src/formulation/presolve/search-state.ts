import { at as entryAt } from "../../core/at.ts";
import { nextTurn } from "../../core/next-turn.ts";
import type { Problem } from "../problem/problem.ts";
import type { FactorGraph } from "./factors/factors.ts";
import type { PresolveContext } from "./reduction.ts";
import type { Plan } from "./sweeps/plan.ts";
import type { Point } from "./sweeps/point.ts";

/** Just less than what `isWithinLimit` accepts beyond a limit. */
const CHECKERS_ROOM = 0.999e-9;
/** How long the rest of the process waits at most, but for a single table. */
const TURN_MILLISECONDS = 20;

/** A limit as the search sees it. */
export interface Limit {
  /**
   * Infinity is no limit. A hard one has the room for rounding that the checker leaves, so that a bound holds for all it
   * accepts.
   */
  readonly most: number;
  /** What a unit above it takes from a point's worth; Infinity where none is allowed. No multiplier is above it. */
  readonly penalty: number;
  /** Soft limits of one group are paid for once, for the largest excess; null for one by itself. */
  readonly group: string | null;
}

/** No limit at all. */
export const NO_LIMIT: Limit = {
  most: Number.POSITIVE_INFINITY,
  penalty: Number.POSITIVE_INFINITY,
  group: null,
};

/** A complete choice by original states, so that it outlives the graph it was found in. */
export interface Incumbent {
  /** Original state per variable. */
  readonly states: Int32Array;
  /** What it gains, less the penalties of the soft limits that it exceeds. */
  readonly worth: number;
  readonly cost: readonly number[];
}

/** Multipliers with the bound that they prove, and what the plan's sweep with them returned. */
export interface Bound {
  readonly multipliers: readonly number[];
  /** No point of the graph within the limits is worth more. */
  readonly bound: number;
  readonly total: number;
}

/** What all steps of a presolve share: the limits, and what is known so far. */
export interface SearchState {
  readonly limits: readonly Limit[];
  /** Every worth is a multiple of this; 0 where there is no such number. */
  readonly worthStep: number;
  /** Largest gains of all factors, and largest costs per resource, summed: what rounding errors are measured by. */
  readonly gainScale: number;
  readonly costScale: readonly number[];
  /** Lets the rest of the process have its turn now and then. @throws SearchStopped once the presolve should end */
  readonly rest: () => Promise<void>;
  /** The best point within the limits. */
  incumbent: Incumbent | null;
  /** Without what can't be better than the incumbent. */
  graph: FactorGraph;
  /** No point within the limits is worth more. */
  bound: number;
  isProven: boolean;
  sweeps: number;
  labels: number;
  /** The multipliers of the last sweep, of whichever graph: good ones for any. */
  multipliers: readonly number[];
  /** The last sweep: whose tables hold what. */
  last: { readonly plan: Plan; readonly found: Bound } | null;
}

/** The time is over, or the user wants no more: what is known stays. Never leaves the presolve. */
export class SearchStopped extends Error {}

export function startSearch(
  problem: Problem,
  graph: FactorGraph,
  context: PresolveContext,
): SearchState {
  let lastTurn = performance.now();
  const limits = problem.resources.map(({ limit, penalty = null, group = null }): Limit => {
    if (penalty !== null) return { most: limit, penalty, group };
    const room = Number.isFinite(limit) ? CHECKERS_ROOM * Math.abs(limit) : 0;
    // The members of a hard group are limits like any others.
    return { ...NO_LIMIT, most: limit + room };
  });
  const search: SearchState = {
    limits,
    worthStep: limits.some(isSoft) ? 0 : worthStepOf(graph),
    gainScale: graph.factors.reduce((sum, { gain }) => sum + largest(gain), 0),
    costScale: limits.map((limit, r) => costScaleOf(graph, limit, r)),
    rest: async () => {
      if (performance.now() - lastTurn < TURN_MILLISECONDS) return;
      await nextTurn();
      lastTurn = performance.now();
      // A first sweep is always made: it costs little, and without it nothing is known.
      if (search.sweeps > 0 && context.mustStop()) throw new SearchStopped();
    },
    incumbent: null,
    graph,
    bound: Number.POSITIVE_INFINITY,
    isProven: false,
    sweeps: 0,
    labels: 0,
    multipliers: limits.map(() => 0),
    last: null,
  };
  return search;
}

export function isSoft({ penalty }: Limit): boolean {
  return penalty !== Number.POSITIVE_INFINITY;
}

/** The resources that have a limit, by index. */
export function limitedResources({ limits }: SearchState): number[] {
  return limits.flatMap(({ most }, r) => (most === Number.POSITIVE_INFINITY ? [] : [r]));
}

/** What a gain is worth at these costs; -Infinity beyond a hard limit. */
export function worthOf(limits: readonly Limit[], gain: number, cost: readonly number[]): number {
  let worth = gain;
  let paid: Map<string, number> | null = null;
  for (const [r, { most, penalty, group }] of limits.entries()) {
    const excess = entryAt(cost, r) - most;
    if (!(excess > 0)) continue;
    const price = penalty * excess;
    if (group === null) worth -= price;
    else {
      paid ??= new Map();
      const before = paid.get(group) ?? 0;
      worth -= Math.max(0, price - before);
      paid.set(group, Math.max(price, before));
    }
  }
  return worth;
}

/**
 * What is left of a limit's penalty beside the multipliers of its group: with a sum of multipliers up to the penalty, no point
 * pays more for its excesses than its penalty.
 */
export function priceLeft(
  limits: readonly Limit[],
  multipliers: readonly number[],
  resource: number,
): number {
  const { penalty, group } = limits[resource] ?? NO_LIMIT;
  if (group === null) return penalty;
  return limits.reduce(
    (left, each, r) =>
      each.group === group && r !== resource ? left - entryAt(multipliers, r) : left,
    penalty,
  );
}

/** What the limits are worth at these multipliers: a sweep's maximum and this are a bound. */
export function priceOfLimits({ limits }: SearchState, multipliers: readonly number[]): number {
  return multipliers.reduce(
    (sum, multiplier, r) => (multiplier === 0 ? sum : sum + multiplier * (limits[r]?.most ?? 0)),
    0,
  );
}

/** Keeps a point of a graph where it is the best so far. */
export function offer(
  search: SearchState,
  graph: FactorGraph,
  { positions, gain, cost }: Point,
): void {
  const worth = worthOf(search.limits, gain, cost);
  if (!(worth > (search.incumbent?.worth ?? Number.NEGATIVE_INFINITY))) return;
  const states = Int32Array.from(graph.variables, (variable, at) =>
    entryAt(variable.states, entryAt(positions, at)),
  );
  search.incumbent = { states, worth, cost };
}

/** Sums of the same numbers in another order differ by less. */
export function roundingOf(search: SearchState, multipliers: readonly number[]): number {
  let scale = search.gainScale;
  for (const [r, limit] of search.limits.entries()) {
    const price = isSoft(limit) ? limit.penalty : entryAt(multipliers, r);
    if (price === 0 || limit.most === Number.POSITIVE_INFINITY) continue;
    scale += price * (entryAt(search.costScale, r) + Math.abs(limit.most));
  }
  return 2e-12 * scale + Number.MIN_VALUE;
}

/**
 * Summed over the factors, the largest cost of a cell that some point within the limit may have. What costs more than that
 * leaves, at its best, needs no exactness: its errors are small beside what it lacks.
 */
function costScaleOf({ factors }: FactorGraph, limit: Limit, resource: number): number {
  const tables = factors.flatMap(({ cost }) => cost[resource] ?? []);
  const least = tables.map((table) => table.reduce((min, cell) => Math.min(min, cell), Infinity));
  const sum = least.reduce((total, each) => total + each, 0);
  const room = isSoft(limit) ? Number.POSITIVE_INFINITY : Math.max(0, limit.most - sum);
  return tables.reduce((total, table, at) => {
    const most = entryAt(least, at) + 2 * room;
    let largestCost = 0;
    for (const cell of table) {
      if (cell <= most) largestCost = Math.max(largestCost, Math.abs(cell));
    }
    return total + largestCost;
  }, 0);
}

function largest(table: Float64Array | null): number {
  let most = 0;
  for (const value of table ?? []) {
    const size = Math.abs(value);
    if (size > most && size < Number.POSITIVE_INFINITY) most = size;
  }
  return most;
}

/** 1 where every gain is an integer, as in the published instances; else 0. */
function worthStepOf({ factors }: FactorGraph): number {
  const isWhole = factors.every(({ gain }) =>
    gain.every((value) => Number.isInteger(value) || value === Number.NEGATIVE_INFINITY),
  );
  return isWhole ? 1 : 0;
}
