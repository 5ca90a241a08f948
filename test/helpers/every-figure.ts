import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../src/core/files.ts";
import type { CompareReport } from "../../src/documents/compare.ts";
import type { SweepReport } from "../../src/documents/sweep.ts";
import { parseDevice } from "../../src/latency/predict/device.ts";
import { predictTable } from "../../src/latency/predict/predict-table.ts";
import { componentFigure } from "../../src/report/component-report.ts";
import { compareSvg } from "../../src/report/figures/compare-chart.ts";
import { frontierSvg } from "../../src/report/figures/frontier-chart.ts";
import { groupsFigure } from "../../src/report/figures/groups-chart.ts";
import { calibrateSvg, validationSvg } from "../../src/report/figures/scatter-chart.ts";
import { knowledgeSvg } from "../../src/report/figures/spectra-chart.ts";
import { stagesSvg } from "../../src/report/figures/stages-chart.ts";
import { sweepSvg } from "../../src/report/figures/sweep-chart.ts";
import { heatMapSvg, stairsSvg } from "../../src/report/figures/table-chart.ts";
import { stagesChart } from "../../src/report/page/stages-section.ts";
import type { Subject } from "../../src/report/page/subject.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import { everySection, residualNetwork } from "./report-subjects.ts";

const SWEEP: SweepReport = {
  ...{ schema: "mdp-sweep/1", name: "net", head: null, options: null, unit: "ms" },
  dense: { latency: 10, importance: 100, parameters: null, macs: null },
  points: [90, 60, 30].map((share) => ({
    ...{ budget: `${share}%`, limit: share / 10, latency: share / 10, gap: 0 },
    ...{ status: share === 30 ? "feasible" : "optimal", importance: 60 + share / 3 },
    ...{ objective: 60 + share / 3, bound: 62 + share / 3, parameters: null, macs: null },
    ...{ droppedBlocks: [], droppedLayers: [], least: null, subnet: null, notes: [] },
  })),
  ...{ complete: true, notes: [] },
};

const COMPARE: CompareReport = {
  ...{ schema: "mdp-compare/1", name: "net", source: "board", predicted: true },
  ...{ latency: { unit: "ms", dense: 10, budget: 5 }, importanceDense: 100 },
  rows: ["mdp", "uniform"].map((method, at) => ({
    ...{ method, failed: null, seconds: 1 },
    result: {
      ...{ status: "optimal", importance: 90 - 9 * at, latency: 5, ownLatency: null },
      ...{ asPublished: null, parameters: null, macs: null, subnet: null },
      ...{ droppedBlocks: [], droppedLayers: [] },
    },
  })),
};

/** Every kind of figure that a command or a page draws, by name. */
export async function everyFigure(): Promise<ReadonlyMap<string, string>> {
  const subject = everySection("net");
  const structure = findStructure(residualNetwork());
  const path = join(packageRoot(), "latency-tables/jetson-nano/device.json");
  const device = parseDevice(JSON.parse(readFileSync(path, "utf8")), path);
  const table = predictTable(structure, device, {
    ...{ batch: 1, precision: "float16", step: 8, networkName: "net", command: "mdp" },
  });
  const wide = table.ops.find(({ counts }) => counts.length === 2) ?? table.ops[0];
  const { groups, knowledge, calibrate } = subject;
  const stages = stagesChart(subject);
  if (wide === undefined || groups === null || knowledge === null) throw new Error("incomplete");
  if (calibrate === null || stages === null) throw new Error("incomplete");
  // A table of both kinds of cells, so that dots mark the measured ones.
  const mixed = {
    ...wide,
    origin: wide.ms.map((_, cell) => (cell % 3 === 0 ? "m" : "i")).join(""),
  };
  const figures: Record<string, string | null> = {
    sweep: await sweepSvg(SWEEP),
    frontiers: await frontierSvg({
      ...{ title: "Frontiers", subtitle: "two", xName: "ms", yName: "%", points: [], dense: null },
      series: ["one", "two"].map((name, at) => ({
        name,
        points: [40, 70, 90].map((x) => ({ x, y: x + 5 * at })),
      })),
    }),
    compare: await compareSvg(COMPARE),
    map: await heatMapSvg(table, mixed, "ms"),
    stairs: await stairsSvg(table, mixed, "ms"),
    profile: await validationSvg(profileOf(table)),
    calibrate: await calibrateSvg(calibrate),
    groups: await groupsFigure(groups),
    knowledge: await knowledgeSvg(knowledge),
    stages: await stagesSvg(stages),
    components: componentFigure(structure, "net"),
    readme: readFileSync(join(packageRoot(), "docs/pictures/resnet56.svg"), "utf8"),
  };
  return new Map(
    Object.entries(figures).flatMap(([name, svg]) => (svg === null ? [] : [[name, svg] as const])),
  );
}

type Profile = NonNullable<Subject["profile"]>;

/** A profile whose table was validated on three networks. */
export function profileOf(table: ReturnType<typeof predictTable>): Profile {
  const { ops, ...head } = table;
  const networks = [1, 2, 3].map((ms) => ({
    ...{ predictedMs: ms * 1.04, measuredMs: ms, error: 0.04, droppedBlocks: 0, droppedLayers: 0 },
  }));
  return {
    ...{ schema: "mdp-profile/1", path: "t.json", table: { ...head, operations: ops.length } },
    validation: {
      ...{ networks, meanError: 0.04, worstError: 0.04, bias: 0.04, drift: 1.1 },
      ...{ plainMeanError: 0.05, plainWorstError: 0.06 },
    },
    ...{ curve: [], reached: null, resumed: 0, seconds: 1 },
  } as Profile;
}
