/** Trains a graph that carries its own loss, with the project's gradients and optimiser; what is fed is the caller's. */
import { appendFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { convolutionBlock } from "../../src/gradients/block-size.ts";
import { blockedConvolutions } from "../../src/gradients/blocked.ts";
import { differentiate } from "../../src/gradients/differentiate.ts";
import type { Lossy } from "../../src/gradients/losses.ts";
import { parametersAsInputs } from "../../src/gradients/parameters.ts";
import { staticGraph } from "../../src/gradients/static-graph.ts";
import { trainingMode } from "../../src/gradients/training-mode.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { serializeModel } from "../../src/onnx/write.ts";
import { type Feeds, openSession } from "../../src/runtime/session.ts";
import { readCheckpoint, writeCheckpoint } from "../../src/training/checkpoint.ts";
import { DEFAULT_RECIPE, type Recipe } from "../../src/training/recipe.ts";
import { rateAt } from "../../src/training/schedules.ts";
import { startState } from "../../src/training/state.ts";

export interface GraphJob {
  /** The network with initial weights, its batch open. */
  readonly graph: Graph;
  readonly batch: number;
  readonly steps: number;
  readonly rate: number;
  readonly weightDecay?: number;
  /** Steps over which the rate rises. */
  readonly warmup?: number;
  /** Appends the loss to the network at its batch size; parts are outputs that are logged. */
  readonly loss: (graph: Graph) => Lossy & { readonly parts: readonly string[] };
  /** What is fed at a step, apart from the weights. */
  readonly feeds: (step: number) => Feeds;
  /** Folder of checkpoint and log. */
  readonly folder: string;
  /** Names what is trained: a checkpoint with another key is refused. */
  readonly key: string;
  readonly threads?: number;
  /** Steps between evaluations. */
  readonly every: number;
  /** Called with the network as it is; returns figures for the log. */
  readonly evaluate: (graph: Graph, step: number) => Promise<Readonly<Record<string, number>>>;
}

/** Runs, or goes on with, a training; returns the trained network. */
export async function trainGraph(job: GraphJob): Promise<Graph> {
  mkdirSync(job.folder, { recursive: true });
  const recipe = recipeOf(job);
  const path = join(job.folder, "checkpoint.bin");
  const found = readCheckpoint(path);
  if (found !== null && found.key !== job.key) throw new Error(`${path} is of another run`);
  const mode = trainingMode(staticGraph(job.graph, { batch: job.batch }));
  const lossy = job.loss(mode.graph);
  const trained = job.graph.outputs.map(({ name }) => name);
  const state = startState(job.graph, trained, recipe, found);
  const names = state.parameters.parts.map(({ name }) => name);
  const made = differentiate(lossy.graph, { loss: lossy.loss, withRespectTo: names });
  const fed = parametersAsInputs(made.graph, names);
  const wanted = [
    ...new Set([lossy.loss, ...lossy.parts, ...made.gradients.values()]),
    ...mode.batchNorms.flatMap(({ batchMean, batchVariance }) => [batchMean, batchVariance]),
  ];
  const outputs = wanted.map((name) => ({ name, type: "float32" as const, shape: null }));
  const block = await convolutionBlock();
  const plain: Graph = { ...fed, outputs };
  const whole = block === null ? plain : blockedConvolutions(plain, block);
  const session = await openSession(new Uint8Array(Buffer.concat(serializeModel(modelOf(whole)))), {
    threads: job.threads ?? 1,
    where: job.key,
  });
  const numbers = (outputs: Feeds, name: string): Float32Array =>
    outputs[name]?.data as Float32Array;
  const sums: Record<string, number> = {};
  let count = 0;
  let began = performance.now();
  for (let step = state.steps(); step < job.steps; step += 1) {
    const weights = Object.fromEntries(
      state.parameters.parts.map(({ name, start, end, shape }) => [
        name,
        { type: "float32" as const, shape, data: state.weights.subarray(start, end) },
      ]),
    );
    const out = await session.run({ ...job.feeds(step), ...weights });
    const loss = numbers(out, lossy.loss)[0] ?? Number.NaN;
    if (!Number.isFinite(loss)) throw new Error(`the loss is ${loss} at step ${step}`);
    state.accumulate(names.map((name) => numbers(out, made.gradients.get(name) ?? "")));
    state.measure(
      mode.batchNorms.map((norm) => ({
        norm,
        mean: numbers(out, norm.batchMean),
        variance: numbers(out, norm.batchVariance),
      })),
    );
    state.move(rateAt(recipe.schedule, step, job.steps, 1));
    for (const name of [lossy.loss, ...lossy.parts]) {
      sums[name] = (sums[name] ?? 0) + (numbers(out, name)[0] ?? 0);
    }
    count += 1;
    const done = step + 1;
    if (done % job.every === 0 || done === job.steps) {
      const losses = Object.fromEntries(
        Object.entries(sums).map(([name, sum]) => [name, sum / count]),
      );
      const pace = (performance.now() - began) / count;
      const figures = await job.evaluate(state.graph(), done);
      log(job.folder, { step: done, ...losses, ...figures, millisecondsPerStep: pace });
      for (const name of Object.keys(sums)) sums[name] = 0;
      count = 0;
      began = performance.now();
    }
    if (done % 200 === 0 || done === job.steps) {
      writeCheckpoint(path, {
        ...{ key: job.key, epoch: 0, batches: 0, best: null, seconds: 0, sums: {}, history: [] },
        ...{ arrays: state.arrays(), steps: done },
      });
    }
  }
  await session.close();
  return state.graph();
}

function recipeOf({ rate, steps, weightDecay = 0.01, warmup = 200, batch }: GraphJob): Recipe {
  return {
    ...DEFAULT_RECIPE,
    epochs: steps,
    batch: [batch],
    optimiser: {
      kind: "adamw",
      beta1: 0.9,
      beta2: 0.99,
      epsilon: 1e-8,
      weightDecay,
      decayAll: false,
    },
    schedule: { kind: "cosine", rate, warmupEpochs: warmup, finalShare: 0.01 },
    clipNorm: 1,
  };
}

function log(folder: string, figures: Readonly<Record<string, number>>): void {
  const short = Object.fromEntries(
    Object.entries(figures).map(([name, value]) => [name, Number(value.toPrecision(5))]),
  );
  const line = JSON.stringify(short);
  appendFileSync(join(folder, "log.jsonl"), `${line}\n`);
  process.stderr.write(`${line}\n`);
}
