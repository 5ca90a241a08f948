import { describe, expect, test } from "vitest";
import { latencyMs } from "../../../src/latency/lookup.ts";
import type { ProfiledOp } from "../../../src/latency/ops.ts";
import { type LatencyTable, parseTable } from "../../../src/latency/table.ts";
import { diffTables } from "../../../src/latency/tables/diff.ts";
import { fillGrid, type KnownCell } from "../../../src/latency/tables/fill-grid.ts";
import { mergeTables } from "../../../src/latency/tables/merge.ts";
import { ageDays, coverageOf, widestSumMs } from "../../../src/latency/tables/summary.ts";
import { isTableCsv, readTableCsv, tableCsv } from "../../../src/latency/tables/table-csv.ts";
import { smallTable } from "./small-table.ts";

const named = (path: string, table: LatencyTable) => ({ path, table });
const OPTIONS = { align: true, command: "mdp table merge" };

function changed(
  change: Partial<LatencyTable["ops"][number]>,
  head: Partial<LatencyTable> = {},
): LatencyTable {
  const [first, ...rest] = smallTable.ops;
  if (first === undefined) throw new Error("no operation");
  return { ...smallTable, ...head, ops: [{ ...first, ...change }, ...rest] };
}

describe("mergeTables", () => {
  test("takes the better founded cell, and the mean weighted by networks of equals", () => {
    const other = changed({ ms: [2, 2, 9, 4], origin: "mimm" }, { runs: 30 });
    const { table, both } = mergeTables(named("a", smallTable), named("b", other), OPTIONS);
    // (10 * 1 + 30 * 2) / 40; measured over interpolated on either side.
    expect(table.ops[0]?.ms).toEqual([1.75, 2, 9, 4]);
    expect(table.ops[0]?.origin).toBe("mmmm");
    expect(both).toEqual({ better: 2, averaged: 3, apart: 2 });
    expect(table).toMatchObject({ runs: 40, expectedError: null });
    expect(table.sources).toHaveLength(2);
    expect(parseTable(table, "m")).toEqual(table);
  });

  test("covers the widths of both, and interpolates pairs of widths that neither has", () => {
    const other = changed({
      counts: [
        [8, 16],
        [8, 12, 16],
      ],
      ms: [1, 9, 2, 3, 9, 4],
      origin: "mmmmmm",
    });
    const { table } = mergeTables(named("a", smallTable), named("b", other), OPTIONS);
    const [op] = table.ops;
    expect(op?.counts).toEqual([
      [8, 16],
      [8, 12, 16],
    ]);
    expect(op === undefined ? null : latencyMs(op, [8, 12])).toEqual({ ms: 9, origin: "m" });
  });

  test("brings the second campaign to the first one's speed, unless they are too far apart", () => {
    const slower = changed({ ms: [1.1, 2.2, 3.3, 4.4] }, { denseMs: 5.5, fixedMs: 0.55 });
    const { table, speed } = mergeTables(named("a", smallTable), named("b", slower), OPTIONS);
    expect(speed).toBeCloseTo(1 / 1.1, 12);
    expect(table.ops[0]?.ms[3]).toBeCloseTo(4, 12);
    const far = { ...slower, denseMs: 10 };
    expect(() => mergeTables(named("a", smallTable), named("b", far), OPTIONS)).toThrow(
      expect.objectContaining({ code: "latency/merge-speed" }),
    );
  });

  test("refuses another setting, and says which; and a hole, and says where", () => {
    const other = { ...smallTable, batch: 8, device: { ...smallTable.device, power: "MAXN" } };
    expect(() => mergeTables(named("a", smallTable), named("b", other), OPTIONS)).toThrow(
      expect.objectContaining({
        code: "latency/other-setting",
        message: expect.stringMatching(/power mode not stated and MAXN; batch 1 and 8/),
      }),
    );
    const away = changed({
      counts: [
        [24, 32],
        [24, 32],
      ],
    });
    expect(() => mergeTables(named("a", smallTable), named("b", away), OPTIONS)).toThrow(
      expect.objectContaining({
        code: "latency/merge-grid",
        message: expect.stringContaining("(8, 24) channels"),
      }),
    );
  });
});

