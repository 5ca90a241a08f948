import { at } from "../core/at.ts";
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
  let corners: readonly Side[] = [{ index: 0, weight: 1 }];
  for (const [axis, covered] of op.counts.entries()) {
    const between = locate(covered, counts[axis] ?? Number.NaN);
    if (between === null) throw outside(op, counts, axis);
    corners = onward(corners, covered.length, between);
  }
  const ms = timeAt(op, corners);
  const origins = new Set(corners.map(({ index }) => op.origin[index]));
  if (origins.has("p")) return { ms, origin: "p" };
  return { ms, origin: corners.length > 1 || origins.has("i") ? "i" : "m" };
}

/**
 * The times of an operation at every combination of the given channels per axis, row-major: what `latencyMs` gives at each,
 * to the last bit, in milliseconds.
 * @throws InputError `latency/outside-table` for counts beyond the covered ones
 */
export function latencyGrid(op: LatencyOp, lengths: readonly (readonly number[])[]): Float64Array {
  const grid = new Float64Array(lengths.reduce((product, { length }) => product * length, 1));
  const sides = lengths.map((list, axis) =>
    list.map((count) => locate(op.counts[axis] ?? [], count) ?? []),
  );
  if (sides.some((axis) => axis.some(({ length }) => length === 0))) refuseOutside(op, lengths);
  let cell = 0;
  const fill = (axis: number, corners: readonly Side[]): void => {
    if (axis === sides.length) {
      grid[cell] = timeAt(op, corners);
      cell += 1;
      return;
    }
    const size = at(op.counts, axis).length;
    for (const between of sides[axis] ?? []) fill(axis + 1, onward(corners, size, between));
  };
  fill(0, [{ index: 0, weight: 1 }]);
  return grid;
}

/** The corners on one axis more, of that many covered counts. */
function onward(corners: readonly Side[], size: number, between: readonly Side[]): Side[] {
  const next: Side[] = [];
  for (const { index, weight } of corners) {
    for (const side of between) {
      next.push({ index: index * size + side.index, weight: weight * side.weight });
    }
  }
  return next;
}

/** A cell, or a place on an axis, and its share in a time that lies between several. */
interface Side {
  readonly index: number;
  readonly weight: number;
}

function timeAt(op: LatencyOp, corners: readonly Side[]): number {
  return corners.reduce((sum, { index, weight }) => sum + weight * at(op.ms, index), 0);
}

/** The error of the first combination that lies outside. */
function refuseOutside(op: LatencyOp, lengths: readonly (readonly number[])[]): void {
  const cells = lengths.reduce((product, { length }) => product * length, 1);
  for (let cell = 0; cell < cells; cell += 1) latencyMs(op, countsAt(cell, lengths));
}

/** The covered counts on both sides of `count` with their weights; one where it is covered itself. */
function locate(covered: readonly number[], count: number): readonly Side[] | null {
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
