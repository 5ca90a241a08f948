import { at as entryAt } from "../core/at.ts";
import type { Model } from "./model.ts";

/** A row, bound or integrality that a point breaks, and by how much. */
export interface Violation {
  readonly kind: "row" | "bound" | "integrality";
  readonly name: string;
  /** How far outside, in the units of the row or column. */
  readonly amount: number;
}

/**
 * Everything that a point breaks by more than the tolerance, recomputed from the arrays alone. Rows are
 * judged relative to their largest coefficient, so that a row in microseconds and one in bytes are treated alike.
 *
 * @param values one entry per column
 */
export function violations(model: Model, values: Float64Array, tolerance = 1e-6): Violation[] {
  return [
    ...columnViolations(model, values, tolerance),
    ...rowViolations(model, values, tolerance),
  ];
}

function columnViolations(model: Model, values: Float64Array, tolerance: number): Violation[] {
  const found: Violation[] = [];
  for (let column = 0; column < model.columnCount; column += 1) {
    const value = values[column] ?? Number.NaN;
    const outside = outsideBy(
      value,
      entryAt(model.columnLower, column),
      entryAt(model.columnUpper, column),
    );
    // Written so that NaN counts as a violation.
    if (!(outside <= tolerance)) {
      found.push({ kind: "bound", name: model.columnName(column), amount: outside });
    }
    const fraction = Math.abs(value - Math.round(value));
    if (model.integer[column] === 1 && !(fraction <= tolerance)) {
      found.push({ kind: "integrality", name: model.columnName(column), amount: fraction });
    }
  }
  return found;
}

function rowViolations(model: Model, values: Float64Array, tolerance: number): Violation[] {
  const found: Violation[] = [];
  for (let row = 0; row < model.rowCount; row += 1) {
    let activity = 0;
    let largest = 1;
    const end = entryAt(model.rowStarts, row + 1);
    for (let at = entryAt(model.rowStarts, row); at < end; at += 1) {
      const coefficient = entryAt(model.entryValues, at);
      activity += coefficient * (values[entryAt(model.entryColumns, at)] ?? Number.NaN);
      largest = Math.max(largest, Math.abs(coefficient));
    }
    const outside = outsideBy(activity, entryAt(model.rowLower, row), entryAt(model.rowUpper, row));
    if (!(outside <= tolerance * largest)) {
      found.push({ kind: "row", name: model.rowName(row), amount: outside });
    }
  }
  return found;
}

function outsideBy(value: number, lower: number, upper: number): number {
  return Number.isNaN(value) ? Number.NaN : Math.max(0, lower - value, value - upper);
}
