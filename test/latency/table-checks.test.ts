import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { packageRoot } from "../../src/core/files.ts";
import { columnTable } from "../../src/latency/column-table.ts";
import {
  formatTable,
  type LatencyTable,
  parseTable,
  readTable,
  tableHash,
  writeTable,
  writeTableBySize,
} from "../../src/latency/table.ts";
import { smallTable } from "./tables/small-table.ts";

const folder = mkdtempSync(join(tmpdir(), "mdp-table-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const withColumns: LatencyTable = {
  ...smallTable,
  schema: "mdp-latency-table/2",
  interval: { level: 0.9, common: 0.05, how: "by hand" },
  energyMj: { dense: 20, fixed: 1, how: "by hand" },
  ops: smallTable.ops.map((op) => ({
    ...op,
    lowMs: op.ms.map((ms) => ms - 0.5),
    highMs: op.ms.map((ms) => ms + 0.5),
    energyMj: op.ms.map((ms) => 2 * ms),
  })),
};

function refused(change: (table: LatencyTable) => unknown): string {
  const value: unknown = change(JSON.parse(formatTable(smallTable)) as LatencyTable);
  try {
    parseTable(value, "t.json");
  } catch (error) {
    expect(error).toMatchObject({ code: "latency/bad-table", exitCode: 3, where: "t.json" });
    return (error as Error).message;
  }
  return "accepted";
}

/** The table with its first operation changed. */
function withFirst(table: LatencyTable, change: object): unknown {
  const [first, ...rest] = table.ops;
  return { ...table, ops: [{ ...first, ...change }, ...rest] };
}

describe("a table that is read", () => {
  test("may have intervals and energy, and then is of version 2", () => {
    const text = formatTable(withColumns);
    expect(text).toContain('"mdp-latency-table/2"');
    expect(parseTable(JSON.parse(text), "t.json")).toEqual(withColumns);
    expect(formatTable({ ...smallTable, schema: "mdp-latency-table/2" })).toContain(
      '"mdp-latency-table/1"',
    );
  });

  test("names the cell of a hole, of a time below zero and of one outside its interval", () => {
    expect(refused((table) => withFirst(table, { ms: [1, null, 3, 4] }))).toContain(
      "Conv 'a' at (8, 16) channels has no ms: the table has a hole",
    );
    expect(refused((table) => withFirst(table, { ms: [1, 2, -3, 4] }))).toContain(
      "Conv 'a' at (16, 8) channels: ms is -3",
    );
    const outside = withFirst(withColumns, { highMs: [1.5, 1.5, 3.5, 4.5] });
    expect(() => parseTable(outside, "t.json")).toThrow(
      expect.objectContaining({ message: expect.stringContaining("(8, 16) channels") }),
    );
  });

  test("names counts and operations that are there twice, and unknown origins", () => {
    const twice = {
      counts: [
        [8, 8],
        [8, 16],
      ],
    };
    expect(refused((table) => withFirst(table, twice))).toContain("8 is there twice");
    expect(refused((table) => ({ ...table, ops: [...table.ops, ...table.ops] }))).toContain(
      "'a_out' is there twice",
    );
    expect(refused((table) => withFirst(table, { origin: "mmxm" }))).toContain("(16, 8) channels");
  });

  test("is refused where its times are in another unit than the whole network's", () => {
    const micro = refused((table) => ({
      ...table,
      ops: table.ops.map((op) => ({ ...op, ms: op.ms.map((ms) => 1000 * ms) })),
    }));
    expect(micro).toContain("milliseconds");
    expect(micro).toContain("(16, 16) channels");
  });

  test("is refused where only some operations have a column, or none the one that the header names", () => {
    expect(refused((table) => withFirst(table, { energyMj: [1, 2, 3, 4] }))).toContain("energyMj");
    const header = { dense: 1, fixed: 0, how: "" };
    expect(refused((table) => ({ ...table, energyMj: header }))).toContain("energyMj");
  });

  test("of an earlier version is read as before", () => {
    const path = join(packageRoot(), "latency-tables/cpu-amd-epyc/shapes-resnet-b8.json");
    const table = readTable(path);
    expect(JSON.parse(formatTable(table))).toEqual(JSON.parse(readFileSync(path, "utf8")));
  });
});

describe("table files", () => {
  test("are compressed where their name says so or they are large, and found under the plain name", () => {
    const path = join(folder, "t.json");
    writeTable(`${path}.gz`, smallTable);
    expect(readTable(`${path}.gz`)).toEqual(smallTable);
    expect(readTable(path)).toEqual(smallTable);
    expect(writeTableBySize(path, smallTable)).toBe(path);
    expect(() => readFileSync(`${path}.gz`)).toThrow();
    const large = { ...smallTable, notes: ["x".repeat(2 ** 20)] };
    expect(writeTableBySize(path, large)).toBe(`${path}.gz`);
    expect(() => readFileSync(path)).toThrow();
    expect(tableHash(readTable(path))).toBe(tableHash(large));
  });

  test("that were cut off are an error", () => {
    const path = join(folder, "cut.json.gz");
    writeTable(path, smallTable);
    writeFileSync(path, readFileSync(path).subarray(0, 60));
    expect(() => readTable(path)).toThrow(expect.objectContaining({ code: "latency/bad-table" }));
  });
});

describe("columnTable", () => {
  test("puts energy in the place of time, and refuses a table without it", () => {
    const energy = columnTable(withColumns, "energyMj");
    expect(energy.ops[0]?.ms).toEqual([2, 4, 6, 8]);
    expect([energy.denseMs, energy.fixedMs]).toEqual([20, 1]);
    expect(() => columnTable(smallTable, "energyMj")).toThrow(
      expect.objectContaining({ code: "latency/no-column", exitCode: 3 }),
    );
  });
});
