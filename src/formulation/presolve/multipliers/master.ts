import { at as entryAt } from "../../../core/at.ts";
/**
 * The best mixture of points, a small linear program:
 *
 *     maximise    sum_i a_i gain_i
 *     subject to  sum_i a_i excess_ir <= 0  for each row r,   sum_i a_i = 1,   a >= 0
 *
 * Its duals are the multipliers with the least bound as far as these points know: each point is a cut of the bound
 * (Dantzig and Wolfe 1960, Kelley 1960). It need not be solved exactly, because every multiplier proves a bound.
 */

/** The program, to which points are added one at a time. */
export interface Master {
  /** Adds a point with what it gains and how far it is beyond each row's limit; below it where negative. */
  readonly add: (gain: number, excess: readonly number[]) => void;
  /** The best mixture's gain, and the row's multipliers. */
  readonly solve: () => MasterSolution;
}

export interface MasterSolution {
  readonly value: number;
  /** Per row, at least 0. */
  readonly duals: readonly number[];
}

/** What may be bought to be beyond some rows together: a unit of excess in each of them takes `price` from the gain. */
export interface Relief {
  readonly rows: readonly number[];
  readonly price: number;
}

interface Column {
  readonly gain: number;
  /** Per row, then 1 for a point, which the last row counts, and 0 for what is none. */
  readonly entries: Float64Array;
}

const MOST_PIVOTS = 400;

/**
 * A program that has a solution: its first point is within every row that no relief covers.
 *
 * @param scale a gain's size, which rounding errors are measured by
 */
export function createMaster(rows: number, reliefs: readonly Relief[], scale: number): Master {
  const size = rows + 1;
  const columns: Column[] = [
    ...Array.from({ length: rows }, (_, row) => ({ gain: 0, entries: unit(size, row) })),
    ...reliefs.map(({ rows: relieved, price }) => {
      const entries = new Float64Array(size);
      for (const row of relieved) entries[row] = -1;
      return { gain: -price, entries };
    }),
  ];
  let basis: number[] | null = null;
  /** One pivot; null where there was none to make. */
  const pivot = (before: readonly number[], count: number): MasterSolution | null => {
    const inverse = inverseOf(before.map((at) => columns[at]?.entries ?? unit(size, 0)));
    if (inverse === null) return nothing(rows);
    const prices = pricesOf(before, columns, inverse);
    const tolerance = count < MOST_PIVOTS ? 1e-13 * scale : Number.POSITIVE_INFINITY;
    const entering = bestColumn(columns, prices, tolerance, count > MOST_PIVOTS / 2);
    const leaving = entering < 0 ? -1 : leavingRow(inverse, columns[entering]?.entries, before);
    if (leaving >= 0) {
      basis = before.with(leaving, entering);
      return null;
    }
    const duals = Array.from(prices.subarray(0, rows), (price) => Math.max(0, price));
    return { value: entryAt(prices, rows), duals };
  };
  const solve = (): MasterSolution => {
    for (let count = 0; basis !== null; count += 1) {
      const solution = pivot(basis, count);
      if (solution !== null) return solution;
    }
    return nothing(rows);
  };
  return {
    add: (gain, excess) => {
      const column = columns.push({ gain, entries: Float64Array.of(...excess, 1) }) - 1;
      basis ??= firstBasis(excess, reliefs, rows, column);
    },
    solve,
  };
}

/** What is known without a point, or where rounding has made the program useless. */
function nothing(rows: number): MasterSolution {
  return { value: Number.NEGATIVE_INFINITY, duals: new Array<number>(rows).fill(0) };
}

/** The first point, with a relief for the rows that it is beyond, and what it leaves of the others. */
function firstBasis(
  excess: readonly number[],
  reliefs: readonly Relief[],
  rows: number,
  point: number,
): number[] {
  const basis = Array.from({ length: rows }, (_, row) => row);
  reliefs.forEach(({ rows: relieved }, at) => {
    const worst = relieved.reduce((most, row) =>
      entryAt(excess, row) > entryAt(excess, most) ? row : most,
    );
    if (entryAt(excess, worst) > 0) basis[worst] = rows + at;
  });
  return [...basis, point];
}

