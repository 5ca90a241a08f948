import type { FactorGraph } from "../factors/factors.ts";
import { restrict } from "../factors/restrict.ts";

/**
 * The graph with every other state of each dim; the first one, "all units" and "absent" are among them. Sums keep what the
 * dims that are left can reach. A point of what is left is a point of the whole graph.
 */
export function everyOtherState(graph: FactorGraph): FactorGraph {
  const flags = graph.variables.map(({ kind, states }) =>
    Uint8Array.from(states, (_, at) => {
      const isEnd = at === 0 || at >= states.length - 2;
      return kind !== "dim" || isEnd || (states.length - 1 - at) % 2 === 0 ? 1 : 0;
    }),
  );
  keepReachable(graph, flags);
  return restrict(graph, flags);
}

/** Takes away the states of linked sums that the states of their parts don't reach. */
function keepReachable({ variables, links }: FactorGraph, flags: readonly Uint8Array[]): void {
  const unitsLeft = (variable: number): number[] => {
    const { states = [], counts = [] } = variables[variable] ?? {};
    return states.filter((_, at) => flags[variable]?.[at] === 1).map((state) => counts[state] ?? 0);
  };
  for (const { sum, parts } of links) {
    let reached = new Set<number>([0]);
    for (const { variable, units } of parts) {
      const next = new Set<number>();
      for (const each of unitsLeft(variable)) for (const so of reached) next.add(so + units * each);
      reached = next;
    }
    const { states = [], counts = [] } = variables[sum] ?? {};
    states.forEach((state, at) => {
      const own = flags[sum];
      if (own !== undefined && !reached.has(counts[state] ?? 0)) own[at] = 0;
    });
  }
}
