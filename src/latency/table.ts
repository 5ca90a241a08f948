import { existsSync, rmSync } from "node:fs";
import { gunzipSync, gzipSync } from "node:zlib";
import { InputError } from "../core/errors.ts";
import { parseJson, readFileBytes, sha256, writeFileAtomic } from "../core/files.ts";
import { firstIssues } from "../core/schema.ts";
import { significant } from "../core/significant.ts";
import { placeOf, tableFault } from "./table-checks.ts";
import { COLUMNS, type LatencyTable, schemaOf, TABLE } from "./table-schema.ts";

export type { CellOrigin, LatencyOp, LatencyTable } from "./table-schema.ts";

/**
 * Checks what was read from a table file: every cell is there, in range, once, and in its unit.
 * @throws InputError `latency/bad-table`
 */
export function parseTable(value: unknown, where: string): LatencyTable {
  const parsed = TABLE.safeParse(value);
  if (!parsed.success) {
    const place = parsed.error.issues.map(({ path }) => placeOf(value, path)).find(Boolean);
    throw badTable(where, place ?? firstIssues(parsed.error));
  }
  const fault = tableFault(parsed.data);
  if (fault !== null) throw badTable(where, fault);
  return parsed.data;
}

/** Texts longer than this are compressed where the writer may choose. */
const LARGE = 2 ** 20;
const GZIP_MAGIC = [0x1f, 0x8b];

/**
 * Reads a table, compressed or not. A table that has grown is found under its old name: `t.json` also means `t.json.gz`.
 * @throws InputError `core/read-failed`, `core/not-json`, `latency/bad-table`
 */
export function readTable(path: string): LatencyTable {
  const file = !existsSync(path) && existsSync(`${path}.gz`) ? `${path}.gz` : path;
  return parseTable(parseJson(tableText(file), file), file);
}

function tableText(path: string): string {
  const bytes = readFileBytes(path);
  const isCompressed = GZIP_MAGIC.every((byte, index) => bytes[index] === byte);
  try {
    return new TextDecoder().decode(isCompressed ? gunzipSync(bytes) : bytes);
  } catch (cause) {
    throw new InputError({
      code: "latency/bad-table",
      message: `The compressed table can't be unpacked: ${cause instanceof Error ? cause.message : cause}.`,
      where: path,
      hint: "It was cut off or damaged on its way: copy it again.",
      cause,
    });
  }
}

/** Writes the table as JSON that people can read: one line per operation. Compressed where the name ends in `.gz`. */
export function writeTable(path: string, table: LatencyTable): void {
  const text = formatTable(table);
  writeFileAtomic(path, path.endsWith(".gz") ? gzipSync(text) : text);
}

/**
 * Writes the table under the name, or compressed under the name with `.gz` where it is large. What had been written under
 * the other name is removed.
 * @returns the name of the file
 */
export function writeTableBySize(path: string, table: LatencyTable): string {
  const plain = path.replace(/\.gz$/, "");
  const isLarge = formatTable(table).length > LARGE;
  const [file, other] = isLarge ? [`${plain}.gz`, plain] : [plain, `${plain}.gz`];
  writeTable(file, table);
  rmSync(other, { force: true });
  return file;
}

/** Whether a file of a device's folder is a table, by its name. */
export function isTableFile(name: string): boolean {
  return /\.json(\.gz)?$/.test(name) && name !== "device.json";
}

/** SHA-256 of what a table says; when and by which command it was made is left out. */
export function tableHash(table: LatencyTable): string {
  return sha256(formatTable({ ...table, date: "", command: "" }));
}

/** The text of a table file. */
export function formatTable(table: LatencyTable): string {
  const { ops, ...head } = { ...table, schema: schemaOf(table) };
  const lines = ops.map((op) => {
    const { id, label, kind, axes, counts, ms, origin } = op;
    const columns = COLUMNS.flatMap((column) => {
      const values = op[column];
      return values === undefined ? [] : [[column, values.map(written)] as const];
    });
    const cells = { ms: ms.map(written), ...Object.fromEntries(columns), origin };
    return `  ${JSON.stringify({ id, label, kind, axes, counts, ...cells })}`;
  });
  const opening = JSON.stringify(head, null, 1).replace(/\n\}$/, "");
  return `${opening},\n "ops": [\n${lines.join(",\n")}\n ]\n}\n`;
}

/** With six digits: nothing that is measured here is finer. */
function written(value: number): number {
  return significant(value, 6);
}

function badTable(where: string, what: string): InputError {
  return new InputError({
    code: "latency/bad-table",
    message: `This is no latency table that can be used: ${what}`,
    where,
    hint: "Make it again with `mdp profile`, or name another table.",
  });
}
