import { expect, test } from "vitest";
import type { SolveReport } from "../../src/documents/solve.ts";
import { painter } from "../../src/report/painter.ts";
import { bar, solveText } from "../../src/report/solve-report.ts";

const REPORT: SolveReport = {
  schema: "mdp-solve/1",
  network: { name: "tiny", path: "tiny.onnx", embedded: false, hash: "abc" },
  device: { asked: "jetson", name: "jetson-xavier", title: "NVIDIA Jetson AGX Xavier" },
  table: {
    origin: "predicted",
    path: null,
    runtime: "TensorRT predicted, not run",
    precision: "float16",
    batch: 64,
    threads: null,
    date: "2026-01-02T03:04:05.000Z",
    hash: "123",
    expectedError: { mean: 0.05, worst: 0.09, how: "left-out networks" },
    shares: { measured: 0, interpolated: 0, predicted: 1 },
  },
  importance: { method: "magnitude-l2", normalisation: "mean", path: null, hash: "456" },
  options: {
    budget: "50%",
    step: 8,
    countFrom: "zero",
    maxPrune: 0.95,
    protect: null,
    blocks: true,
    layers: false,
  },
  latencyMs: { dense: 4, budget: 2, chosen: 1.9 },
  limits: [
    {
      text: "params <= 50%",
      kind: "parameters",
      comparison: "<=",
      limit: 625_000,
      used: 500_000,
      slack: 125_000,
      binds: false,
      penalty: null,
      dim: null,
    },
    {
      text: "memory <= 2 MiB",
      kind: "bytes",
      comparison: "<=",
      limit: 2 ** 21,
      used: 2 ** 21 + 1024,
      slack: -1024,
      binds: false,
      penalty: { perUnit: 0.001, paid: 1.024 },
      dim: null,
    },
    {
      text: "count('layer1.*') >= 8",
      kind: "channels",
      comparison: ">=",
      limit: 8,
      used: 8,
      slack: 0,
      binds: true,
      penalty: null,
      dim: "conv1",
    },
  ],
  minimised: null,
  importanceKept: { dense: 100, chosen: 81.5 },
  parameters: { dense: 1_250_000, chosen: 500_000 },
  macs: { dense: 2e9, chosen: 1e9 },
  dims: [
    { name: "conv1", total: 16, kept: 8, dropped: false, whole: null },
    { name: "block.conv1", total: 32, kept: 0, dropped: true, whole: null },
    { name: "fc", total: 10, kept: 10, dropped: false, whole: "feeds the network's output 'y'" },
  ],
  droppedBlocks: ["block"],
  droppedLayers: [],
  answer: {
    status: "optimal",
    objective: 81.5,
    bound: 81.5,
    gap: 0,
    solver: "highs",
    nodes: 1,
    notes: [
      "A note that is so long that it has to be folded, because nobody reads lines that run out of the window on the right.",
    ],
  },
  seconds: { read: 0.1, program: 0.2, solve: 0.3, total: 0.6 },
};

test("the report says what was asked, what was chosen and what it rests on", async () => {
  await expect(solveText(REPORT, painter(false))).toMatchFileSnapshot("../golden/solve-report.txt");
});

test("no line of the report is wider than 110 characters or ends in a blank", () => {
  for (const line of solveText(REPORT, painter(false)).split("\n")) {
    expect(line.length).toBeLessThanOrEqual(110);
    expect(line).toBe(line.trimEnd());
  }
});

test("a bar is full only where everything stays, and empty only where nothing does", () => {
  expect(bar(1000, 1000)).toBe("█".repeat(24));
  expect(bar(999, 1000)).toBe(`${"█".repeat(23)}░`);
  expect(bar(1, 1000)).toBe(`█${"░".repeat(23)}`);
  expect(bar(0, 1000)).toBe("░".repeat(24));
});
