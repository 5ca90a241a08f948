import { at as entryAt } from "../../../core/at.ts";
import { collectFactors, type Factor, type FactorGraph, scopeSizes, stridesOf } from "./factors.ts";

/**
 * The graph with only the states that are kept. Variables that have one state left leave every scope.
 *
 * @param keep per variable, 1 per state (of those that are left now) that stays; at least one of each
 */
export function restrict(graph: FactorGraph, keep: readonly Uint8Array[]): FactorGraph {
  const kept = keep.map((flags): number[] => {
    const positions: number[] = [];
    flags.forEach((flag, at) => {
      if (flag === 1) positions.push(at);
    });
    return positions;
  });
  const variables = graph.variables.map((variable, at) => ({
    ...variable,
    states: (kept[at] ?? []).map((position) => entryAt(variable.states, position)),
  }));
  const collector = collectFactors(graph.resourceCount);
  for (const factor of graph.factors) {
    const scope = factor.scope.filter((variable) => (kept[variable]?.length ?? 0) > 1);
    const cells = cellsOf(graph, factor, kept);
    const gain = pick(factor.gain, cells);
    collector.add(
      scope,
      gain,
      factor.cost.map((table) => (table === null ? null : pick(table, cells))),
    );
  }
  return { ...graph, variables, factors: collector.factors() };
}

/** The cells of a factor that stay, row-major. */
function cellsOf(
  graph: FactorGraph,
  { scope }: Factor,
  kept: readonly (readonly number[])[],
): Int32Array {
  const strides = stridesOf(scopeSizes(graph, scope));
  let cells = Int32Array.of(0);
  scope.forEach((variable, axis) => {
    const positions = kept[variable] ?? [];
    const stride = strides[axis] ?? 1;
    const next = new Int32Array(cells.length * positions.length);
    let at = 0;
    for (const cell of cells) {
      for (const position of positions) {
        next[at] = cell + position * stride;
        at += 1;
      }
    }
    cells = next;
  });
  return cells;
}

function pick(table: Float64Array, cells: Int32Array): Float64Array {
  const picked = new Float64Array(cells.length);
  for (let at = 0; at < cells.length; at += 1) picked[at] = table[cells[at] as number] as number;
  return picked;
}
