import { countsAt } from "../lookup.ts";
import type { CellOrigin } from "../table.ts";

/** A time at the channels of an operation's axes. */
export interface KnownCell {
  readonly channels: readonly number[];
  readonly ms: number;
  readonly origin: CellOrigin;
}

export interface FilledGrid {
  readonly counts: number[][];
  /** Milliseconds, row-major over `counts`. */
  readonly ms: number[];
  readonly origin: string;
  readonly filled: number;
  /** Channels of the first cell that nothing is known around; null where there is none. */
  readonly hole: readonly number[] | null;
}

/**
 * Scattered cells on the grid of all their widths. A cell between known ones of its row or column is interpolated
 * linearly, in the mean of the directions in which it has neighbours on both sides; what that fills may carry further.
 */
export function fillGrid(axes: number, known: readonly KnownCell[]): FilledGrid {
  const counts = Array.from({ length: axes }, (_, axis) =>
    [...new Set(known.map(({ channels }) => channels[axis] ?? 0))].sort((a, b) => a - b),
  );
  const size = counts.reduce((product, axis) => product * axis.length, 1);
  const strides = counts.map((_, axis) =>
    counts.slice(axis + 1).reduce((product, later) => product * later.length, 1),
  );
  const ms: (number | null)[] = new Array<number | null>(size).fill(null);
  const origin: CellOrigin[] = new Array<CellOrigin>(size).fill("i");
  for (const cell of known) {
    const place = cell.channels.reduce(
      (sum, count, axis) => sum + (counts[axis]?.indexOf(count) ?? 0) * (strides[axis] ?? 0),
      0,
    );
    ms[place] = cell.ms;
    origin[place] = cell.origin;
  }
  let filled = 0;
  for (let found = true; found; ) {
    const added = ms.flatMap((time, cell) => {
      const between = time === null ? betweenNeighbours(cell, ms, counts, strides) : null;
      return between === null ? [] : [[cell, between] as const];
    });
    for (const [cell, time] of added) ms[cell] = time;
    filled += added.length;
    found = added.length > 0;
  }
  const hole = ms.indexOf(null);
  return {
    counts,
    ms: ms.map((time) => time ?? 0),
    origin: origin.join(""),
    filled,
    hole: hole < 0 ? null : countsAt(hole, counts),
  };
}

function betweenNeighbours(
  cell: number,
  ms: readonly (number | null)[],
  counts: readonly (readonly number[])[],
  strides: readonly number[],
): number | null {
  const times = counts.flatMap((axis, index) => {
    const stride = strides[index] ?? 1;
    const at = Math.floor(cell / stride) % axis.length;
    const known = (position: number): boolean =>
      (ms[cell + (position - at) * stride] ?? null) !== null;
    const below = lastBefore(at, known);
    const above = firstAfter(at, axis.length, known);
    if (below === null || above === null) return [];
    const [low = 0, here = 0, high = 0] = [axis[below], axis[at], axis[above]];
    const part = (here - low) / (high - low);
    const lowMs = ms[cell + (below - at) * stride] ?? 0;
    const highMs = ms[cell + (above - at) * stride] ?? 0;
    return [(1 - part) * lowMs + part * highMs];
  });
  return times.length === 0 ? null : times.reduce((sum, time) => sum + time, 0) / times.length;
}

function lastBefore(at: number, known: (position: number) => boolean): number | null {
  for (let position = at - 1; position >= 0; position -= 1) if (known(position)) return position;
  return null;
}

function firstAfter(
  at: number,
  length: number,
  known: (position: number) => boolean,
): number | null {
  for (let position = at + 1; position < length; position += 1) {
    if (known(position)) return position;
  }
  return null;
}
