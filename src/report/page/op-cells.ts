import { opTimes } from "./op-times.ts";
import type { Subject } from "./subject.ts";

/** An operation of the latency section, for the page's script. */
export interface OpDetail {
  /** Channels per axis. */
  readonly dense: readonly number[];
  /** Null where nothing was chosen, or where the operation went. */
  readonly chosen: readonly number[] | null;
  /** Absent for false. */
  readonly isGone?: true;
  /** Milliseconds. */
  readonly denseMs: number;
  readonly chosenMs: number;
}

/** The cells behind an operation; of wide tables only so many counts per axis. */
export interface OpCells {
  readonly counts: readonly (readonly number[])[];
  /** Milliseconds, row-major over `counts`. */
  readonly ms: readonly number[];
  /** A letter per cell: m(easured), i(nterpolated), p(redicted). One letter stands for all. */
  readonly origin: string;
}

/** Cells of a table: equal ones once. */
export interface TableCells {
  readonly cells: readonly OpCells[];
  /** Per operation, in the order of the section: which of `cells`. */
  readonly of: readonly number[];
}

/** In the order of the latency section. */
export function opDetails(subject: Subject): OpDetail[] {
  if (subject.table === null) return [];
  return opTimes(subject, subject.table).map(
    ({ denseAt, denseMs, chosenAt, chosenMs, isGone }) => ({
      ...{ dense: denseAt, chosen: chosenAt, ...(isGone ? { isGone } : {}) },
      ...{ denseMs: rounded(denseMs), chosenMs: rounded(chosenMs) },
    }),
  );
}

/** A page holds no more cells than this. */
const MOST_CELLS = 120_000;
/** Counts per axis; the first number that leads to few enough cells is taken. */
const AXIS_LENGTHS = [128, 64, 40, 24, 16, 10, 6] as const;

/** What the page draws for an operation; null without a table. */
export function tableCells(subject: Subject): TableCells | null {
  if (subject.table === null) return null;
  const ops = opTimes(subject, subject.table).map(({ op }) => op);
  const most =
    AXIS_LENGTHS.find(
      (length) =>
        ops.reduce(
          (sum, { counts }) =>
            sum + counts.reduce((product, axis) => product * Math.min(length, axis.length), 1),
          0,
        ) <= MOST_CELLS,
    ) ?? 2;
  const cells: OpCells[] = [];
  const known = new Map<string, number>();
  const of = ops.map(({ counts, ms, origin }) => {
    const places = counts.map((axis) => thinned(axis.length, most));
    const at = places.reduce<readonly number[]>(
      (all, axis, index) =>
        all.flatMap((cell) => axis.map((place) => cell * (counts[index]?.length ?? 1) + place)),
      [0],
    );
    const letters = at.map((cell) => origin[cell] ?? "p").join("");
    const made: OpCells = {
      counts: places.map((axis, index) => axis.map((place) => counts[index]?.[place] ?? 0)),
      ms: at.map((cell) => rounded(ms[cell] ?? 0)),
      origin: new Set(letters).size === 1 ? letters.slice(0, 1) : letters,
    };
    const key = JSON.stringify(made);
    const index = known.get(key) ?? cells.push(made) - 1;
    known.set(key, index);
    return index;
  });
  return { cells, of };
}

/** Places of every second, fourth, ... of a length, the first and the last among them. */
function thinned(length: number, most: number): number[] {
  const stride = Math.max(1, Math.ceil((length - 1) / Math.max(1, most - 1)));
  const places = Array.from({ length }, (_, place) => place).filter(
    (place) => (length - 1 - place) % stride === 0,
  );
  return places[0] === 0 ? places : [0, ...places];
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
