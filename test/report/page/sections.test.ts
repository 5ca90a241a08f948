import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { GateReport } from "../../../src/documents/release.ts";
import { modelOf } from "../../../src/onnx/model.ts";
import { writeModel } from "../../../src/onnx/write.ts";
import { pageAssets } from "../../../src/pipeline/report/write-report.ts";
import { subnetDocument } from "../../../src/pipeline/solve/solve-document.ts";
import { solveModel } from "../../../src/pipeline/solve/solve-model.ts";
import { SOLVE_DEFAULTS } from "../../../src/pipeline/solve/solve-settings.ts";
import { tableFor } from "../../../src/pipeline/tables/table-source.ts";
import { html } from "../../../src/report/page/markup.ts";
import { modelCard } from "../../../src/report/page/model-card.ts";
import { tableCells } from "../../../src/report/page/op-cells.ts";
import { opTimes } from "../../../src/report/page/op-times.ts";
import { reportPage } from "../../../src/report/page/page.ts";
import { stagesChart } from "../../../src/report/page/stages-section.ts";
import { EMPTY_SUBJECT, type Subject } from "../../../src/report/page/subject.ts";
import { structureJson } from "../../../src/structure/structure-json.ts";
import { everySection, HOSTILE, residualNetwork } from "../../helpers/report-subjects.ts";
import { silentRun } from "../../helpers/run-context.ts";

const folder = mkdtempSync(join(tmpdir(), "mdp-sections-"));
const parts = { ...pageAssets(), figures: [], places: [] };
let solved: Subject = EMPTY_SUBJECT;

