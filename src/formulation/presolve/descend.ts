import { removeGroups } from "./coarse/remove-groups.ts";
import { everyOtherState } from "./coarse/sub-grid.ts";
import type { FactorGraph } from "./factors/factors.ts";
import { type Hunt, limitedResources } from "./hunt.ts";
import { LIGHT_WORK, narrow, type Searched } from "./narrow.ts";
import { settle } from "./settle.ts";
import { eliminationOrder, type Order } from "./sweeps/order.ts";

/**
 * From coarse to fine. Where sweeps of a graph are dear, a graph with half of its states is searched whole first: its best point is
 * a point of this graph, too, and its multipliers are nearly this graph's. With both, most states go in groups
 * (removeGroups) before any sweep looks at each of them.
 *
 * @param lookForAny called before the graph's own search: finds a point, where none is known, or throws
 */
export async function descend(
  hunt: Hunt,
  order: Order,
  lookForAny: () => Promise<void>,
  isSubGrid = false,
): Promise<Searched> {
  let start: readonly number[] = hunt.limits.map(() => 0);
  if (order.size.work > LIGHT_WORK) {
    const searched = await searchSubGrid(hunt);
    if (searched !== null) {
      start = searched.found.multipliers;
      await removeGroups(hunt, start);
    }
  }
  await lookForAny();
  const now = order.size.work > LIGHT_WORK ? eliminationOrder(hunt.graph) : order;
  const searched = await narrow(hunt, now, start);
  // With several limits a sub-grid's own proof costs more labels than its point is worth.
  const isDone = hunt.incumbent === null || (isSubGrid && limitedResources(hunt).length > 1);
  return isDone ? searched : settle(hunt, searched);
}

/** Searches the graph with every other state; null where that is hardly smaller. Its bounds and its proof are of itself only. */
async function searchSubGrid(hunt: Hunt): Promise<Searched | null> {
  const graph = everyOtherState(hunt.graph);
  if (statesOfDims(graph) > 0.9 * statesOfDims(hunt.graph)) return null;
  const child: Hunt = {
    ...hunt,
    graph,
    bound: Number.POSITIVE_INFINITY,
    isProven: false,
    last: null,
  };
  const noLook = async (): Promise<void> => {};
  try {
    return await descend(child, eliminationOrder(graph), noLook, true);
  } finally {
    hunt.multipliers = child.multipliers;
    hunt.incumbent = child.incumbent;
    hunt.sweeps = child.sweeps;
    hunt.labels = child.labels;
  }
}

function statesOfDims({ variables }: FactorGraph): number {
  return variables.reduce((sum, { kind, states }) => sum + (kind === "dim" ? states.length : 0), 0);
}
