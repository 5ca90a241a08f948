/**
 * The embedded inspector by two sets of metrics at one latency (A9), without repair, on plates that no search saw:
 *
 *     npx tsx scripts/bench-inspector.ts --budget 60% --evaluations 60 --seed 1
 *
 * One set wants scratches found at a false-alarm rate of 2 %, the other the place of a defect. Each subnet is measured by both.
 */
import { parseArgs } from "node:util";
import type { Goal } from "../src/coefficients/goals/goal.ts";
import { parseRequirement } from "../src/coefficients/goals/requirement.ts";
import { evidenceOf, openMaskedRuns } from "../src/coefficients/masked-runs.ts";
import { optimise } from "../src/coefficients/optimise.ts";
import { yardstickOf } from "../src/coefficients/search/evaluation.ts";
import { memoryLog } from "../src/coefficients/search/log.ts";
import { solveCandidate } from "../src/coefficients/solve-candidate.ts";
import { SILENT } from "../src/core/progress.ts";
import { drawPlate, PLATE_SIZE } from "../src/data/drawn/plates.ts";
import { scoreNetwork } from "../src/importance/score.ts";
import { programFor } from "../src/pipeline/coefficients/search-network.ts";
import { openNetwork } from "../src/pipeline/open/network.ts";
import { solveNetworkOptions } from "../src/pipeline/solve/solve-settings.ts";
import { tableFor } from "../src/pipeline/tables/table-source.ts";
import { judgeGate } from "../src/release/gate.ts";
import type { SampleBatch } from "../src/runtime/batches.ts";
import { keepAll, type Subnet } from "../src/subnet/subnet.ts";
import { measureDifference } from "../src/tasks/measure.ts";
import type { Metric } from "../src/tasks/metric.ts";
import { sameAnswer } from "../src/tasks/metrics/agreement.ts";
import { recallAtFalseAlarms, topMetric } from "../src/tasks/metrics/classification.ts";

const { values } = parseArgs({
  options: {
    budget: { type: "string", default: "60%" },
    batch: { type: "string", default: "32" },
    evaluations: { type: "string", default: "60" },
    seed: { type: "string", default: "1" },
  },
});
const [SCRATCH, OK] = [1, 0];
const open = await openNetwork(":inspector");
const { structure } = open;
const runs = await openMaskedRuns(open.model, structure, 2);
const importance = scoreNetwork(structure, { method: "magnitude-l2", networkHash: open.hash });
const source = tableFor(open, {
  ...{ device: "jetson-xavier", batch: Number(values.batch), step: 4, commandLine: "bench" },
});
const settings = solveNetworkOptions(
  { budget: values.budget, step: 4, maxPrune: 0.95, blocks: true, layers: false, gap: 0 },
  4,
);
const scratches = recallAtFalseAlarms(SCRATCH, "scratch", 0.02, {
  output: "defect",
  harmless: [OK],
}) as Metric;
const overall = topMetric(1, { output: "defect" }) as Metric;
const place = sameAnswer("place") as Metric;
const goal = (metric: Metric, require: string | null, maximize: number | null): Goal => ({
  ...{ metric, maximize },
  require: require === null ? null : parseRequirement(require, metric.name),
});
const sets = {
  scratches: [goal(scratches, ">= dense - 10%", 1), goal(overall, ">= dense - 5%", null)],
  place: [goal(place, ">= 85%", 1)],
} as const;
const judged = [
  { metric: scratches, target: "data" },
  { metric: overall, target: "data" },
  { metric: place, target: "dense" },
] as const;

