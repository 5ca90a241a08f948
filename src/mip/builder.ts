import { InternalError } from "../core/errors.ts";
import type { Model, Sense } from "./model.ts";

/** Collects columns and rows in the order they are added. Names may be functions, called only when asked for. */
export interface ModelBuilder {
  /** Adds a column and returns its index. */
  readonly column: (lower: number, upper: number, integer: boolean, name: Name) => number;
  /** Adds `count` continuous columns with bounds 0 and 1, and returns the index of the first. */
  readonly unitColumns: (count: number, name: (offset: number) => string) => number;
  /** Adds to a column's objective coefficient. */
  readonly addObjective: (column: number, coefficient: number) => void;
  readonly addOffset: (constant: number) => void;
  /** Opens a row; its entries follow with `entry` until the next row opens. */
  readonly row: (lower: number, upper: number, name: Name) => number;
  /** Adds an entry to the open row. The same column may come again: coefficients are summed. */
  readonly entry: (column: number, coefficient: number) => void;
  readonly build: () => Model;
}

export type Name = string | (() => string);

/** A builder for a model of that name and sense. */
export function createModelBuilder(name: string, sense: Sense): ModelBuilder {
  const lower: number[] = [];
  const upper: number[] = [];
  const integer: number[] = [];
  const objective: number[] = [];
  const rowLower: number[] = [];
  const rowUpper: number[] = [];
  const rowStarts: number[] = [];
  const entryColumns: number[] = [];
  const entryValues: number[] = [];
  const columnNames = nameStore();
  const rowNames = nameStore();
  // Position of a column's entry in the open row, so that repeated columns are summed.
  let openEntries = new Map<number, number>();
  let offset = 0;

  const column: ModelBuilder["column"] = (low, high, isInteger, columnName) => {
    columnNames.push(1, typeof columnName === "string" ? () => columnName : columnName);
    lower.push(low);
    upper.push(high);
    integer.push(isInteger ? 1 : 0);
    objective.push(0);
    return lower.length - 1;
  };
  const unitColumns: ModelBuilder["unitColumns"] = (count, nameOf) => {
    const first = lower.length;
    columnNames.push(count, nameOf);
    for (let made = 0; made < count; made += 1) {
      lower.push(0);
      upper.push(1);
      integer.push(0);
      objective.push(0);
    }
    return first;
  };
  const row: ModelBuilder["row"] = (low, high, rowName) => {
    rowNames.push(1, typeof rowName === "string" ? () => rowName : rowName);
    rowLower.push(low);
    rowUpper.push(high);
    rowStarts.push(entryColumns.length);
    openEntries = new Map();
    return rowLower.length - 1;
  };
  const entry: ModelBuilder["entry"] = (at, coefficient) => {
    if (coefficient === 0) return;
    const seen = openEntries.get(at);
    if (seen === undefined) {
      openEntries.set(at, entryColumns.length);
      entryColumns.push(at);
      entryValues.push(coefficient);
    } else {
      entryValues[seen] = (entryValues[seen] ?? 0) + coefficient;
    }
  };
  const build = (): Model => ({
    name,
    sense,
    columnCount: lower.length,
    rowCount: rowLower.length,
    objective: Float64Array.from(objective),
    objectiveOffset: offset,
    columnLower: Float64Array.from(lower),
    columnUpper: Float64Array.from(upper),
    integer: Uint8Array.from(integer),
    rowLower: Float64Array.from(rowLower),
    rowUpper: Float64Array.from(rowUpper),
    rowStarts: Int32Array.from([...rowStarts, entryColumns.length]),
    entryColumns: Int32Array.from(entryColumns),
    entryValues: Float64Array.from(entryValues),
    columnName: columnNames.at,
    rowName: rowNames.at,
  });
  return {
    column,
    unitColumns,
    addObjective: (at, coefficient) => {
      objective[at] = (objective[at] ?? 0) + coefficient;
    },
    addOffset: (constant) => {
      offset += constant;
    },
    row,
    entry,
    build,
  };
}

/** Names by runs: one function covers a run of consecutive indices. */
function nameStore(): {
  push: (count: number, nameOf: (offset: number) => string) => void;
  at: (index: number) => string;
} {
  const firsts: number[] = [];
  const names: ((offset: number) => string)[] = [];
  let length = 0;
  return {
    push: (count, nameOf) => {
      if (count === 0) return;
      firsts.push(length);
      names.push(nameOf);
      length += count;
    },
    at: (index) => {
      let low = 0;
      let high = firsts.length - 1;
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if ((firsts[middle] ?? 0) <= index) low = middle;
        else high = middle - 1;
      }
      const nameOf = names[low];
      if (nameOf === undefined || index < 0 || index >= length) {
        throw new InternalError({
          code: "mip/no-such-index",
          message: `No row or column has index ${index}; there are ${length}.`,
        });
      }
      return nameOf(index - (firsts[low] ?? 0));
    },
  };
}
