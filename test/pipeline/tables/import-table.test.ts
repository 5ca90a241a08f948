import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { exportDictionary } from "../../../src/authors/export-dictionary.ts";
import { countsAt } from "../../../src/latency/lookup.ts";
import { type LatencyTable, parseTable, writeTable } from "../../../src/latency/table.ts";
import { diffTables } from "../../../src/latency/tables/diff.ts";
import { tableCsv } from "../../../src/latency/tables/table-csv.ts";
import { openNetwork } from "../../../src/pipeline/open/network.ts";
import { solveNetwork } from "../../../src/pipeline/solve/solve-network.ts";
import { solveNetworkOptions } from "../../../src/pipeline/solve/solve-settings.ts";
import { importTable } from "../../../src/pipeline/tables/import-table.ts";
import { tableFor } from "../../../src/pipeline/tables/table-source.ts";
import { silentRun } from "../../helpers/run-context.ts";

const folder = mkdtempSync(join(tmpdir(), "mdp-import-table-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const open = await openNetwork(undefined);
const { table } = tableFor(open, { device: "cpu-amd-epyc", commandLine: "" });
const OPTIONS = { deviceName: "imported", command: "", date: "2026-01-01T00:00:00.000Z" };

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

describe("what others measured becomes a table", () => {
  test("of a CSV file that was exported, cell by cell", () => {
    const path = file("cells.csv", tableCsv(table));
    const read = importTable(open, path, { ...OPTIONS, batch: 8 }).table;
    expect(parseTable(read, path).ops).toEqual(table.ops);
    expect([read.denseMs, read.fixedMs, read.step]).toEqual([table.denseMs, table.fixedMs, 8]);
  });

  test("of a dictionary that was exported: the same convolutions", () => {
    const { entries, leftOut } = exportDictionary(table, open.structure, "t.json");
    expect(leftOut).toBeGreaterThan(0);
    const path = file("lut.json", JSON.stringify(entries));
    const { kind, table: read } = importTable(open, path, OPTIONS);
    expect(kind).toBe("a JSON dictionary");
    const diff = diffTables(table, read, 0.3);
    expect(diff.onlySecond).toEqual([]);
    expect(diff.cells.both).toBeGreaterThan(1000);
    // Several convolutions stand under one key with their mean.
    expect(diff.p90Moved).toBeLessThan(0.3);
    expect(parseTable(read, path)).toEqual(read);
  });

  test("of nn-Meter's kernels and of a CSV dictionary, to the same times", () => {
    const { entries } = exportDictionary({ ...table, batch: 1 }, open.structure, "t.json");
    const kernels: Record<string, unknown> = {};
    const rows = ["batch,cin,cout,fmap,kernel,stride,groups,ms"];
    for (const [index, [key, ms]] of Object.entries(entries).entries()) {
      const [batch, CIN, COUT, HW, KERNEL_SIZE, STRIDES] = key.split("_").map(Number);
      const config = { CIN, COUT, HW, KERNEL_SIZE, STRIDES };
      kernels[`id${index}`] = { model: "m", config, latency: `${ms} +- 0.01` };
      rows.push([batch, CIN, COUT, HW, KERNEL_SIZE, STRIDES, 1, ms].join(","));
    }
    const meter = file(
      "profiled_results.json",
      JSON.stringify({ "conv-bn-relu": kernels, maxpool: { x: { latency: "1 +- 0" } } }),
    );
    const first = importTable(open, meter, OPTIONS);
    expect(first.kind).toBe("nn-Meter's kernels");
    expect(first.table.notes.join()).toContain("1 kernels that are no convolutions");
    const second = importTable(open, file("dictionary.csv", `${rows.join("\n")}\n`), OPTIONS);
    expect(second.table.ops).toEqual(first.table.ops);
  });

  test("of a profile of trtexec, which corrects the cells of the table before it", () => {
    const base = join(folder, "base.json");
    writeTable(base, table);
    const dense = table.ops.map((op) => ({ name: op.label, averageMs: 1.5 * (op.ms.at(-1) ?? 0) }));
    const profile = file(
      "profile.json",
      JSON.stringify([
        { count: 100 },
        ...dense.map((layer) => ({ timeMs: 1, percentage: 1, ...layer })),
      ]),
    );
    const read = importTable(open, profile, { ...OPTIONS, base }).table;
    expect(read.denseMs).toBeCloseTo(
      dense.reduce((sum, { averageMs }) => sum + averageMs, 0),
      6,
    );
    const [op] = read.ops;
    expect(op?.origin.at(-1)).toBe("m");
    expect(countsAt((op?.ms.length ?? 1) - 1, op?.counts ?? [])).toEqual(
      table.ops[0]?.counts.map((axis) => axis.at(-1)),
    );
    expect(() => importTable(open, profile, OPTIONS)).toThrow(
      expect.objectContaining({ code: "cli/import-base" }),
    );
    expect(() => importTable(open, profile, { ...OPTIONS, base, batch: 1 })).toThrow(
      expect.objectContaining({ code: "latency/other-setting", exitCode: 3 }),
    );
  });

  test("or an error that says what is known", () => {
    for (const [name, content] of [
      ["other.json", '{"a": 1}'],
      ["table.json", '{"schema": "mdp-latency-table/1"}'],
    ] as const) {
      expect(() => importTable(open, file(name, content), OPTIONS)).toThrow(
        expect.objectContaining({ code: "cli/import-content", exitCode: 3 }),
      );
    }
  });
});

test("a table of another batch than asked for is refused", () => {
  const path = join(folder, "batch.json");
  writeTable(path, table);
  expect(() => tableFor(open, { table: path, batch: 1, commandLine: "" })).toThrow(
    expect.objectContaining({ code: "latency/other-setting", exitCode: 3 }),
  );
});

test("energy is limited where the table has it, as counted on the subnet, and refused where it has not", async () => {
  const energy = { dense: 2 * table.denseMs, fixed: 0.1, how: "by hand" };
  const powered: LatencyTable = {
    ...table,
    energyMj: energy,
    ops: table.ops.map((op) => ({ ...op, energyMj: op.ms.map((ms) => 2 * ms) })),
  };
  const path = join(folder, "powered.json");
  writeTable(path, powered);
  const ask = async (from: string, limit: string) => {
    const source = tableFor(open, { table: from, commandLine: "" });
    const options = solveNetworkOptions(
      {
        limit: [limit],
        maxPrune: 0.95,
        blocks: true,
        layers: true,
        gap: 5e-3,
        budget: "none",
        multipleOf: 16,
      },
      source.table.step,
    );
    return solveNetwork(open, source, options, silentRun);
  };
  const { limits } = await ask(path, "energy <= 7 mJ");
  expect(limits[0]).toMatchObject({ kind: "millijoules", limit: 7 });
  expect(limits[0]?.used).toBeLessThanOrEqual(7);
  expect(limits[0]?.used).toBeGreaterThan(6);
  const plain = join(folder, "plain.json");
  writeTable(plain, table);
  await expect(ask(plain, "energy <= 7 mJ")).rejects.toMatchObject({ code: "latency/no-column" });
  await expect(ask(path, "energy <= 7 ms")).rejects.toMatchObject({
    code: "formulation/limit-unit",
  });
});
