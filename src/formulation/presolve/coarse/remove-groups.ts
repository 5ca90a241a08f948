import { restrict } from "../factors/restrict.ts";
import { leastWorth } from "../narrow.ts";
import type { SearchState } from "../search-state.ts";
import { reachingStates } from "../sweeps/marginals.ts";
import { eliminationOrder } from "../sweeps/order.ts";
import { makePlan } from "../sweeps/plan.ts";
import { sweep } from "../sweeps/sweep.ts";
import { levelsOf } from "./groups.ts";

/** Groups of 2^this many states at most. */
const MOST_LEVELS = 5;
/** Levels with more work are passed over: finer ones may be cheaper by then, or the graph's own sweeps do. */
const MOST_WORK = 2e8;

/**
 * Removes states that no better point has, at fixed multipliers: first in large groups of successive states, then in smaller
 * ones of what is left, so that only few states of a fine grid are ever looked at one by one. Any multipliers are valid; good ones
 * remove more. The best known point's states stay.
 */
export async function removeGroups(
  search: SearchState,
  multipliers: readonly number[],
): Promise<void> {
  const { incumbent } = search;
  if (incumbent === null) return;
  const levels = levelsOf(search.graph, multipliers, MOST_LEVELS);
  const least = leastWorth(search, incumbent.worth, multipliers);
  let keep: Uint8Array<ArrayBuffer>[] =
    levels.at(-1)?.graph.variables.map(({ states }) => new Uint8Array(states.length).fill(1)) ?? [];
  for (let level = levels.length - 1; level > 0; level -= 1) {
    const whole = levels[level]?.graph ?? search.graph;
    // Where no group of a variable is left, no point is better than the best known one.
    if (keep.some((flags) => !flags.includes(1))) {
      keep = search.graph.variables.map(({ states }) => new Uint8Array(states.length));
      break;
    }
    const graph = restrict(whole, keep);
    const order = eliminationOrder(graph);
    if (order.size.work <= MOST_WORK) {
      const plan = makePlan(graph, order);
      await search.rest();
      const total = await sweep(plan, { gainWeight: 1, multipliers: [] }, search.rest);
      search.sweeps += 1;
      const reaching = reachingStates(plan, total, least);
      keep = keep.map((flags, variable): Uint8Array<ArrayBuffer> => {
        const left = new Uint8Array(flags.length);
        const positions = positionsLeft(flags);
        reaching[variable]?.forEach((flag, at) => {
          left[positions[at] ?? 0] = flag;
        });
        return left;
      });
    }
    keep = finer(levels[level - 1]?.groupOf ?? [], keep);
  }
  search.graph.variables.forEach(({ states }, variable) => {
    const at = states.indexOf(incumbent.states[variable] ?? -1);
    const flags = keep[variable];
    if (flags !== undefined && at >= 0) flags[at] = 1;
  });
  search.graph = restrict(search.graph, keep);
}

function positionsLeft(flags: Uint8Array): number[] {
  return [...flags.keys()].filter((at) => flags[at] === 1);
}

/** The positions whose group is kept. */
function finer(
  groupOf: readonly Int32Array[],
  keep: readonly Uint8Array[],
): Uint8Array<ArrayBuffer>[] {
  return groupOf.map((groups, variable) =>
    Uint8Array.from(groups, (group) => keep[variable]?.[group] ?? 0),
  );
}
