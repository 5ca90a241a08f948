import { parse } from "csv-parse/sync";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import type { SweepPoint, SweepReport } from "../../src/documents/sweep.ts";
import { sweepSvg } from "../../src/report/figures/sweep-chart.ts";
import { painter } from "../../src/report/painter.ts";
import { sweepCsv, sweepText } from "../../src/report/sweep-report.ts";

function point(change: Partial<SweepPoint>): SweepPoint {
  return {
    budget: "90%",
    limit: 3.6,
    status: "optimal",
    latency: 3.5,
    importance: 95,
    objective: 95,
    bound: 95,
    gap: 0,
    parameters: 900_000,
    macs: 8e8,
    droppedBlocks: ["block 1"],
    droppedLayers: [],
    least: null,
    subnet: "subnet-90pct.json",
    notes: [],
    ...change,
  };
}

const NONE = {
  latency: null,
  importance: null,
  objective: null,
  bound: null,
  gap: null,
  parameters: null,
  macs: null,
  droppedBlocks: null,
  droppedLayers: null,
  subnet: null,
};

const REPORT: SweepReport = {
  schema: "mdp-sweep/1",
  name: "tiny",
  head: null,
  options: null,
  unit: "ms",
  dense: { latency: 4, importance: 100, parameters: 1_000_000, macs: 1e9 },
  points: [
    point({}),
    point({
      budget: "2ms, or so",
      limit: 2,
      latency: 1.9,
      importance: 70,
      objective: 70,
      bound: 72,
      gap: 0.02857,
      status: "feasible",
      droppedLayers: ["conv"],
    }),
    point({ budget: "20%", limit: 0.8, status: "infeasible", ...NONE, least: 1.25 }),
    point({ budget: "10%", limit: 0.4, status: "unsolved", ...NONE, notes: ["No time."] }),
  ],
  complete: true,
  notes: ["About the table."],
};

test("the frontier as people read it says what each point is and what it rests on", async () => {
  await expect(sweepText(REPORT, painter(false))).toMatchFileSnapshot("../golden/sweep-report.txt");
});

test("one that was interrupted says so", () => {
  const text = sweepText({ ...REPORT, complete: false }, painter(false));
  expect(text).toContain("Interrupted: budgets that are missing were not solved.");
});

test("the CSV has a line per point that spreadsheets read, with empty cells where there is no subnet", () => {
  const rows = parse(sweepCsv(REPORT), { columns: true }) as Record<string, string>[];
  expect(rows).toHaveLength(4);
  expect(rows[1]).toMatchObject({
    budget: "2ms, or so",
    status: "feasible",
    importance_share: "0.7",
    dropped_layers: "1",
  });
  expect(rows[2]).toMatchObject({ status: "infeasible", latency: "", subnet: "" });
});

describe("the figure", () => {
  test("has the same bytes each time, and no identifiers of this process", async () => {
    const svg = await sweepSvg(REPORT);
    expect(await sweepSvg(REPORT)).toBe(svg);
    expect(svg).not.toMatch(/zr\d|fill-opacity="0"|clip|dominant-baseline/);
  });

  test("names its axes with units, labels each point with its budget, and is an image", async () => {
    const svg = await sweepSvg(REPORT);
    for (const text of [
      "latency (ms)",
      "importance kept (%)",
      "90%",
      "2ms, or so",
      "tiny",
      "not proven",
    ]) {
      expect(svg).toContain(text);
    }
    expect(svg).not.toContain("20%<");
    const { width, height } = await sharp(Buffer.from(svg)).metadata();
    expect([width, height]).toEqual([880, 520]);
  });
});
