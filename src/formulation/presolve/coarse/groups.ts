import { at as entryAt } from "../../../core/at.ts";
import { type FactorGraph, scopeSizes, stridesOf } from "../factors/factors.ts";

/** A graph whose gains have the costs in them, and no costs, of states or of groups of states. */
export interface Level {
  readonly graph: FactorGraph;
  /** Per variable and position, the position of its group in the next, coarser level. Empty in the last level. */
  readonly groupOf: readonly Int32Array[];
}

/** A variable with fewer states isn't grouped. */
const FEWEST_STATES = 6;

/**
 * A graph at fixed multipliers, then with groups of two, four, eight ... successive states:
 *
 *     W(groups) = max over their cells of gain - sum over r of multiplier[r] * cost[r]
 *
 * (gain and cost of one cell, not the largest gain and the least cost). A maximum of sums is at most the sum of the maxima, so what bounds a
 * group bounds each of its states. "All units" and "absent" stay alone, and so do the states of variables in links.
 *
 * @returns the finest level first
 */
export function levelsOf(
  graph: FactorGraph,
  multipliers: readonly number[],
  most: number,
): Level[] {
  const linked = new Set(
    graph.links.flatMap(({ sum, parts }) => [sum, ...parts.map(({ variable }) => variable)]),
  );
  const levels: Level[] = [];
  let next = priced(graph, multipliers);
  for (;;) {
    const groupOf = next.variables.map(({ states, kind }, variable) =>
      kind === "layer" || kind === "block" || linked.has(variable) || states.length < FEWEST_STATES
        ? Int32Array.from(states, (_, at) => at)
        : pairs(states.length),
    );
    const isLast =
      levels.length === most || groupOf.every((groups, at) => groups.at(-1) === lastOf(next, at));
    levels.push({ graph: next, groupOf: isLast ? [] : groupOf });
    if (isLast) return levels;
    next = grouped(next, groupOf);
  }
}

function lastOf({ variables }: FactorGraph, variable: number): number {
  return (variables[variable]?.states.length ?? 1) - 1;
}

/** Successive positions in pairs, the last two alone. */
function pairs(states: number): Int32Array {
  const paired = states - 2;
  const groups = Math.ceil(paired / 2);
  return Int32Array.from({ length: states }, (_, at) =>
    at < paired ? at >> 1 : groups + at - paired,
  );
}

function priced(graph: FactorGraph, multipliers: readonly number[]): FactorGraph {
  const factors = graph.factors.map(({ scope, gain, cost }) => {
    const worth = gain.slice();
    multipliers.forEach((multiplier, r) => {
      const table = cost[r] ?? null;
      if (table === null || multiplier === 0) return;
      for (let cell = 0; cell < worth.length; cell += 1) {
        worth[cell] = (worth[cell] as number) - multiplier * (table[cell] as number);
      }
    });
    return { scope, gain: worth, cost: [] };
  });
  return { ...graph, factors, resourceCount: 0 };
}

function grouped(graph: FactorGraph, groupOf: readonly Int32Array[]): FactorGraph {
  const variables = graph.variables.map((variable, at) => {
    const groups = (groupOf[at]?.at(-1) ?? 0) + 1;
    if (groups === variable.states.length) return variable;
    // Groups are numbered as the positions of their level.
    return { ...variable, counts: [], states: Array.from({ length: groups }, (_, group) => group) };
  });
  const coarse = { ...graph, variables };
  const factors = graph.factors.map(({ scope, gain }) => {
    const sizes = scopeSizes(graph, scope);
    const strides = stridesOf(scopeSizes(coarse, scope));
    // What each position of each axis adds to the place of a cell.
    const steps = scope.map((variable, axis) =>
      Int32Array.from(groupOf[variable] ?? [], (group) => group * entryAt(strides, axis)),
    );
    const cells = scopeSizes(coarse, scope).reduce((product, size) => product * size, 1);
    const most = new Float64Array(cells).fill(Number.NEGATIVE_INFINITY);
    maximiseInto(most, gain, sizes, steps);
    return { scope, gain: most, cost: [] };
  });
  return { ...coarse, factors };
}

/** most[sum of the steps of a cell's positions] = max(itself, gain[cell]), for all cells in row-major order. */
function maximiseInto(
  most: Float64Array,
  gain: Float64Array,
  sizes: readonly number[],
  steps: readonly Int32Array[],
): void {
  const last = sizes.length - 1;
  const inner = steps[last] ?? Int32Array.of(0);
  const length = sizes[last] ?? 1;
  const index = new Int32Array(Math.max(0, last));
  for (let cell = 0; cell < gain.length; cell += length) {
    let base = 0;
    for (let axis = 0; axis < last; axis += 1)
      base += steps[axis]?.[index[axis] as number] as number;
    for (let k = 0; k < length; k += 1) {
      const place = base + (inner[k] as number);
      const value = gain[cell + k] as number;
      if (value > (most[place] as number)) most[place] = value;
    }
    for (let axis = last - 1; axis >= 0; axis -= 1) {
      const next = (index[axis] as number) + 1;
      index[axis] = next < (sizes[axis] as number) ? next : 0;
      if (next < (sizes[axis] as number)) break;
    }
  }
}
