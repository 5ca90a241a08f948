import { expect, test } from "vitest";
import type { ExplainReport } from "../../../src/documents/explain.ts";
import type { SolveReport } from "../../../src/documents/solve.ts";
import { pageAssets } from "../../../src/pipeline/report/write-report.ts";
import { dimDetails } from "../../../src/report/page/dim-details.ts";
import { lossText } from "../../../src/report/page/loss-text.ts";
import { escapeHtml, html, scriptJson } from "../../../src/report/page/markup.ts";
import { modelCard } from "../../../src/report/page/model-card.ts";

import { reportPage } from "../../../src/report/page/page.ts";
import { EMPTY_SUBJECT, type Subject } from "../../../src/report/page/subject.ts";

const HOSTILE = `</script><script>alert(1)</script>"'><img src=x onerror=alert(2)>\u202egnp.`;

const solve: SolveReport = {
  schema: "mdp-solve/1",
  network: { name: "net", path: "net.onnx", embedded: false, hash: "aa" },
  device: { asked: "jetson", name: "jetson-xavier", title: "NVIDIA Jetson AGX Xavier" },
  table: {
    origin: "predicted",
    path: null,
    runtime: "TensorRT",
    precision: "float16",
    batch: 1,
    threads: null,
    date: "2026-01-02",
    hash: "bb",
    expectedError: { mean: 0.05, worst: 0.09, how: "left out" },
    shares: { measured: 0, interpolated: 0, predicted: 1 },
  },
  importance: { method: "magnitude-l2", normalisation: "max", path: null, hash: "cc" },
  options: {
    budget: "50%",
    step: 8,
    countFrom: "zero",
    maxPrune: 1,
    protect: null,
    blocks: true,
    layers: true,
  },
  latencyMs: { dense: 4, budget: 2, chosen: 1.9 },
  limits: [],
  minimised: null,
  importanceKept: { dense: 100, chosen: 80 },
  parameters: { dense: 2000, chosen: 1000 },
  macs: { dense: 4000, chosen: 1500 },
  dims: [
    { name: "conv1", total: 4, kept: 2, dropped: false, whole: null },
    { name: "branch", total: 8, kept: 0, dropped: true, whole: null },
  ],
  droppedBlocks: ["block1"],
  droppedLayers: [],
  answer: {
    status: "optimal",
    objective: 80,
    bound: 80,
    gap: 0,
    solver: "highs",
    nodes: 1,
    notes: [],
  },
  seconds: { read: 0, program: 0, solve: 0, total: 0 },
};

const empty: Subject = { ...EMPTY_SUBJECT, title: "run" };

const whole: Subject = {
  ...empty,
  solve,
  structure: {
    schema: "mdp-structure/1",
    network: "net",
    structureHash: "dd",
    parameters: 2000,
    macs: 4000,
    dims: [
      { name: "conv1", units: 4, unitChannels: 1, pinned: null, block: null, producers: [] },
      { name: "branch", units: 8, unitChannels: 1, pinned: null, block: "block1", producers: [] },
    ],
    layers: [],
    blocks: [{ name: "block1", add: "add", branchInput: 0, parent: null, layers: [] }],
  },
  subnet: {
    schema: "mdp-subnet/1",
    network: "net",
    structureHash: "dd",
    dims: [
      { dim: "conv1", units: 4, kept: 2, indices: "0,3" },
      { dim: "branch", units: 8, kept: 0, indices: "" },
    ],
    droppedBlocks: ["block1"],
    droppedLayers: [],
  },
  importance: {
    schema: "mdp-importance/1",
    method: "magnitude-l2",
    normalisation: "max",
    networkHash: null,
    seed: null,
    dims: [
      {
        dim: "conv1",
        units: 4,
        layers: [
          { layer: "a", block: null, scores: [3, 1, 0, 4] },
          { layer: "b", block: null, scores: [1, 0, 0.5, 1] },
        ],
      },
    ],
  },
};

const parts = { ...pageAssets(), figures: [], places: [] };

test("a section without its documents is left out", () => {
  const page = reportPage([empty], parts);
  expect(page).not.toContain("<h2>Summary");
  expect(page).not.toContain("<h2>Frontier");
  expect(page).toContain("<h2>Provenance");
});

test("the summary tells the chosen latency, that it is predicted, and that the gap is closed", () => {
  const page = reportPage([whole], parts);
  expect(page).toContain("1.900 ms");
  expect(page).toContain('class="predicted"');
  expect(page).toContain("proven optimal (gap 0)");
  expect(page).toContain('class="block gone"');
});

test("the details of a dim are its summed scores, best first, with what was kept", () => {
  expect(dimDetails(whole)[0]?.scores).toEqual([
    [5, true],
    [4, true],
    [1, false],
    [0.5, false],
  ]);
});

test("where the order of the units was measured, the details follow it", () => {
  const { importance } = whole;
  if (importance === null) throw new Error("the subject has scores");
  const dims = importance.dims.map((dim) => ({ ...dim, order: [0, 3, 1, 2] }));
  const [dim] = dimDetails({ ...whole, importance: { ...importance, dims } });
  expect(dim?.hasOrder).toBe(true);
  expect(dim?.scores).toEqual([
    [4, true],
    [5, true],
    [1, false],
    [0.5, false],
  ]);
});

