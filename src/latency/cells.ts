import type { AxisCount } from "../structure/structure.ts";

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
  for (const { dim, perUnit } of axis.parts) {
    const next = new Set<number>();
    for (const sum of reachable) {
      for (const units of grid[dim] ?? []) next.add(sum + perUnit * units);
    }
    reachable = next;
  }
  return [...reachable].sort((a, b) => a - b);
}
