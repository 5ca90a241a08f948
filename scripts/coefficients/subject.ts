import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Goal, type Stand, standOf } from "../../src/coefficients/goals/goal.ts";
import { limitOf, parseRequirement } from "../../src/coefficients/goals/requirement.ts";
import { evidenceOf, type MaskedRuns, openMaskedRuns } from "../../src/coefficients/masked-runs.ts";
import { randomFrom } from "../../src/core/random.ts";
import { DIGIT_SIZE, drawDigit } from "../../src/data/drawn/digits.ts";
import { observed, PENDULUM } from "../../src/data/drawn/pendulum.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { openGraph } from "../../src/importance/data/feed.ts";
import type { Importance } from "../../src/importance/importance.ts";
import { scoreNetwork } from "../../src/importance/score.ts";
import { withGraph } from "../../src/onnx/model.ts";
import { writeModel } from "../../src/onnx/write.ts";
import type { Bench } from "../../src/pipeline/coefficients/search-network.ts";
import { programFor } from "../../src/pipeline/coefficients/search-network.ts";
import { type OpenNetwork, openNetwork } from "../../src/pipeline/open/network.ts";
import { pendulumRollouts, type RolloutMetrics } from "../../src/pipeline/rollout/pendulum.ts";
import { solveNetworkOptions } from "../../src/pipeline/solve/solve-settings.ts";
import { tableFor } from "../../src/pipeline/tables/table-source.ts";
import { type SampleBatch, slicedBatch } from "../../src/runtime/batches.ts";
import { cutGraph } from "../../src/subnet/cut.ts";
import type { Subnet } from "../../src/subnet/subnet.ts";
import { type Metric, meanMetric } from "../../src/tasks/metric.ts";
import { peakSignalToNoise } from "../../src/tasks/metrics/regression.ts";

/** Evidence by goal. */
export type Evidence = readonly (readonly unknown[])[];

/** What is asked of an embedded network, and how it is measured: on items of the search, and on items that no search saw. */
export interface Questions {
  readonly goals: readonly Goal[];
  readonly search: (subnet: Subnet) => Promise<Evidence>;
  /** On a quarter of the search's items. */
  readonly searchFirst: (subnet: Subnet) => Promise<Evidence>;
  /** On the search's items too, of a network with other weights; and on unseen ones. */
  readonly searchOf: (graph: Graph) => Promise<Evidence>;
  readonly test: (graph: Graph) => Promise<Evidence>;
  /** What units are ranked with, and what networks are repaired and tuned on. */
  readonly ranked: SampleBatch;
  readonly learned: (first: number, count: number) => SampleBatch;
}

/** An embedded network with its program and its questions. Close it. */
export interface Subject extends Questions {
  readonly name: string;
  readonly open: OpenNetwork;
  readonly runs: MaskedRuns;
  readonly importance: Importance;
  readonly program: Bench["program"];
  readonly limit: string;
}

export interface SubjectOptions {
  readonly name: string;
  readonly share: string;
  readonly budget: string;
  readonly device: string;
  readonly table: string | undefined;
  readonly step: number;
  readonly episodes: number;
}

/** @param given a network with other weights in place of the embedded one */
export async function openSubject(options: SubjectOptions, given?: string): Promise<Subject> {
  const { name, table, step } = options;
  const open = await openNetwork(given ?? `:${name}`);
  const runs = await openMaskedRuns(open.model, open.structure, 2);
  const importance = scoreNetwork(open.structure, {
    method: "magnitude-l2",
    networkHash: open.hash,
  });
  const from = table === undefined ? { device: options.device, step } : { table, step };
  const source = tableFor(open, { ...from, commandLine: "bench" });
  const limit = table === undefined ? [`params <= ${options.share}`] : [];
  const settings = solveNetworkOptions(
    {
      ...{ limit, budget: table === undefined ? "none" : options.budget, step },
      ...{ maxPrune: 0.97, blocks: false, layers: false, gap: 0 },
    },
    step,
  );
  const made = name === "agent" ? agentQuestions : pictureQuestions;
  return {
    ...made(open, runs, options),
    ...{ name, open, runs, importance, program: programFor(open, source, settings) },
    limit: limit[0] ?? `latency <= ${options.budget}`,
  };
}

