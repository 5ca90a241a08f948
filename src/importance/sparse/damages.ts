/**
 * What the network loses when one weight alone is made sparse and repaired, measured at several densities: the rates of all layers
 * are then chosen by one program that adds these up.
 *
 * For every layer the covariance of its inputs is taken once. At each density a mask is chosen, the kept weights are fitted to
 * what the dense network has there, and the rest of the network runs with them: the damage is how far its answers are from the
 * dense ones (`sensitivity/damage.ts`).
 *
 * The other layers are those of the dense network, where damages add up nearly, or those of a network that is sparse already:
 * there, one layer's rate is varied with all others at the rates that were chosen, and its fit makes up for theirs.
 */
import { availableParallelism } from "node:os";
import { type Progress, SILENT } from "../../core/progress.ts";
import { answersOf } from "../../graph/answers.ts";
import type { Graph } from "../../graph/graph.ts";
import type { Model } from "../../onnx/model.ts";
import type { SampleBatch } from "../../runtime/batches.ts";
import type { Feeds } from "../../runtime/session.ts";
import type { Structure } from "../../structure/structure.ts";
import { addSamples, layerRequests } from "../../subnet/correct/layers.ts";
import { type Moments, sumMoments } from "../../subnet/correct/moments.ts";
import { type CorrectionStep, planCorrection } from "../../subnet/correct/plan.ts";
import { openProducts, type Products } from "../../subnet/correct/products.ts";
import { type Samples, takeSamples } from "../../subnet/correct/samples.ts";
import { type Segment, scheduleOf } from "../../subnet/correct/schedule.ts";
import { type Walk, walkOver } from "../../subnet/correct/walk.ts";
import { fitOnSupport } from "../../subnet/sparse/fit.ts";
import { maskOf } from "../../subnet/sparse/mask.ts";
import type { Pattern } from "../../subnet/sparse/pattern.ts";
import { type ScoreOf, searchSupport } from "../../subnet/sparse/search.ts";
import {
  inTensorOrder,
  matrixOf,
  type SparseWeight,
  weightLabel,
} from "../../subnet/sparse/weights.ts";
import type { Subnet } from "../../subnet/subnet.ts";
import type { DamageMeasure } from "../sensitivity/damage.ts";
import { sumDamages } from "./answers.ts";
import { checkGoing } from "./interrupted.ts";
import { openProbe, type Probe } from "./probe.ts";

/** One way to make a weight sparse. */
export interface SparseOption {
  /** Elements that stay. */
  readonly kept: number;
  readonly pattern: Pattern;
}

export interface WeightOptions {
  readonly weight: SparseWeight;
  /** All options but that which keeps everything, whose damage is 0. */
  readonly options: readonly SparseOption[];
}

/** Damage of each option of a weight, in the order of the options. */
export interface WeightDamages extends WeightOptions {
  readonly damages: readonly number[];
  /** Whether the kept weights were fitted before it was measured. */
  readonly repaired: boolean;
}

/** Where damages are measured. */
export interface Surroundings {
  /** Of the dense network, whose answers are the measure. */
  readonly structure: Structure;
  /** What is kept of it. */
  readonly subnet: Subnet;
  /** The network as it is: what the subnet leaves, or the same with sparse and fitted weights. */
  readonly graph: Graph;
}

