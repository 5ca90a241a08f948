import { InputError } from "../core/errors.ts";
import type { CellOrigin, LatencyOp } from "./table.ts";

/** A time read from a table. */
export interface CellTime {
  readonly ms: number;
  readonly origin: CellOrigin;
}

/**
 * The time of an operation at the given channels per axis. Between covered counts it is interpolated linearly
 * (origin "i", or "p" where the table is predicted).
 * @throws InputError `latency/outside-table` for counts beyond the covered ones
 */
export function latencyMs(op: LatencyOp, counts: readonly number[]): CellTime {
  let corners = [{ cell: 0, weight: 1 }];
  for (const [axis, covered] of op.counts.entries()) {
    const between = locate(covered, counts[axis] ?? Number.NaN);
    if (between === null) throw outside(op, counts, axis);
    corners = corners.flatMap(({ cell, weight }) =>
      between.map((side) => ({
        cell: cell * covered.length + side.index,
        weight: weight * side.weight,
      })),
    );
  }
  const ms = corners.reduce((sum, { cell, weight }) => sum + weight * (op.ms[cell] ?? 0), 0);
  const origins = new Set(corners.map(({ cell }) => op.origin[cell]));
  if (origins.has("p")) return { ms, origin: "p" };
  return { ms, origin: corners.length > 1 || origins.has("i") ? "i" : "m" };
}

/** The covered counts on both sides of `count` with their weights; one where it is covered itself. */
function locate(
  covered: readonly number[],
  count: number,
): readonly { readonly index: number; readonly weight: number }[] | null {
  const above = covered.findIndex((value) => value >= count);
  const high = covered[above];
  if (high === undefined) return null;
  if (high === count) return [{ index: above, weight: 1 }];
  const low = covered[above - 1];
  if (low === undefined) return null;
  const part = (count - low) / (high - low);
  return [
    { index: above - 1, weight: 1 - part },
    { index: above, weight: part },
  ];
}

function outside(op: LatencyOp, counts: readonly number[], axis: number): InputError {
  const covered = op.counts[axis] ?? [];
  return new InputError({
    code: "latency/outside-table",
    message:
      `${op.kind} '${op.label}': no latency for (${counts.join(", ")}) channels; ` +
      `the table covers ${covered[0]} to ${covered.at(-1)} on axis ${axis}.`,
    where: op.id,
    hint: `Profile again with a --step that divides ${counts[axis]}, or solve with --multiple-of ${covered[0]}.`,
  });
}

/** Channels of a cell, row-major over the axes. */
export function countsAt(cell: number, counts: readonly (readonly number[])[]): number[] {
  const result: number[] = [];
  let rest = cell;
  for (const axis of counts.toReversed()) {
    result.unshift(axis[rest % axis.length] ?? 0);
    rest = Math.floor(rest / axis.length);
  }
  return result;
}
