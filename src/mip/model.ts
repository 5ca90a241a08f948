import { at } from "../core/at.ts";
/**
 * A mixed-integer program, free of any solver:
 *
 *     maximise or minimise  objective . x + objectiveOffset
 *     subject to            rowLower <= A x <= rowUpper,  columnLower <= x <= columnUpper,
 *                           x[j] integer where integer[j] is 1
 *
 * A is stored by rows: the entries of row r are positions rowStarts[r] .. rowStarts[r + 1] - 1 of
 * `entryColumns` and `entryValues`, each column at most once per row. Infinite bounds are +-Infinity.
 */
export interface Model {
  readonly name: string;
  readonly sense: Sense;
  readonly columnCount: number;
  readonly rowCount: number;
  readonly objective: Float64Array;
  readonly objectiveOffset: number;
  readonly columnLower: Float64Array;
  readonly columnUpper: Float64Array;
  readonly integer: Uint8Array;
  readonly rowLower: Float64Array;
  readonly rowUpper: Float64Array;
  readonly rowStarts: Int32Array;
  readonly entryColumns: Int32Array;
  readonly entryValues: Float64Array;
  /** Names are made when they are asked for: most solves never ask. */
  readonly columnName: (column: number) => string;
  readonly rowName: (row: number) => string;
}

export type Sense = "maximize" | "minimize";

/** What can cross to a worker thread: a model without its name functions. */
export type ModelData = Omit<Model, "columnName" | "rowName">;

/** The arrays of a model without its name functions. Nothing is copied. */
export function modelData(model: Model): ModelData {
  const { columnName: _columnName, rowName: _rowName, ...data } = model;
  return data;
}

/** Objective of a point. `values` has one entry per column. */
export function objectiveOf(model: ModelData, values: Float64Array): number {
  let total = model.objectiveOffset;
  for (let column = 0; column < model.columnCount; column += 1) {
    total += at(model.objective, column) * at(values, column);
  }
  return total;
}
