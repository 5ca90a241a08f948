import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readJson, writeJson } from "../../../src/core/files.ts";
import { randomFrom } from "../../../src/core/random.ts";
import { levelsOf } from "../../../src/formulation/sparsity/levels.ts";
import { modelOf } from "../../../src/onnx/model.ts";
import { writeModel } from "../../../src/onnx/write.ts";
import { openNetwork } from "../../../src/pipeline/open/network.ts";
import { runContext } from "../../../src/pipeline/run-context.ts";
import { SOLVE_DEFAULTS } from "../../../src/pipeline/solve/solve-settings.ts";
import { compareRates } from "../../../src/pipeline/sparsify/compare-rates.ts";
import { sparsifyOpened } from "../../../src/pipeline/sparsify/sparsify-network.ts";
import { SWEEP_DEFAULTS, sweepModel } from "../../../src/pipeline/sweep/sweep-model.ts";
import { findStructure } from "../../../src/structure/find-structure.ts";
import { sparseWeights, weightCount } from "../../../src/subnet/sparse/weights.ts";
import { parseSubnet } from "../../../src/subnet/subnet-file.ts";
import { flattenVgg } from "../../helpers/networks.ts";
import { silentRun } from "../../helpers/run-context.ts";
import { sparseRequest } from "./request.ts";

const folder = mkdtempSync(join(tmpdir(), "mdp-zeros-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});
const path = (name: string): string => join(folder, name);

const graph = flattenVgg();
const structure = findStructure(graph);
const { weights } = sparseWeights(structure);
const total = weights.reduce((sum, weight) => sum + weightCount(weight), 0);

const random = randomFrom(3);
const measured = weights.map((weight) => {
  const count = weightCount(weight);
  const damages = [1 + random.next(), random.next()];
  const options = [0.1, 0.4].map((share, index) => ({
    kept: Math.ceil(share * count),
    damage: damages[index] ?? 0,
  }));
  return { name: weight.name, label: weight.name, count, options };
});

beforeAll(() => {
  writeModel(modelOf(graph), path("net.onnx"));
  writeJson(path("damages.json"), {
    ...{ schema: "mdp-damages/1", network: "net", networkHash: null, data: null, images: 8 },
    ...{ measured: 8, damage: "squares", score: "magnitude", pattern: "none", repair: "none" },
    ...{ weights: measured, left: [] },
  });
});

const settings = {
  ...{ ...SOLVE_DEFAULTS, ...SWEEP_DEFAULTS, model: path("net.onnx") },
  damages: path("damages.json"),
};

/** The least summed damage with so many elements, and with a floor for the first weight, by loops. */
function leastDamage(most: number, floor: number): number {
  let best = new Map([[0, 0]]);
  for (const [index, { count, options }] of measured.entries()) {
    const next = new Map<number, number>();
    for (const [kept, damage] of best) {
      for (const level of levelsOf(count, options)) {
        if (index === 0 && level.kept < floor) continue;
        const sum = kept + level.kept;
        const lost = damage + level.damage;
        if (sum <= most && lost < (next.get(sum) ?? Number.POSITIVE_INFINITY)) next.set(sum, lost);
      }
    }
    best = next;
  }
  return Math.min(...best.values());
}

test("a sweep of zeros alone has the proven least damage at every share, under further limits, and files that make the network", async () => {
  const first = weights[0];
  const floor = 0.6 * weightCount(first as never);
  const label = first?.layers[0]?.name ?? "";
  const limit = [`nonzeros('^${label}$') >= 60%`];
  const swept = { ...settings, budgets: "60%,40%,25%,1%", limit, out: path("sweep") };
  const report = await sweepModel(swept, runContext());
  expect(report).toMatchObject({ swept: "nonzeros", dense: { latency: total } });
  expect(report.points.map(({ status }) => status)).toEqual([
    ...["optimal", "optimal", "optimal", "infeasible"],
  ]);
  for (const [index, share] of [0.6, 0.4, 0.25].entries()) {
    const point = report.points[index];
    expect(point?.damage).toBeCloseTo(leastDamage(share * total, floor), 9);
    expect(point?.latency).toBeLessThanOrEqual(share * total + 1e-6);
  }
  const file = path(join("sweep", report.points[1]?.subnet ?? ""));
  const { subnet, notes } = parseSubnet(readJson(file), structure, file);
  const densities = new Map(Object.entries(notes.densities ?? {}));
  const open = await openNetwork(path("net.onnx"));
  const made = await sparsifyOpened(open, sparseRequest({}), silentRun, { subnet, densities });
  expect(made.report.total.nonzeros).toBe(report.points[1]?.latency);
  expect(made.report.rates).toBe("subnet");
});

test("rules are judged by the same damages: none loses less than the program, and broken limits are named", async () => {
  const open = await openNetwork(path("net.onnx"));
  const first = weights[0]?.layers[0]?.name ?? "";
  const limit = [`nonzeros('^${first}$') >= 95%`];
  const asked = { ...settings, sparsity: "60%", limit };
  const { rows, weights: counted } = await compareRates(open, asked, null, silentRun);
  expect(counted).toBe(total);
  expect(rows.map(({ rates }) => rates)).toEqual(["program", "global", "uniform", "erk", "lamp"]);
  const [program, ...rules] = rows;
  expect(program).toMatchObject({ proven: true, broken: [], failed: null });
  expect(program?.damage).toBeCloseTo(
    leastDamage(0.4 * total, 0.95 * weightCount(weights[0] as never)),
    9,
  );
  for (const { nonzeros, failed } of rules) {
    expect(failed).toBeNull();
    expect(Math.abs((nonzeros ?? 0) - 0.4 * total)).toBeLessThanOrEqual(weights.length);
  }
  expect(rules.find(({ rates }) => rates === "uniform")?.broken).toEqual(limit);
  // Without the floor that they don't know, a rule's rates are one answer among those of the program, but for rounding to its levels.
  const free = await compareRates(open, { ...settings, sparsity: "60%" }, null, silentRun);
  const best = free.rows[0]?.damage ?? 0;
  for (const { damage } of free.rows.slice(1)) expect(damage).toBeGreaterThan(0.9 * best);
});
