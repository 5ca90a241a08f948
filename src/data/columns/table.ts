import { parse } from "csv-parse/sync";
import { InputError } from "../../core/errors.ts";
import { readFileBytes } from "../../core/files.ts";

/** A row of a table, and the line of the file that it begins on. */
export interface Row {
  readonly line: number;
  readonly cells: Readonly<Record<string, unknown>>;
}

/**
 * The rows of a CSV with a header (`.csv`) or of JSON lines (`.jsonl`, `.ndjson`), one object a line.
 * @throws InputError `data/bad-table`
 */
export function readRows(path: string): readonly Row[] {
  const text = new TextDecoder().decode(readFileBytes(path));
  return /\.(jsonl|ndjson)$/i.test(path) ? jsonLines(text, path) : csvRows(text, path);
}

/**
 * The cell of a row.
 * @throws InputError `data/bad-table` where the row has none
 */
export function cellOf({ cells, line }: Row, column: string, path: string): unknown {
  const cell = mayBeEmpty({ cells, line }, column, path);
  if (cell !== null && cell !== "") return cell;
  throw badTable(`'${column}' is empty.`, path, line);
}

/**
 * The cell of a row, which may hold nothing.
 * @throws InputError `data/bad-table` where the row has no such column
 */
export function mayBeEmpty({ cells, line }: Row, column: string, path: string): unknown {
  const cell = cells[column];
  if (cell !== undefined) return cell;
  const names = Object.keys(cells).join(", ");
  throw badTable(`There is no '${column}'; the row has ${names}.`, path, line);
}

/**
 * The numbers of a cell: a number, a list, or text with numbers between spaces, commas or semicolons.
 * @throws InputError `data/bad-table` where one is no finite number
 */
export function numbersIn(cell: unknown, column: string, path: string, line: number): number[] {
  const parts: readonly unknown[] = Array.isArray(cell)
    ? cell.flat(Number.POSITIVE_INFINITY)
    : typeof cell === "string"
      ? cell.trim().split(/[\s,;]+/)
      : [cell];
  return parts.map((part) => {
    const value = typeof part === "string" && part !== "" ? Number(part) : part;
    if (typeof value === "number" && Number.isFinite(value)) return value;
    throw badTable(`'${String(part)}' in '${column}' is no finite number.`, path, line);
  });
}

export function badTable(message: string, path: string, line?: number): InputError {
  return new InputError({
    code: "data/bad-table",
    message,
    where: line === undefined ? path : `${path}:${line}`,
    hint: "Fix the row. A CSV needs a header; JSON lines hold one object a line; docs/datasets.md describes both.",
  });
}

function jsonLines(text: string, path: string): Row[] {
  return text.split("\n").flatMap((raw, index): Row[] => {
    if (raw.trim() === "") return [];
    const line = index + 1;
    try {
      const cells: unknown = JSON.parse(raw);
      if (typeof cells === "object" && cells !== null && !Array.isArray(cells)) {
        return [{ line, cells: { ...cells } }];
      }
    } catch {
      // Told below, with the line.
    }
    throw badTable("The line is no JSON object.", path, line);
  });
}

function csvRows(text: string, path: string): Row[] {
  try {
    const rows: { record: Record<string, string>; info: { lines: number } }[] = parse(text, {
      ...{ bom: true, columns: true, info: true, skip_empty_lines: true, trim: true },
    });
    return rows.map(({ record, info }) => ({ line: info.lines, cells: record }));
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    const lines = typeof cause === "object" && cause !== null && "lines" in cause ? cause.lines : 1;
    throw badTable(`It is no CSV: ${message}.`, path, Number(lines));
  }
}
