import { describe, expect, test } from "vitest";
import { latencyGrid, latencyMs } from "../../src/latency/lookup.ts";
import {
  formatTable,
  type LatencyOp,
  type LatencyTable,
  parseTable,
} from "../../src/latency/table.ts";

const op: LatencyOp = {
  id: "conv_out",
  label: "/conv/Conv",
  kind: "Conv+Relu",
  axes: [
    { fixed: 0, parts: [{ dim: 0, perUnit: 1 }] },
    { fixed: 16, parts: [{ dim: 1, perUnit: 2 }] },
  ],
  counts: [
    [8, 16],
    [20, 24, 32],
  ],
  ms: [1, 2, 4, 2, 4, 8],
  origin: "mmimmp",
};

const table: LatencyTable = {
  schema: "mdp-latency-table/1",
  device: { name: "cpu-test", kind: "measured", model: "test", cores: 2, power: null },
  runtime: { name: "onnxruntime", version: "1.30.0" },
  precision: "float32",
  batch: 1,
  threads: 1,
  optimisation: "all",
  date: "2026-01-01T00:00:00.000Z",
  command: "mdp profile net.onnx",
  repeats: 20,
  runs: 12,
  step: 8,
  spread: 0.01,
  network: { name: "net", structureHash: "abc", inputShape: [1, 3, 8, 8] },
  denseMs: 9,
  scale: 1.02,
  fixedMs: 0.5,
  expectedError: null,
  notes: [],
  ops: [op],
};

describe("latencyMs", () => {
  test("reads a covered cell as it is", () => {
    expect(latencyMs(op, [16, 24])).toEqual({ ms: 4, origin: "m" });
    expect(latencyMs(op, [8, 32])).toEqual({ ms: 4, origin: "i" });
    expect(latencyMs(op, [16, 32])).toEqual({ ms: 8, origin: "p" });
  });

  test("interpolates between covered counts on every axis", () => {
    expect(latencyMs(op, [12, 22])).toEqual({ ms: 2.25, origin: "i" });
    expect(latencyMs(op, [16, 28])).toEqual({ ms: 6, origin: "p" });
  });

  test("refuses counts outside of the table and says what to do", () => {
    for (const counts of [[4, 20], [8, 40], [8]]) {
      expect(() => latencyMs(op, counts)).toThrowError(
        expect.objectContaining({ code: "latency/outside-table", where: "conv_out" }),
      );
    }
  });

  test("reads operations that no count shapes", () => {
    const fixed = { ...op, axes: [], counts: [], ms: [0.25], origin: "m" };
    expect(latencyMs(fixed, [])).toEqual({ ms: 0.25, origin: "m" });
  });
});

describe("latencyGrid", () => {
  test("gives the time of every combination, to the last bit", () => {
    const uneven = { ...op, ms: op.ms.map((ms, cell) => ms / 3 + cell / 7) };
    const lengths = [
      [8, 11, 16],
      [20, 21, 24, 29, 32],
    ];
    const grid = latencyGrid(uneven, lengths);
    const single = (lengths[0] ?? []).flatMap((first) =>
      (lengths[1] ?? []).map((second) => latencyMs(uneven, [first, second]).ms),
    );
    expect([...grid]).toEqual(single);
    expect(new Set(grid).size).toBeGreaterThan(10);
    expect([...latencyGrid({ ...op, axes: [], counts: [], ms: [0.25], origin: "m" }, [])]).toEqual([
      0.25,
    ]);
  });

  test("refuses what latencyMs refuses, with the same words", () => {
    const refusal = (run: () => unknown): unknown => {
      try {
        return run();
      } catch (error) {
        return String(error);
      }
    };
    const grid = refusal(() =>
      latencyGrid(op, [
        [8, 16],
        [20, 40],
      ]),
    );
    expect(grid).toBe(refusal(() => latencyMs(op, [8, 40])));
    expect(grid).toContain("the table covers");
  });
});

describe("table files", () => {
  test("come back as they were written, one line per operation", () => {
    const text = formatTable(table);
    expect(parseTable(JSON.parse(text), "table.json")).toEqual(table);
    expect(text.split("\n").filter((line) => line.includes('"conv_out"'))).toHaveLength(1);
  });

  const broken: readonly (readonly [string, unknown])[] = [
    ["another schema", { ...table, schema: "mdp-latency-table/9" }],
    ["a missing field", { ...table, fixedMs: undefined }],
    ["too few times", { ...table, ops: [{ ...op, ms: [1, 2] }] }],
    ["unknown origins", { ...table, ops: [{ ...op, origin: "mmmmmx" }] }],
    ["counts out of order", { ...table, ops: [{ ...op, counts: [[16, 8], op.counts[1]] }] }],
    ["an axis without counts", { ...table, ops: [{ ...op, counts: [op.counts[0]] }] }],
    ["no object", "table"],
  ];
  test.each(broken)("are refused with %s", (_, value) => {
    expect(() => parseTable(value, "table.json")).toThrowError(
      expect.objectContaining({ code: "latency/bad-table", where: "table.json" }),
    );
  });
});