const search = batch("train", 30000, 400);
const confirm = Array.from({ length: 8 }, (_, part) => batch("test", 250 * part, 250));
const evidence = async (
  subnet: Subnet,
  batches: readonly SampleBatch[],
): Promise<readonly unknown[][]> => {
  const known = [];
  for (const each of batches)
    known.push({ batch: each, dense: await runs.answers(keepAll(structure), each) });
  return evidenceOf(known, judged, (each) => runs.answers(subnet, each));
};
const before = await evidence(keepAll(structure), confirm);
const found: { name: string; subnet: Subnet; evidence: readonly unknown[][] }[] = [];
for (const [name, goals] of Object.entries(sets)) {
  const at = goals.map(({ metric }) => judged.findIndex((each) => each.metric === metric));
  const of = (all: readonly unknown[][]): readonly unknown[][] => at.map((k) => all[k] ?? []);
  const pooled = (list: readonly unknown[][]): number[] =>
    goals.map(({ metric }, k) => metric.pooled(metric.settle?.(list[k] ?? []) ?? list[k] ?? []));
  const dense = of(await evidence(keepAll(structure), [search]));
  const result = await optimise(
    {
      ...{ structure, importance, granularity: "auto" },
      yardstick: yardstickOf(goals, dense, pooled(of(before))),
      program: programFor(open, source, settings),
      judge: { part: null, whole: async (subnet) => of(await evidence(subnet, [search])) },
      solve: (problem) => solveCandidate(problem, []),
      ranking: { by: "answers", runs, batch: batch("train", 31000, 64) },
    },
    {
      ...{ evaluations: Number(values.evaluations), seed: Number(values.seed), log: memoryLog() },
      ...{ method: "cma-es", progress: SILENT },
    },
  );
  const [best] = result.candidates;
  if (best === undefined) throw new RangeError("nothing found");
  process.stdout.write(
    `${name}: ${result.evaluations} evaluations, ${result.unitRuns} unit runs, ${result.stopped}, from ${best.evaluation.from}\n  keeps ${result.groups.map((group) => `${group.name} ${group.dims.reduce((sum, dim) => sum + (best.subnet.kept[dim]?.length ?? 0), 0)}`).join(", ")}\n`,
  );
  found.push({ name: `coefficients for ${name}`, subnet: best.subnet, evidence: [] });
  if (name === "scratches") {
    for (const { evaluation, subnet } of result.baselines)
      found.push({ name: evaluation.from, subnet, evidence: [] });
  }
}
const measured: { readonly name: string; readonly evidence: readonly unknown[][] }[] = [];
for (const each of found)
  measured.push({ name: each.name, evidence: await evidence(each.subnet, confirm) });
for (const { name, evidence: own } of measured) {
  const told = judged.map(({ metric }, k) => {
    const value = metric.pooled(metric.settle?.(own[k] ?? []) ?? own[k] ?? []);
    return `${metric.name} ${(100 * value).toFixed(1)} %`;
  });
  const { verdict } = judgeGate(sets.scratches, before.slice(0, 2), own.slice(0, 2), {
    ...{ rate: 0.05, attempt: 1, seed: 1 },
  });
  process.stdout.write(`  ${name}: ${told.join(", ")}; gate on scratches: ${verdict}\n`);
}
const [forScratches, forPlace] = ["scratches", "place"].map((name) =>
  measured.find((each) => each.name === `coefficients for ${name}`),
);
for (const k of [0, 2]) {
  const metric = judged[k]?.metric;
  if (metric === undefined) continue;
  const { value, low, high } = measureDifference(
    ...([metric, forPlace?.evidence[k] ?? [], forScratches?.evidence[k] ?? []] as const),
  );
  process.stdout.write(
    `  ${metric.name}: for scratches less for place ${(100 * value).toFixed(1)} points (${(100 * low).toFixed(1)} to ${(100 * high).toFixed(1)})\n`,
  );
}
await runs.close();

function batch(split: "train" | "test", first: number, count: number): SampleBatch {
  const size = PLATE_SIZE * PLATE_SIZE;
  const data = new Float32Array(count * size);
  const labels = new Int32Array(count);
  for (let at = 0; at < count; at += 1) {
    const plate = drawPlate({ seed: 1, split }, first + at);
    data.set(
      Float32Array.from(plate.pixels, (value) => (value / 255 - 0.5) / 0.25),
      at * size,
    );
    labels[at] = plate.defect;
  }
  const image = { type: "float32", shape: [count, 1, PLATE_SIZE, PLATE_SIZE], data } as const;
  return { size: count, feeds: { image }, labels };
}
