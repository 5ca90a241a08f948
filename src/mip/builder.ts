import { at as entryAt } from "../core/at.ts";
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

type Name = string | (() => string);

/** A builder for a model of that name and sense. */
export function createModelBuilder(name: string, sense: Sense): ModelBuilder {
  const columns = columnStore();
  const rows = rowStore();
  let offset = 0;
  return {
    column: columns.add,
    unitColumns: columns.addUnits,
    addObjective: columns.addObjective,
    addOffset: (constant) => {
      offset += constant;
    },
    row: rows.add,
    entry: rows.entry,
    build: () => ({ name, sense, objectiveOffset: offset, ...columns.build(), ...rows.build() }),
  };
}

function columnStore(): {
  add: ModelBuilder["column"];
  addUnits: ModelBuilder["unitColumns"];
  addObjective: ModelBuilder["addObjective"];
  build: () => Pick<
    Model,
    "columnCount" | "objective" | "columnLower" | "columnUpper" | "integer" | "columnName"
  >;
} {
  const lower: number[] = [];
  const upper: number[] = [];
  const integer: number[] = [];
  const objective: number[] = [];
  const names = nameStore();
  const push = (low: number, high: number, isInteger: boolean): number => {
    lower.push(low);
    upper.push(high);
    integer.push(isInteger ? 1 : 0);
    objective.push(0);
    return lower.length - 1;
  };
  return {
    add: (low, high, isInteger, name) => {
      names.push(1, typeof name === "string" ? () => name : name);
      return push(low, high, isInteger);
    },
    addUnits: (count, nameOf) => {
      names.push(count, nameOf);
      const first = lower.length;
      for (let made = 0; made < count; made += 1) push(0, 1, false);
      return first;
    },
    addObjective: (column, coefficient) => {
      objective[column] = entryAt(objective, column) + coefficient;
    },
    build: () => ({
      columnCount: lower.length,
      objective: Float64Array.from(objective),
      columnLower: Float64Array.from(lower),
      columnUpper: Float64Array.from(upper),
      integer: Uint8Array.from(integer),
      columnName: names.at,
    }),
  };
}

function rowStore(): {
  add: ModelBuilder["row"];
  entry: ModelBuilder["entry"];
  build: () => Pick<
    Model,
    "rowCount" | "rowLower" | "rowUpper" | "rowStarts" | "entryColumns" | "entryValues" | "rowName"
  >;
} {
  const lower: number[] = [];
  const upper: number[] = [];
  const starts: number[] = [];
  const entryColumns: number[] = [];
  const entryValues: number[] = [];
  const names = nameStore();
  // Position of a column's entry in the open row, so that repeated columns are summed.
  let open = new Map<number, number>();
  return {
    add: (low, high, name) => {
      names.push(1, typeof name === "string" ? () => name : name);
      lower.push(low);
      upper.push(high);
      starts.push(entryColumns.length);
      open = new Map();
      return lower.length - 1;
    },
    entry: (column, coefficient) => {
      if (coefficient === 0) return;
      const seen = open.get(column);
      if (seen === undefined) {
        open.set(column, entryColumns.length);
        entryColumns.push(column);
        entryValues.push(coefficient);
      } else {
        entryValues[seen] = entryAt(entryValues, seen) + coefficient;
      }
    },
    build: () => ({
      rowCount: lower.length,
      rowLower: Float64Array.from(lower),
      rowUpper: Float64Array.from(upper),
      rowStarts: Int32Array.from([...starts, entryColumns.length]),
      entryColumns: Int32Array.from(entryColumns),
      entryValues: Float64Array.from(entryValues),
      rowName: names.at,
    }),
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
        if (entryAt(firsts, middle) <= index) low = middle;
        else high = middle - 1;
      }
      const nameOf = names[low];
      if (nameOf === undefined || index < 0 || index >= length) {
        throw new InternalError({
          code: "mip/no-such-index",
          message: `No row or column has index ${index}; there are ${length}.`,
        });
      }
      return nameOf(index - entryAt(firsts, low));
    },
  };
}
