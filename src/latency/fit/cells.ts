import { dimsOf, evaluateCount } from "../../structure/counts.ts";
import type { AxisCount, CountPart } from "../../structure/structure.ts";

/** All combinations of the counts, the last axis fastest. */
export function cellsOf(counts: readonly (readonly number[])[]): number[][] {
  return counts.reduce<number[][]>(
    (cells, axis) => cells.flatMap((cell) => axis.map((count) => [...cell, count])),
    [[]],
  );
}

/** The channel counts that an axis can have over the grid, increasing. */
export function reachableCounts(axis: AxisCount, grid: readonly (readonly number[])[]): number[] {
  let reachable = new Set([axis.fixed]);
  // Parts that share a dim (heads * qk + heads * v) move together: what all choices of the dims give.
  for (const parts of independentParts(axis)) {
    const dims = [...new Set(parts.flatMap(dimsOf))];
    const values = new Set<number>();
    for (const cell of cellsOf(dims.map((dim) => grid[dim] ?? []))) {
      const units: number[] = [];
      for (const [at, dim] of dims.entries()) units[dim] = cell[at] ?? 0;
      values.add(evaluateCount({ fixed: 0, parts }, units));
    }
    const next = new Set<number>();
    for (const sum of reachable) for (const value of values) next.add(sum + value);
    reachable = next;
  }
  return [...reachable].sort((a, b) => a - b);
}

/** The parts of a count in groups that have no dim in common. */
function independentParts({ parts }: AxisCount): readonly (readonly CountPart[])[] {
  let groups: CountPart[][] = [];
  for (const part of parts) {
    const shares = (group: readonly CountPart[]): boolean =>
      group.flatMap(dimsOf).some((dim) => dimsOf(part).includes(dim));
    const joined = groups.filter(shares);
    groups = [...groups.filter((group) => !joined.includes(group)), [...joined.flat(), part]];
  }
  return groups;
}
