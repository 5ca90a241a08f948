/**
 * Figures of pruning by metrics on the embedded networks, without repair, on items that no search saw:
 *
 *     npx tsx scripts/bench-coefficients.ts autoencoder --share 30% --seed 1
 *     npx tsx scripts/bench-coefficients.ts agent --share 30% --seed 1 --evaluations 60
 */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Goal, standOf } from "../src/coefficients/goals/goal.ts";
import { limitOf, parseRequirement } from "../src/coefficients/goals/requirement.ts";
import { evidenceOf, openMaskedRuns } from "../src/coefficients/masked-runs.ts";
import { optimise } from "../src/coefficients/optimise.ts";
import { yardstickOf } from "../src/coefficients/search/evaluation.ts";
import { memoryLog } from "../src/coefficients/search/log.ts";
import { solveCandidate } from "../src/coefficients/solve-candidate.ts";
import { SILENT } from "../src/core/progress.ts";
import { randomFrom } from "../src/core/random.ts";
import { DIGIT_SIZE, drawDigit } from "../src/data/drawn/digits.ts";
import { observed, PENDULUM } from "../src/data/drawn/pendulum.ts";
import { scoreNetwork } from "../src/importance/score.ts";
import { withGraph } from "../src/onnx/model.ts";
import { writeModel } from "../src/onnx/write.ts";
import { programFor } from "../src/pipeline/coefficients/search-network.ts";
import { openNetwork } from "../src/pipeline/open/network.ts";
import { pendulumRollouts, type RolloutMetrics } from "../src/pipeline/rollout/pendulum.ts";
import { solveNetworkOptions } from "../src/pipeline/solve/solve-settings.ts";
import { tableFor } from "../src/pipeline/tables/table-source.ts";
import type { SampleBatch } from "../src/runtime/batches.ts";
import { parameterCount } from "../src/structure/counts.ts";
import { cutGraph } from "../src/subnet/cut.ts";
import { keepAll, type Subnet, unitCounts } from "../src/subnet/subnet.ts";
import { type Metric, meanMetric } from "../src/tasks/metric.ts";
import { peakSignalToNoise } from "../src/tasks/metrics/regression.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    share: { type: "string", default: "30%" },
    limit: { type: "string" },
    device: { type: "string", default: "jetson-xavier" },
    seed: { type: "string", default: "1" },
    evaluations: { type: "string", default: "150" },
    method: { type: "string", default: "cma-es" },
    units: { type: "string", default: "answers" },
    episodes: { type: "string", default: "32" },
  },
});
const [name = "autoencoder"] = positionals;
const open = await openNetwork(`:${name}`);
const { structure } = open;
const runs = await openMaskedRuns(open.model, structure, 2);
const importance = scoreNetwork(structure, { method: "magnitude-l2", networkHash: open.hash });
const source = tableFor(open, { device: values.device, step: 1, commandLine: "bench" });
const settings = solveNetworkOptions(
  {
    ...{ limit: [values.limit ?? `params <= ${values.share}`], budget: "none", step: 1 },
    ...{ maxPrune: 0.97, blocks: false, layers: false, gap: 0 },
  },
  1,
);

interface Bench {
  readonly goals: readonly Goal[];
  /** Evidence on the search items, and on items that no search saw. */
  readonly search: (subnet: Subnet) => Promise<readonly (readonly unknown[])[]>;
  readonly test: (subnet: Subnet) => Promise<readonly (readonly unknown[])[]>;
  readonly ranked: SampleBatch;
}

const bench = name === "agent" ? agentBench() : pictureBench();
const { goals } = bench;
const dense = await bench.search(keepAll(structure));
const pooled = (metric: Metric, evidence: readonly unknown[]): number => metric.pooled(evidence);
const yardstick = yardstickOf(
  goals,
  dense,
  goals.map(({ metric }, index) => pooled(metric, dense[index] ?? [])),
);
const began = performance.now();
const cpu = process.cpuUsage();
const found = await optimise(
  {
    ...{ structure, importance, yardstick, granularity: "auto" },
    program: programFor(open, source, settings),
    judge: { part: null, whole: bench.search },
    solve: (problem) => solveCandidate(problem, []),
    ranking: {
      by: values.units === "importance" ? "importance" : "answers",
      runs,
      batch: bench.ranked,
    },
  },
  {
    ...{ evaluations: Number(values.evaluations), seed: Number(values.seed), log: memoryLog() },
    method: values.method === "gaussian-process" ? "gaussian-process" : "cma-es",
    progress: SILENT,
  },
);
const used = process.cpuUsage(cpu);
const seconds = (performance.now() - began) / 1000;
process.stdout.write(
  `history ${found.history.map((v) => Number(v.toPrecision(5))).join(" ")}\nfrom ${found.candidates
    .slice(0, 5)
    .map(({ evaluation }) => `${evaluation.from} ${evaluation.score.toPrecision(5)}`)
    .join(
      ", ",
    )}; baselines ${found.baselines.map(({ evaluation }) => `${evaluation.from} ${evaluation.score.toPrecision(5)}`).join(", ")}\n${name} ${settings.limits?.limit.join()} seed ${values.seed}: ${found.evaluations} evaluations, ${found.unitRuns} unit runs, ${seconds.toFixed(1)} s wall, ${((used.user + used.system) / 1e6).toFixed(1)} s CPU, ${found.stopped}\n`,
);
const before = await bench.test(keepAll(structure));
const [best] = found.candidates;
for (const [label, subnet] of [
  ["dense", keepAll(structure)] as const,
  ...found.baselines.map(({ evaluation, subnet: own }) => [evaluation.from, own] as const),
  ["coefficients", best?.subnet ?? keepAll(structure)] as const,
]) {
  const evidence = await bench.test(subnet);
  const margins = goals.map((goal, index) => {
    const value = pooled(goal.metric, evidence[index] ?? []);
    const whole = pooled(goal.metric, before[index] ?? []);
    const limit = goal.require === null ? null : limitOf(goal.require, whole, goal.metric.unit);
    return standOf(goal, value, whole, limit);
  });
  const kept = { units: unitCounts(subnet), droppedBlocks: [], droppedLayers: [] };
  const told = margins.map(
    (stand) =>
      `${stand.name} ${stand.value.toFixed(3)}${stand.margin === null ? "" : ` (margin ${stand.margin.toFixed(2)})`}`,
  );
  process.stdout.write(
    `  ${label}: ${parameterCount(structure, kept)} parameters, ${told.join(", ")}\n`,
  );
}
await runs.close();

