import { countsAt } from "../lookup.ts";
import type { LatencyOp } from "../table.ts";

/** Where a time jumps while one axis of an operation grows and the others are whole. */
export interface Stair {
  readonly axis: number;
  /** Channels after each jump of at least `LEAST_JUMP`, in order. */
  readonly jumps: readonly number[];
  /** Channels between jumps where that is always the same; null otherwise. */
  readonly period: number | null;
  /** The largest jump, as a share of the time before it. */
  readonly largest: number;
}

const LEAST_JUMP = 0.08;
/** The most that the steps beside a jump have of it. */
const STANDS_OUT = 0.4;

/** The stairs of an operation, by axis; none where its time grows smoothly. */
export function stairsOf(op: LatencyOp): readonly Stair[] {
  return op.counts.flatMap((counts, axis): Stair[] => {
    const line = op.ms.flatMap((ms, cell): { count: number; ms: number }[] => {
      const at = countsAt(cell, op.counts);
      const isWhole = at.every(
        (count, other) => other === axis || count === op.counts[other]?.at(-1),
      );
      return isWhole ? [{ count: at[axis] ?? 0, ms }] : [];
    });
    if (line.length !== counts.length) return [];
    const steps = line.slice(1).map(({ count, ms }, index) => ({
      count,
      jump: ms / (line[index]?.ms ?? ms) - 1,
    }));
    // Growth in proportion is no stair: a jump stands out from the steps beside it.
    const jumps = steps.filter(({ jump }, index) => {
      const beside = [steps[index - 1]?.jump ?? 0, steps[index + 1]?.jump ?? 0];
      return jump >= LEAST_JUMP && Math.max(...beside) < STANDS_OUT * jump;
    });
    if (jumps.length === 0) return [];
    const places = jumps.map(({ count }) => count);
    const gaps = new Set(places.slice(1).map((count, index) => count - (places[index] ?? 0)));
    const [only = null] = gaps;
    return [
      {
        axis,
        jumps: places,
        period: gaps.size === 1 ? only : null,
        largest: Math.max(...jumps.map(({ jump }) => jump)),
      },
    ];
  });
}