/** Values beside their limits, which are taken from the dense network on the same items. */
export function standsOf(
  goals: readonly Goal[],
  evidence: Evidence,
  dense: Evidence,
): readonly Stand[] {
  return goals.map((goal, index) => {
    const { metric, require } = goal;
    const value = metric.pooled(evidence[index] ?? []);
    const whole = metric.pooled(dense[index] ?? []);
    return standOf(
      goal,
      value,
      whole,
      require === null ? null : limitOf(require, whole, metric.unit),
    );
  });
}

function pictureQuestions({ model }: OpenNetwork, runs: MaskedRuns): Questions {
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
  const list = [{ metric, target: "input" }] as const;
  const [search, test] = [batch("train", 30000, 192), batch("test", 0, 1000)];
  const ofGraph = async (graph: Graph, samples: SampleBatch): Promise<Evidence> => {
    const session = await openGraph(model, graph, 2);
    const evidence = await evidenceOf([{ batch: samples, dense: null }], list, ({ feeds }) =>
      session.run(feeds),
    );
    await session.close();
    return evidence;
  };
  return {
    goals: [{ metric, require: null, maximize: 1 }],
    search: (subnet) =>
      evidenceOf([{ batch: search, dense: null }], list, (each) => runs.answers(subnet, each)),
    searchFirst: (subnet) =>
      evidenceOf([{ batch: slicedBatch(search, 0, 48), dense: null }], list, (each) =>
        runs.answers(subnet, each),
      ),
    searchOf: (graph) => ofGraph(graph, search),
    test: (graph) => ofGraph(graph, test),
    ranked: batch("train", 31000, 64),
    learned: (first, count) => batch("train", first, count),
  };
}

function agentQuestions(
  { model, structure }: OpenNetwork,
  _: MaskedRuns,
  { episodes }: SubjectOptions,
): Questions {
  const folder = mkdtempSync(join(tmpdir(), "mdp-bench-"));
  const metric = (
    key: keyof RolloutMetrics["metrics"],
    better: "higher" | "lower",
    unit: "share" | "number",
  ): Metric => meanMetric({ name: key, better, unit, pooling: "mean" }, () => Number.NaN) as Metric;
  const goal = (each: Metric, text: string): Goal => ({
    ...{ metric: each, require: parseRequirement(text, each.name), maximize: null },
  });
  const rolled = async (graph: Graph, items: readonly number[]): Promise<Evidence> => {
    const path = join(folder, "agent.onnx");
    writeModel(withGraph(model, graph), path);
    const { metrics } = await pendulumRollouts({ model: path, items, seed: 1 });
    return [[...metrics.return], [...metrics.upright], [...metrics.effort]];
  };
  const numbers = (count: number, first: number): readonly number[] =>
    Array.from({ length: count }, (_item, index) => first + index);
  return {
    goals: [
      goal(metric("return", "higher", "number"), ">= dense - 20%"),
      goal(metric("upright", "higher", "share"), ">= dense - 10%"),
      goal(metric("effort", "lower", "number"), "<= 1.5 * dense"),
    ],
    search: (subnet) => rolled(cutGraph(structure, subnet), numbers(episodes, 0)),
    searchFirst: (subnet) => rolled(cutGraph(structure, subnet), numbers(episodes / 4, 0)),
    searchOf: (graph) => rolled(graph, numbers(episodes, 0)),
    test: (graph) => rolled(graph, numbers(200, 1000)),
    ranked: pendulumStates(512, 1),
    learned: (first, count) => pendulumStates(count, 2 + first),
  };
}

/** States all over the circle with any torque: what the agent can be asked. */
function pendulumStates(size: number, seed: number): SampleBatch {
  const random = randomFrom(seed);
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