function pictureBench(): Bench {
  const size = DIGIT_SIZE * DIGIT_SIZE;
  const batch = (split: "train" | "test", first: number, count: number): SampleBatch => {
    const data = new Float32Array(count * size);
    for (let at = 0; at < count; at += 1) {
      data.set(
        Float32Array.from(drawDigit({ seed: 1, split }, first + at).pixels, (value) => value / 255),
        at * size,
      );
    }
    const shape = [count, 1, DIGIT_SIZE, DIGIT_SIZE];
    const feeds = { image: { type: "float32", shape, data } } as const;
    return { size: count, feeds, labels: new Int32Array(count).fill(-1) };
  };
  const metric = peakSignalToNoise({ output: "reconstruction" }) as Metric;
  const measured = async (samples: SampleBatch, subnet: Subnet): Promise<readonly unknown[][]> =>
    evidenceOf([{ batch: samples, dense: null }], [{ metric, target: "input" }], (each) =>
      runs.answers(subnet, each),
    );
  const [search, test] = [batch("train", 30000, 192), batch("test", 0, 1000)];
  return {
    goals: [{ metric, require: null, maximize: 1 }],
    search: (subnet) => measured(search, subnet),
    test: (subnet) => measured(test, subnet),
    ranked: batch("train", 31000, 64),
  };
}

function agentBench(): Bench {
  const folder = mkdtempSync(join(tmpdir(), "mdp-bench-"));
  const metric = (
    key: keyof RolloutMetrics["metrics"],
    better: "higher" | "lower",
    unit: "share" | "number",
  ): Metric => meanMetric({ name: key, better, unit, pooling: "mean" }, () => Number.NaN) as Metric;
  const goal = (each: Metric, text: string): Goal => ({
    ...{ metric: each, require: parseRequirement(text, each.name), maximize: null },
  });
  const rolled = async (
    subnet: Subnet,
    items: readonly number[],
  ): Promise<readonly unknown[][]> => {
    const path = join(folder, "agent.onnx");
    writeModel(withGraph(open.model, cutGraph(structure, subnet)), path);
    const { metrics } = await pendulumRollouts({ model: path, items, seed: 1 });
    return [[...metrics.return], [...metrics.upright], [...metrics.effort]];
  };
  const numbers = (count: number, first: number): readonly number[] =>
    Array.from({ length: count }, (_, index) => first + index);
  const ranked = pendulumStates(512);
  return {
    goals: [
      goal(metric("return", "higher", "number"), ">= dense - 20%"),
      goal(metric("upright", "higher", "share"), ">= dense - 10%"),
      goal(metric("effort", "lower", "number"), "<= 1.5 * dense"),
    ],
    search: (subnet) => rolled(subnet, numbers(Number(values.episodes), 0)),
    test: (subnet) => rolled(subnet, numbers(200, 1000)),
    ranked,
  };
}

/** States all over the circle with any torque: what the agent can be asked. */
function pendulumStates(size: number): SampleBatch {
  const random = randomFrom(1);
  const states = Array.from({ length: size }, () =>
    observed({
      angle: (2 * random.next() - 1) * Math.PI,
      speed: (2 * random.next() - 1) * PENDULUM.fastest,
    }),
  );
  const action = Float32Array.from({ length: size }, () => 2 * random.next() - 1);
  const feeds = {
    state: { type: "float32", shape: [size, 3], data: Float32Array.from(states.flat()) },
    action: { type: "float32", shape: [size, 1], data: action },
  } as const;
  return { size, feeds, labels: new Int32Array(size).fill(-1) };
}
