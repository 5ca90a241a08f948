/**
 * What a cut does after it was repaired: every candidate's smaller network is fitted to the whole one by least squares, as `mdp correct` does it in the end, on one
 * half of the samples, and its answers are compared on the other half. What a repair brings back costs nothing then, and what is lost for good counts.
 */
import { at } from "../../core/at.ts";
import { InputError, InterruptedError } from "../../core/errors.ts";
import type { Progress } from "../../core/progress.ts";
import type { Graph } from "../../graph/graph.ts";
import { type Model, withGraph } from "../../onnx/model.ts";
import { type SampleBatch, slicedBatch } from "../../runtime/batches.ts";
import type { Feeds } from "../../runtime/session.ts";
import type { Structure } from "../../structure/structure.ts";
import { correctSubnet } from "../../subnet/correct/correct.ts";
import { cutGraph } from "../../subnet/cut.ts";
import { keepAll, type Subnet } from "../../subnet/subnet.ts";
import { feedsOf, openGraph } from "../data/feed.ts";
import type { Candidate } from "./candidates.ts";
import type { Cut } from "./gated.ts";
import { type Comparison, meanDamages } from "./sensitivity.ts";

export interface RepairedOptions {
  readonly comparison: Comparison;
  readonly threads: number;
  /** Of the positions that the repair looks at. */
  readonly seed: number;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Damage of each candidate after its repair, as a share of the answers' variance: of one part, or the mean over the parts.
 * @param samples the first half repairs, the second half judges; a single sample does both
 * @throws InterruptedError `importance/interrupted`; InputError as `correctSubnet`
 */
export async function repairedDamages(
  model: Model,
  structure: Structure,
  candidates: readonly Candidate[],
  samples: readonly SampleBatch[],
  options: RepairedOptions,
): Promise<(part?: number) => readonly number[]> {
  const { comparison, progress, signal } = options;
  const { graph } = structure;
  const outputs = comparison.values.map((name) => ({
    ...{ name, type: "float32" as const, shape: null },
  }));
  // Cuts keep the names of outputs, so that what is compared is there in every one of them.
  const watched = { ...structure, graph: { ...graph, outputs } };
  const watchedModel = withGraph(model, watched.graph);
  const { repair, judge } = halves(samples);
  const answersOf = async (network: Graph): Promise<readonly Feeds[]> => {
    const session = await openGraph(model, network, options.threads);
    try {
      const answers: Feeds[] = [];
      for (const batch of judge) answers.push(await session.run(feedsOf(graph, batch)));
      return answers;
    } finally {
      await session.close();
    }
  };
  const whole = await answersOf(watched.graph);
  const differences = new Float64Array(candidates.length * comparison.parts.length);
  const sizes = new Float64Array(comparison.parts.length);
  for (const [candidate, { cut }] of candidates.entries()) {
    const smaller = await repaired(
      watchedModel,
      watched,
      subnetOf(structure, cut),
      repair,
      options,
    );
    const answers = await answersOf(smaller);
    for (const [index, own] of answers.entries()) {
      const damages = comparison.damages(at(whole, index), own, at(judge, index));
      for (const [part, { difference, size }] of damages.entries()) {
        const place = part * candidates.length + candidate;
        differences[place] = (differences[place] ?? 0) + difference;
        if (candidate === 0) sizes[part] = (sizes[part] ?? 0) + size;
      }
    }
    progress.step("measuring repaired cuts", candidate + 1, candidates.length);
    if (signal?.aborted) throw interrupted(candidate + 1, candidates.length);
  }
  return (part) =>
    meanDamages(candidates.length, { differences, sizes }, part === undefined ? null : [part]);
}

async function repaired(
  model: Model,
  structure: Structure,
  subnet: Subnet,
  samples: readonly SampleBatch[],
  { threads, seed, signal }: RepairedOptions,
): Promise<Graph> {
  const images = samples.reduce((sum, { size }) => sum + size, 0);
  try {
    const options = { images, looks: 1, seed, threads, signal };
    return (await correctSubnet(model, structure, subnet, each(samples), options)).graph;
  } catch (error) {
    // Nothing behind the cut can be fitted: it does what it does.
    if (error instanceof InputError && error.code === "correct/nothing") {
      return cutGraph(structure, subnet);
    }
    throw error;
  }
}

async function* each(samples: readonly SampleBatch[]): AsyncGenerator<SampleBatch> {
  yield* samples;
}

function subnetOf(structure: Structure, { kept, droppedBlocks, droppedLayers }: Cut): Subnet {
  const all = keepAll(structure);
  const units = all.kept.map((own, dim) => {
    const chosen = kept.get(dim);
    return chosen === undefined ? own : [...chosen].sort((a, b) => a - b);
  });
  return { kept: units, droppedBlocks, droppedLayers };
}

function halves(samples: readonly SampleBatch[]): {
  readonly repair: readonly SampleBatch[];
  readonly judge: readonly SampleBatch[];
} {
  const [only] = samples;
  if (samples.length === 1 && only !== undefined && only.size > 1) {
    const half = Math.ceil(only.size / 2);
    return { repair: [slicedBatch(only, 0, half)], judge: [slicedBatch(only, half, only.size)] };
  }
  const half = Math.ceil(samples.length / 2);
  return { repair: samples.slice(0, half), judge: samples.slice(samples.length === 1 ? 0 : half) };
}

function interrupted(done: number, total: number): InterruptedError {
  return new InterruptedError({
    code: "importance/interrupted",
    message: `Stopped at repaired cut ${done} of ${total}.`,
    hint: "Use --images for fewer images, or score without --repaired.",
  });
}
