import { removeGroups } from "./coarse/remove-groups.ts";
import { everyOtherState } from "./coarse/sub-grid.ts";
import type { FactorGraph } from "./factors/factors.ts";
import { LIGHT_WORK, narrow, type Searched } from "./narrow.ts";
import { limitedResources, type SearchState } from "./search-state.ts";
import { settle } from "./settle.ts";
import { eliminationOrder, type Order } from "./sweeps/order.ts";

/**
 * From coarse to fine. Where sweeps of a graph are dear, a graph with half of its states is searched whole first: its best point is
 * a point of this graph, too, and its multipliers are nearly this graph's. With both, most states go in groups
 * (removeGroups) before any sweep looks at each of them.
 *
 * @param findFeasible called before the graph's own search: finds a point, where none is known, or throws
 */
export async function descend(
  search: SearchState,
  order: Order,
  findFeasible: () => Promise<void>,
  isSubGrid = false,
): Promise<Searched> {
  let start: readonly number[] = search.limits.map(() => 0);
  if (order.size.work > LIGHT_WORK) {
    const searched = await searchSubGrid(search);
    if (searched !== null) {
      start = searched.found.multipliers;
      await removeGroups(search, start);
    }
  }
  await findFeasible();
  const now = order.size.work > LIGHT_WORK ? eliminationOrder(search.graph) : order;
  const searched = await narrow(search, now, start);
  // With several limits a sub-grid's own proof costs more labels than its point is worth.
  const isDone = search.incumbent === null || (isSubGrid && limitedResources(search).length > 1);
  return isDone ? searched : settle(search, searched, isSubGrid);
}

/** Searches the graph with every other state; null where that is hardly smaller. Its bounds and its proof are of itself only. */
async function searchSubGrid(search: SearchState): Promise<Searched | null> {
  const graph = everyOtherState(search.graph);
  if (statesOfDims(graph) > 0.9 * statesOfDims(search.graph)) return null;
  const child: SearchState = {
    ...search,
    graph,
    bound: Number.POSITIVE_INFINITY,
    isProven: false,
    last: null,
  };
  const noLook = async (): Promise<void> => {};
  try {
    return await descend(child, eliminationOrder(graph), noLook, true);
  } finally {
    search.multipliers = child.multipliers;
    search.incumbent = child.incumbent;
    search.sweeps = child.sweeps;
    search.labels = child.labels;
  }
}

function statesOfDims({ variables }: FactorGraph): number {
  return variables.reduce((sum, { kind, states }) => sum + (kind === "dim" ? states.length : 0), 0);
}