describe("diffTables", () => {
  test("tells the drift from the cells that moved beyond it", () => {
    const other = changed({ ms: [1.1, 2.2, 3.3, 8] }, { denseMs: 5.5 });
    const diff = diffTables(smallTable, { ...other, ops: other.ops.slice(0, 1) }, 0.05);
    expect(diff.cells).toEqual({ both: 4, first: 1, second: 0 });
    expect(diff.onlyFirst).toEqual(["b"]);
    expect(diff.moved).toHaveLength(diff.moved.length);
    const same = diffTables(smallTable, smallTable, 0.05);
    expect(same).toMatchObject({ drift: 1, moved: [], medianMoved: 0 });
    const slower = changed({ ms: [1.1, 2.2, 3.3, 4.4] });
    const drifted = diffTables(smallTable, { ...slower, ops: slower.ops.slice(0, 1) }, 0.05);
    expect(drifted.drift).toBeCloseTo(1.1, 12);
    expect(drifted.moved).toEqual([]);
    const one = changed({ ms: [1.1, 2.2, 5, 4.4] });
    const moved = diffTables(smallTable, { ...one, ops: one.ops.slice(0, 1) }, 0.05).moved;
    expect(moved.map(({ channels }) => channels)).toEqual([[16, 8]]);
  });
});

const ops: ProfiledOp[] = smallTable.ops.map((op) => ({
  ...{ label: op.label, kind: op.kind, axes: op.axes, signature: op.kind },
  ...{ family: op.kind, positions: 1, droppable: false },
  id: op.id as ProfiledOp["id"],
  nodes: [],
}));

describe("CSV files", () => {
  test("come back as they were written", () => {
    const text = tableCsv(smallTable);
    expect(isTableCsv(text)).toBe(true);
    const read = readTableCsv(text, ops, "t.csv");
    expect(read).toEqual({ ops: smallTable.ops, fixedMs: 0.5, denseMs: 5, filled: 0, missing: [] });
  });

  test("name the line of a wrong number, an unknown operation and a cell that is there twice", () => {
    const head = "op,channels_1,channels_2,ms\n";
    const cases = [
      ["a,8,8,fast\n", "line 2"],
      ["a,8,8,1\nzz,8,8,1\n", "line 3"],
      ["a,8,8,1\na,8,8,2\n", "(8,8) channels is there twice"],
      ["a,8,8,1\na,16,16,2\n", "no time at (8, 16) channels"],
      ["a,8,8,-1\n", "below 0"],
      ["", "no row"],
    ] as const;
    for (const [rows, told] of cases) {
      expect(() => readTableCsv(head + rows, ops, "t.csv")).toThrow(
        expect.objectContaining({
          code: "latency/bad-csv",
          message: expect.stringContaining(told),
        }),
      );
    }
  });
});

describe("fillGrid", () => {
  test("interpolates between known cells of a row or column, exactly where times are linear", () => {
    const at = (a: number, b: number): KnownCell => ({
      channels: [a, b],
      ms: a + 2 * b,
      origin: "m",
    });
    const known = [1, 2, 3].flatMap((a) => [1, 2, 4].map((b) => at(a, b)));
    const without = known.filter(({ channels: [a, b] }) => !(a === 2 && b !== 1));
    const grid = fillGrid(2, without);
    expect(grid.counts).toEqual([
      [1, 2, 3],
      [1, 2, 4],
    ]);
    expect(grid.ms).toEqual(known.map(({ ms }) => ms));
    expect(grid.origin).toBe("mmmmiimmm");
    expect(grid).toMatchObject({ filled: 2, hole: null });
  });
});

describe("summaries", () => {
  test("count cells by origin, days since the date, and the widest cells", () => {
    expect(coverageOf(smallTable.ops)).toEqual({
      cells: 5,
      measured: 4,
      interpolated: 1,
      predicted: 0,
    });
    expect(ageDays(smallTable, Date.parse("2026-01-03"))).toBe(2);
    expect(ageDays({ date: "not stated" }, 0)).toBeNull();
    expect(widestSumMs(smallTable)).toBe(5);
  });
});