function unit(size: number, at: number): Float64Array {
  const entries = new Float64Array(size);
  entries[at] = 1;
  return entries;
}

/** What a unit of each row is worth to the basis. */
function pricesOf(
  basis: readonly number[],
  columns: readonly Column[],
  inverse: readonly Float64Array[],
): Float64Array {
  const prices = new Float64Array(basis.length);
  inverse.forEach((row, at) => {
    const gain = columns[basis[at] ?? -1]?.gain ?? 0;
    if (gain === 0) return;
    row.forEach((value, to) => {
      prices[to] = entryAt(prices, to) + gain * value;
    });
  });
  return prices;
}

/** The column that would gain most, or the first that gains at all, which can't go round in circles; -1 for none. */
function bestColumn(
  columns: readonly Column[],
  prices: Float64Array,
  tolerance: number,
  takesFirst: boolean,
): number {
  let best = -1;
  let most = tolerance;
  for (const [at, { gain, entries }] of columns.entries()) {
    const reduced = entries.reduce((left, entry, row) => left - entry * entryAt(prices, row), gain);
    if (reduced <= most) continue;
    best = at;
    most = reduced;
    if (takesFirst) break;
  }
  return best;
}

/** The row whose basic column is the first to reach 0; -1 where none does. */
function leavingRow(
  inverse: readonly Float64Array[],
  entries: Float64Array | undefined,
  basis: readonly number[],
): number {
  let leaving = -1;
  let least = Number.POSITIVE_INFINITY;
  inverse.forEach((row, at) => {
    const step = row.reduce((sum, value, to) => sum + value * (entries?.[to] ?? 0), 0);
    if (step <= 1e-11) return;
    // All right sides are 0 but the last, which is 1.
    const ratio = Math.max(0, row.at(-1) ?? 0) / step;
    const isTie = ratio === least && entryAt(basis, at) < entryAt(basis, leaving);
    if (ratio < least || isTie) {
      least = ratio;
      leaving = at;
    }
  });
  return leaving;
}

/** Rows of the inverse of a matrix that is given by columns, by elimination with row exchange; null where there is none. */
function inverseOf(matrix: readonly Float64Array[]): Float64Array[] | null {
  const size = matrix.length;
  const left = Array.from({ length: size }, (_, row) =>
    Float64Array.from(matrix, (column) => entryAt(column, row)),
  );
  const right = left.map((_, row) => unit(size, row));
  for (let step = 0; step < size; step += 1) {
    if (!eliminate(left, right, step)) return null;
  }
  return right.map((row, at) => row.map((value) => value / (left[at]?.[at] ?? 1)));
}

/** Clears a column of all rows but one, on both sides; false where it can't. */
function eliminate(left: Float64Array[], right: Float64Array[], step: number): boolean {
  let pivot = step;
  for (let row = step; row < left.length; row += 1) {
    if (Math.abs(left[row]?.[step] ?? 0) > Math.abs(left[pivot]?.[step] ?? 0)) pivot = row;
  }
  swap(left, step, pivot);
  swap(right, step, pivot);
  const over = left[step]?.[step] ?? 0;
  if (Math.abs(over) < 1e-13) return false;
  for (let row = 0; row < left.length; row += 1) {
    const factor = (left[row]?.[step] ?? 0) / over;
    if (row === step || factor === 0) continue;
    subtract(left[row], left[step], factor);
    subtract(right[row], right[step], factor);
  }
  return true;
}

function swap(rows: Float64Array[], one: number, other: number): void {
  const [a, b] = [rows[one], rows[other]];
  if (a === undefined || b === undefined) return;
  rows[one] = b;
  rows[other] = a;
}

function subtract(
  from: Float64Array | undefined,
  row: Float64Array | undefined,
  factor: number,
): void {
  row?.forEach((value, at) => {
    if (from !== undefined) from[at] = entryAt(from, at) - factor * value;
  });
}
