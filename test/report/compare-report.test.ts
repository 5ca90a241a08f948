import { expect, test } from "vitest";
import type { CompareReport, CompareResult } from "../../src/documents/compare.ts";
import { compareText } from "../../src/report/compare-report.ts";
import { compareSvg } from "../../src/report/figures/compare-chart.ts";

const result: CompareResult = {
  status: "optimal",
  importance: 90,
  latency: 4.9,
  ownLatency: null,
  asPublished: null,
  parameters: { dense: 2000, chosen: 1500 },
  macs: { dense: 4e6, chosen: 2.5e6 },
  droppedBlocks: ["a"],
  droppedLayers: [],
  subnet: null,
};

const report: CompareReport = {
  schema: "mdp-compare/1",
  name: "net",
  source: "board, float16, batch 1",
  predicted: true,
  latency: { unit: "ms", dense: 10, budget: 5 },
  importanceDense: 100,
  rows: [
    { method: "mdp", failed: null, result, seconds: 0.5 },
    {
      method: "linear-latency",
      failed: null,
      result: {
        ...result,
        ...{ status: "feasible", importance: 72, latency: 4.5, ownLatency: 7.25 },
        asPublished: { importance: 60, latency: 2.5, ownLatency: 4.99, fits: true },
        droppedBlocks: [],
      },
      seconds: 1.25,
    },
    { method: "uniform", failed: "It finds none.", result: null, seconds: 0 },
  ],
};

test("methods stand side by side, with what they believed and what they truly take", () => {
  const lines = compareText(report)
    .split("\n")
    .map((line) => line.trimEnd());
  expect(lines[1]).toContain("PREDICTED, not measured");
  expect(lines[2]).toBe("Budget      5 ms of 10 ms (50.0 %)");
  const row = (name: string): string[] =>
    lines.find((line) => line.startsWith(`${name} `))?.split(/ {2,}/) ?? [];
  expect(row("method")).toEqual([
    ...["method", "importance", "against mdp", "latency", "of dense", "own model"],
    ...["parameters", "MACs", "blocks out", "layers out", "seconds"],
  ]);
  expect(row("mdp").slice(1, 5)).toEqual(["90.00 %", "same", "4.9 ms", "49.0 %"]);
  expect(row("linear-latency").slice(1, 6)).toEqual([
    ...["72.00 %", "-20.00 %", "4.5 ms", "45.0 %", "7.25 ms"],
  ]);
  expect(row("uniform")).toEqual(["uniform", "none"]);
  expect(lines).toContain(
    "linear-latency as published, with the budget as its own: its model predicted 4.99 ms, truly 2.5 ms; importance 60.00 %.",
  );
  expect(lines.at(-1)).toBe("uniform: It finds none.");
});

test("a method that ends more than one per cent below the budget is told with the reason", () => {
  const text = compareText(report);
  expect(text).toContain("mdp ends 2.0 % below the budget of 5 ms: proven");
  expect(text).toContain("linear-latency ends 10.0 % below");
  const near = { ...result, latency: 4.96 };
  const rows = report.rows.map((row) => ({ ...row, result: row.result && { ...near } }));
  expect(compareText({ ...report, rows })).not.toContain("below the budget");
});

test("the figure has every method with a subnet, and nothing that a renderer may paint black", async () => {
  const svg = await compareSvg(report);
  for (const text of ["mdp", "linear-latency", "90.00 %, 4.9 ms"]) expect(svg).toContain(text);
  expect(svg).not.toContain("uniform");
  for (const risk of [
    "fill-opacity",
    "clipPath",
    "clip-path",
    "dominant-baseline",
    "transparent",
  ]) {
    expect(svg).not.toContain(risk);
  }
  const none = report.rows.map((row) => ({ ...row, result: null }));
  expect(await compareSvg({ ...report, rows: none })).toBeNull();
});

test("a published run that exceeds a limit says so, and instances show neither parameters nor MACs", () => {
  const rows = report.rows.map((row) => ({
    ...row,
    result: row.result && {
      ...row.result,
      ...{ parameters: null, macs: null },
      asPublished: row.result.asPublished && { ...row.result.asPublished, fits: false },
    },
  }));
  const text = compareText({ ...report, latency: { ...report.latency, budget: null }, rows });
  expect(text).toContain("importance 60.00 % (over the limits).");
  expect(text).toContain("none; the whole takes 10 ms");
  expect(text).not.toContain("MACs");
});