export interface DamageOptions {
  readonly scoreOf: ScoreOf;
  readonly repair: boolean;
  readonly damage: DamageMeasure;
  readonly rounds: number;
  readonly ridge: number;
  /** Images that covariances are taken from; the first `measured` of them also judge. */
  readonly images: number;
  readonly measured: number;
  readonly seed?: number | undefined;
  readonly threads?: number | undefined;
  readonly progress?: Progress | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Measures every option of every weight.
 * @param weights of what the subnet leaves, with their dense values
 * @throws InputError as `takeSamples`; InterruptedError `importance/interrupted`
 */
export async function sparsityDamages(
  model: Model,
  around: Surroundings,
  weights: readonly WeightOptions[],
  images: AsyncIterable<SampleBatch>,
  options: DamageOptions,
): Promise<readonly WeightDamages[]> {
  const { structure, graph } = around;
  const { threads = Math.min(availableParallelism(), 4), progress = SILENT, signal } = options;
  const samples = await takeSamples(graph, images, { images: options.images, runSize: RUN_SIZE });
  const jobs = jobsOf(around, weights);
  const { values } = answersOf(structure.graph);
  const requests = layerRequests(jobs.map(({ step }) => step));
  const ours = scheduleOf(
    graph,
    requests.smaller.flatMap((request) => [request, { settle: [], observe: values }]),
  );
  const theirs = scheduleOf(structure.graph, requests.dense);
  const products = await openProducts(threads);
  const runs = Math.max(1, Math.ceil(options.measured / RUN_SIZE));
  const walks = {
    ours: walkOver(model, samples, threads),
    theirs: walkOver(model, samples, threads),
  };
  const measure: Measuring = {
    graph,
    dense: structure.graph,
    walks,
    samples,
    runs,
    values,
    products,
    options,
  };
  const answers = await denseAnswers(measure, model, threads);
  const results: WeightDamages[] = [];
  const total = jobs.reduce((sum, job) => sum + job.weight.options.length, 0);
  let done = 0;
  try {
    for (const [index, { step, weight }] of jobs.entries()) {
      const [own, rest, wanted] = [ours[2 * index], ours[2 * index + 1], theirs[index]];
      if (own === undefined || rest === undefined || wanted === undefined) continue;
      const moments = await momentsOf(measure, step, weight.weight, { own, wanted }, index);
      const probe = await openProbe(graph, measure.walks.ours, step.layer, rest);
      const damages: number[] = [];
      try {
        for (const option of weight.options) {
          checkGoing(signal, done, total);
          progress.step("measuring damages", done, total, weightLabel(weight.weight));
          damages.push(await damageAt(measure, weight.weight, option, moments, probe, answers));
          done += 1;
        }
      } finally {
        await probe.close();
      }
      results.push({ ...weight, damages, repaired: options.repair });
    }
  } finally {
    await products.close();
  }
  progress.step("measuring damages", total, total);
  return results;
}

const RUN_SIZE = 32;

interface Measuring {
  readonly graph: Graph;
  readonly dense: Graph;
  readonly walks: { readonly ours: Walk; readonly theirs: Walk };
  readonly samples: Samples;
  /** Parts of the images that judge. */
  readonly runs: number;
  /** Names of what is compared. */
  readonly values: readonly string[];
  readonly products: Products;
  readonly options: DamageOptions;
}

interface Job {
  readonly step: CorrectionStep;
  readonly weight: WeightOptions;
}

/** Layers in the order of their inputs; weights that are no linear map of patches, and tied ones, have none. */
function jobsOf(
  { structure, subnet, graph }: Surroundings,
  weights: readonly WeightOptions[],
): readonly Job[] {
  const byName = new Map(weights.map((each) => [each.weight.name, each]));
  const options = { target: "stream", furtherLooks: 0 } as const;
  const { steps } = planCorrection(structure, subnet, graph, options);
  return steps.flatMap((step) => {
    const weight = byName.get(step.layer.weight);
    return weight === undefined || weight.options.length === 0 ? [] : [{ step, weight }];
  });
}

/**
 * First and second moments of what a layer reads, and of what is wanted minus what it gives with its dense weight; the layers
 * around it are as they are.
 */
async function momentsOf(
  { graph, dense, walks, samples, products, options }: Measuring,
  step: CorrectionStep,
  weight: SparseWeight,
  segments: { readonly own: Segment; readonly wanted: Segment },
  index: number,
): Promise<Moments> {
  const { groups, unknowns, outputs } = step.layer;
  const sums = sumMoments(products, { groups, unknowns, outputs });
  const positions = Math.max(
    LEAST_POSITIONS,
    Math.ceil((SAMPLES_PER_UNKNOWN * unknowns) / samples.count),
  );
  const whole = new Map(graph.initializers).set(weight.name, weight.tensor);
  const ours = await walks.ours.open({ ...graph, initializers: whole }, segments.own);
  try {
    const theirs = await walks.theirs.open(dense, segments.wanted);
    try {
      for (let part = 0; part < samples.runs.length; part += 1) {
        const seed = ((options.seed ?? 0) * 1_000_003 + index) * 10_007 + part;
        const [found, wanted] = [await ours.run(part), await theirs.run(part)];
        await addSamples(sums, step, found, wanted, positions, seed);
      }
    } finally {
      await theirs.close();
    }
  } finally {
    await ours.close();
  }
  return sums.moments();
}

const LEAST_POSITIONS = 8;
const SAMPLES_PER_UNKNOWN = 16;

/** What the dense network answers, part by part. */
async function denseAnswers(
  { dense, samples, runs, values }: Measuring,
  model: Model,
  threads: number,
): Promise<readonly Feeds[]> {
  const [segment] = scheduleOf(dense, [{ settle: values, observe: values }]);
  if (segment === undefined) return [];
  const step = await walkOver(model, samples, threads).open(dense, segment);
  const answers: Feeds[] = [];
  try {
    for (let part = 0; part < Math.min(runs, samples.runs.length); part += 1)
      answers.push(await step.run(part));
  } finally {
    await step.close();
  }
  return answers;
}

async function damageAt(
  { samples, runs, values: compared, products, options }: Measuring,
  weight: SparseWeight,
  { kept, pattern }: SparseOption,
  moments: Moments,
  probe: Probe,
  answers: readonly Feeds[],
): Promise<number> {
  const { scoreOf, rounds, ridge, repair, damage: by } = options;
  const values = matrixOf(weight);
  let sparse: Float32Array;
  let shift = new Float32Array(weight.rows);
  if (repair) {
    const freeBias = probe.hasBias;
    const search = { pattern, scoreOf, kept, rounds, ridge, freeBias, products };
    const mask = await searchSupport(weight, values, moments, search);
    const update = await fitOnSupport(moments, values, mask, search);
    sparse = values.map((value, at) => value + (update.weights[at] ?? 0));
    shift = Float32Array.from(update.bias);
  } else {
    const mask = maskOf(weight, pattern, await scoreOf(weight, values, moments), kept);
    sparse = values.map((value, at) => (mask[at] === 1 ? value : 0));
  }
  const fed = inTensorOrder(weight, sparse);
  const sum = sumDamages(compared, by);
  for (let part = 0; part < Math.min(runs, samples.runs.length); part += 1) {
    sum.add(answers[part] ?? {}, await probe.run(part, fed, shift));
  }
  return sum.mean();
}