test("a dim says what a step costs, a block what the other choice costs, and the summary what a limit is worth", () => {
  const exact = (loss: number) => ({ kind: "exact", loss }) as const;
  const step = (count: number, loss: ExplainReport["explanation"]["blocks"][number]["loss"]) => ({
    ...{ count, loss, alone: null },
  });
  const explain: ExplainReport = {
    ...{ schema: "mdp-explain/1", name: "net", head: null, options: null, subnet: null },
    ...{ goal: "importance", dense: { objective: 100 }, dims: [], notes: [] },
    explanation: {
      ...{ objective: 80, usage: [1.9], relaxation: null, layers: [], notes: [] },
      optimum: { objective: 80, bound: 80, proven: true },
      limits: [
        {
          ...{ members: [0], resource: "latency", unit: "ms", limit: 2, used: 1.9, reading: null },
          ...{ soft: false, worthAll: 20, multiplier: 1, step: 0.02 },
          ...{ less: exact(1), more: exact(-0.5) },
        },
      ],
      dims: [
        {
          ...{ name: "conv1", why: "narrowed", kept: 2, units: 4 },
          narrower: step(1, exact(3)),
          wider: step(3, { kind: "between", least: 1, most: 2 }),
        },
      ],
      blocks: [{ name: "block1", kept: false, loss: exact(0.25) }],
    },
  };
  const explained = { ...whole, explain };
  expect(dimDetails(explained)[0]?.why).toEqual([
    "It was narrowed: what it lost was worth less than the latency it cost.",
    "One step narrower (1 channels) costs 3.000 of importance (3 % of the dense network's).",
    "One step wider (3 channels) costs from 1.000 of importance (1 % of the dense network's) to 2.000 of importance (2 % of the dense network's).",
  ]);
  const page = reportPage([explained], parts);
  expect(page).toContain(
    "Keeping it costs 0.2500 of importance (0.25 % of the dense network&#39;s)",
  );
  expect(page).toContain("would earn 0.5000 of importance (0.5 % of the dense network&#39;s)");
  expect(page).toContain("before 1 of 3 costs were known exactly");
  expect(lossText({ kind: "between", least: null, most: null }, explain)).toBeNull();
  expect(lossText(exact(-2), explain)).toMatch(/^earns 2\.000/);
  // Without it, as for runs from before it, nothing is said.
  expect(reportPage([whole], parts)).not.toMatch(/class="reason"|would earn/);
});

test("names from files can't become markup or script, anywhere in the page or the card", () => {
  const structure = whole.structure;
  if (structure === null) throw new Error("the subject has a structure");
  const hostile: Subject = {
    ...whole,
    title: HOSTILE,
    warnings: [HOSTILE],
    solve: {
      ...solve,
      network: { ...solve.network, name: HOSTILE },
      dims: [{ name: HOSTILE, total: 4, kept: 2, dropped: false, whole: HOSTILE }],
      droppedBlocks: [HOSTILE],
      answer: { ...solve.answer, notes: [HOSTILE] },
    },
    structure: {
      ...structure,
      dims: [
        { name: HOSTILE, units: 4, unitChannels: 1, pinned: HOSTILE, block: null, producers: [] },
      ],
      blocks: [{ name: HOSTILE, add: "add", branchInput: 0, parent: null, layers: [] }],
    },
  };
  const page = reportPage([hostile], parts);
  expect(page).not.toContain("<img");
  // The page's own three scripts, opened and closed.
  expect(page.match(/<script/g)).toHaveLength(3);
  expect(page.match(/<\/script>/g)).toHaveLength(3);
  const data = /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(page)?.[1] ?? "";
  expect(JSON.parse(data).subjects[0].dims[0].name).toBe(HOSTILE);
  expect(modelCard(hostile)).not.toMatch(/(^|[^\\])<script/);
});

test("notes and commands are shown whole, names are cut", () => {
  const long = "mdp prune ".repeat(60);
  const config = {
    schema: "mdp-config/1",
    command: long,
    network: { path: "n", hash: "h" },
    options: {},
  } as const;
  const page = reportPage(
    [{ ...whole, config, solve: { ...solve, answer: { ...solve.answer, notes: [long] } } }],
    parts,
  );
  expect(page.split(long)).toHaveLength(3);
  expect(
    reportPage(
      [{ ...whole, solve: { ...solve, network: { ...solve.network, name: long } } }],
      parts,
    ),
  ).toContain(`${long.slice(0, 197)}...</bdi>`);
});

test("text that is put into markup is escaped, also in attributes", () => {
  expect(html`<a title="${'"><b>'}">${"<i>"}</a>`.markup).toBe(
    '<a title="&quot;&gt;&lt;b&gt;">&lt;i&gt;</a>',
  );
  expect(escapeHtml("a&b'c")).toBe("a&amp;b&#39;c");
  expect(scriptJson("</script>").markup).not.toContain("</");
});

test("no request leaves the page", () => {
  const page = reportPage([whole], parts);
  expect(page).not.toMatch(/(?:src|href)="(?!data:|#)/);
  expect(page).not.toMatch(/url\(|@import|fetch\(|XMLHttpRequest/);
  expect(page).toContain("default-src 'none'");
});
