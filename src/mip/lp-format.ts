import { at as entryAt } from "../core/at.ts";
import type { Model } from "./model.ts";

/**
 * The model in CPLEX LP format, which HiGHS, GLPK, Gurobi, SCIP and CPLEX read. Names are made safe for the
 * format and unique; numbers are written in full, so that a reader gets the same program back.
 */
export function* lpFormat(model: Model): Generator<string> {
  const columns = uniqueNames(model.columnCount, model.columnName, "x");
  const rows = uniqueNames(model.rowCount, model.rowName, "r");
  yield `\\ ${model.name.replaceAll(/[\r\n]/g, " ")}\n`;
  yield model.sense === "maximize" ? "Maximize\n obj:" : "Minimize\n obj:";
  yield* expression(objectiveEntries(model), columns);
  if (model.objectiveOffset !== 0) yield ` ${signed(model.objectiveOffset)}`;
  yield "\nSubject To\n";
  for (let row = 0; row < model.rowCount; row += 1) yield* rowText(model, row, rows, columns);
  yield "Bounds\n";
  for (let column = 0; column < model.columnCount; column += 1) {
    yield boundText(model, column, columns[column] ?? "");
  }
  const integers = columns.filter((_, column) => model.integer[column] === 1);
  if (integers.length > 0) yield `General\n${integers.map((name) => ` ${name}\n`).join("")}`;
  yield "End\n";
}

function* objectiveEntries(model: Model): Generator<[number, number]> {
  for (let column = 0; column < model.columnCount; column += 1) {
    const coefficient = entryAt(model.objective, column);
    if (coefficient !== 0) yield [column, coefficient];
  }
}

function* rowEntries(model: Model, row: number): Generator<[number, number]> {
  const end = entryAt(model.rowStarts, row + 1);
  for (let at = entryAt(model.rowStarts, row); at < end; at += 1) {
    yield [entryAt(model.entryColumns, at), entryAt(model.entryValues, at)];
  }
}

// Some readers limit the length of a line, so that long expressions are broken.
const TERMS_PER_LINE = 8;

function* expression(
  entries: Iterable<[number, number]>,
  names: readonly string[],
): Generator<string> {
  let written = 0;
  for (const [column, coefficient] of entries) {
    if (written > 0 && written % TERMS_PER_LINE === 0) yield "\n  ";
    yield ` ${signed(coefficient)} ${names[column]}`;
    written += 1;
  }
  if (written === 0) yield ` 0 ${names[0] ?? "x0"}`;
}

function* rowText(
  model: Model,
  row: number,
  rows: readonly string[],
  columns: readonly string[],
): Generator<string> {
  const lower = model.rowLower[row] ?? Number.NEGATIVE_INFINITY;
  const upper = model.rowUpper[row] ?? Number.POSITIVE_INFINITY;
  const sides: [string, string, number][] = [];
  if (lower === upper) sides.push(["", "=", lower]);
  else {
    // The format has no reliable way to write two sides of one row, so that a range becomes two rows.
    if (Number.isFinite(upper)) sides.push(["", "<=", upper]);
    if (Number.isFinite(lower)) sides.push([sides.length > 0 ? "_low" : "", ">=", lower]);
  }
  for (const [suffix, relation, side] of sides) {
    yield ` ${rows[row]}${suffix}:`;
    yield* expression(rowEntries(model, row), columns);
    yield ` ${relation} ${side}\n`;
  }
}

function boundText(model: Model, column: number, name: string): string {
  const lower = entryAt(model.columnLower, column);
  const upper = entryAt(model.columnUpper, column);
  if (lower === upper) return ` ${name} = ${lower}\n`;
  if (lower === Number.NEGATIVE_INFINITY && upper === Number.POSITIVE_INFINITY) {
    return ` ${name} free\n`;
  }
  if (upper === Number.POSITIVE_INFINITY) return ` ${name} >= ${lower}\n`;
  return ` ${lower === Number.NEGATIVE_INFINITY ? "-inf" : lower} <= ${name} <= ${upper}\n`;
}

function signed(value: number): string {
  return value < 0 ? `- ${-value}` : `+ ${value}`;
}

function uniqueNames(count: number, nameOf: (index: number) => string, fallback: string): string[] {
  const taken = new Set<string>();
  return Array.from({ length: count }, (_, index) => {
    // Square brackets mean quadratic terms to some readers.
    const round = nameOf(index).replaceAll("[", "(").replaceAll("]", ")");
    const safe = round.replaceAll(/[^A-Za-z0-9_.(),#]/g, "_");
    // The format reads a leading digit or period as a number, and e1 as an exponent.
    const start = /^[A-Za-df-z_]/.test(safe) ? safe : `${fallback}_${safe}`;
    const name = taken.has(start) ? `${start}#${index}` : start;
    taken.add(name);
    return name;
  });
}