beforeAll(async () => {
  const model = join(folder, "net.onnx");
  writeModel(modelOf(residualNetwork()), model);
  const settings = { ...SOLVE_DEFAULTS, model, device: "jetson", batch: 8, budget: "60%" };
  const answer = await solveModel({ ...settings, method: "mdp" }, silentRun);
  solved = {
    ...EMPTY_SUBJECT,
    title: "solved",
    solve: answer.report,
    structure: structureJson(answer.open.structure) as Subject["structure"],
    subnet: subnetDocument(answer.open, answer.solved, answer.report) as Subject["subnet"],
    table: tableFor(answer.open, { ...settings, commandLine: "mdp" }).table,
  };
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The operations' times and what no choice changes, before and after. */
function sums(subject: Subject): readonly [number, number] {
  if (subject.table === null) throw new Error("the subject has a table");
  const times = opTimes(subject, subject.table);
  const sum = (values: readonly number[]): number =>
    values.reduce((total, value) => total + value, subject.table?.fixedMs ?? 0);
  return [sum(times.map(({ denseMs }) => denseMs)), sum(times.map(({ chosenMs }) => chosenMs))];
}

test("the operations' times add up to what the program says, dropped blocks included", () => {
  const { latencyMs, droppedBlocks = [] } = solved.solve ?? {};
  expect(droppedBlocks.length).toBeGreaterThan(0);
  const [dense, chosen] = sums(solved);
  expect(dense).toBeCloseTo(latencyMs?.dense ?? 0, 9);
  expect(chosen).toBeCloseTo(latencyMs?.chosen ?? 0, 9);
  // A block that is taken for kept is noticed.
  const { solve, subnet } = solved;
  if (solve === null || subnet === null) throw new Error("the subject has an answer");
  const wrong = { ...solved, solve: { ...solve, droppedBlocks: [] } };
  expect(Math.abs((sums(wrong)[1] ?? 0) - (latencyMs?.chosen ?? 0))).toBeGreaterThan(1e-6);
});

test("without an answer of mdp solve, widths and times come from the subnet's file", () => {
  expect(sums({ ...solved, solve: null })[1]).toBeCloseTo(sums(solved)[1], 9);
  expect(reportPage([{ ...solved, solve: null }], parts)).toContain("Network, before and after");
});

test("the cells behind an operation hold the table's own times, equal tables once", () => {
  const cells = tableCells(solved);
  if (cells === null || solved.table === null) throw new Error("the subject has a table");
  const ops = opTimes(solved, solved.table).map(({ op }) => op);
  expect(cells.of).toHaveLength(ops.length);
  expect(cells.cells.length).toBeLessThan(ops.length);
  for (const [at, op] of ops.entries()) {
    const found = cells.cells[cells.of[at] ?? -1];
    expect(found?.counts).toEqual(op.counts);
    expect(found?.ms).toEqual(op.ms.map((ms) => Number(ms.toPrecision(4))));
  }
});

test("a release is said first, with every requirement's result, interval and what would decide it", () => {
  const subject = everySection("plain");
  const page = reportPage([subject], parts);
  const words = {
    pass: "The network may be released",
    missed: "The network must not be released",
    undecided: "more test items are needed",
  } satisfies Record<GateReport["verdict"], string>;
  for (const verdict of ["pass", "missed", "undecided"] as const) {
    const { gate } = subject;
    if (gate === null) throw new Error("the subject has a gate");
    const said = reportPage([{ ...subject, gate: { ...gate, verdict } }], parts);
    expect(said).toContain(words[verdict]);
  }
  expect(page.indexOf("<h2>Release")).toBeLessThan(page.indexOf("<h2>Summary"));
  expect(page).toContain("✓ met");
  expect(page).toContain("✗ missed");
  expect(page).toContain("about 900 are needed");
});

test("every stage has its metrics with intervals, and evaluations without metrics have Wilson's", () => {
  const subject = everySection("plain");
  expect(stagesChart(subject)?.points).toEqual([
    { stage: "original", value: 92, low: 90, high: 94 },
    { stage: "pruned", value: 80, low: 77, high: 83 },
    { stage: "repaired", value: 90, low: 88, high: 92 },
  ]);
  const { evaluation } = subject;
  if (evaluation === null) throw new Error("the subject was evaluated");
  const old = evaluation.results.map(({ metrics: _, ...result }) => ({
    ...result,
    accuracy: { count: 100, top1: 0.9, top5: 1 },
  }));
  const [first] =
    stagesChart({ ...subject, evaluation: { ...evaluation, results: old } })?.points ?? [];
  // Wilson 1927 of 90 of 100.
  expect(first?.low).toBeCloseTo(82.563, 2);
  expect(first?.high).toBeCloseTo(94.478, 2);
});

test("names in any document are text and nothing else", () => {
  const page = reportPage([everySection(HOSTILE), everySection("b")], parts);
  expect(page).not.toMatch(/<(?:img|svg|iframe|b)[ >]/);
  expect(page.match(/<script/g)).toHaveLength(3);
  expect(page.match(/<\/script>/g)).toHaveLength(3);
  // The same check fails where a name is let through.
  expect(html`${{ markup: HOSTILE }}`.markup).toMatch(/<img /);
});

test("a card has the limits' latency, every requirement and each stage with its interval, and no markup", () => {
  const card = modelCard(everySection(HOSTILE)) ?? "";
  expect(card).toContain("| latency (predicted, not measured) | 2.000 ms | 1.600 ms |");
  expect(card).toContain("The network must not be released.");
  expect(card).toContain("| repaired | 90.00 % [88.00, 92.00] | 500 |");
  expect(card).not.toMatch(/(^|[^\\])<(?:script|img)/m);
  expect(modelCard(EMPTY_SUBJECT)).toBeNull();
});

test("two runs are shown side by side, each predicted latency marked", () => {
  const page = reportPage([solved, everySection("other")], parts);
  const overview = page.slice(page.indexOf("Side by side"), page.indexOf('data-subject="0"'));
  expect(overview).toContain('href="#s1"');
  expect(overview.match(/class="predicted"/g)?.length).toBe(2);
  expect(reportPage([solved], parts)).not.toContain("Side by side");
});
