import { availableParallelism } from "node:os";
import { at } from "../../core/at.ts";
import { type Progress, SILENT } from "../../core/progress.ts";
import type { Graph } from "../../graph/graph.ts";
import type { Model } from "../../onnx/model.ts";
import type { SampleBatch } from "../../runtime/batches.ts";
import type { Structure } from "../../structure/structure.ts";
import { imagesThatFit } from "../correct/correct.ts";
import { chosenRidge } from "../correct/held-out.ts";
import { correctLayers, fitAll, type LayerCorrection, type LayerFit } from "../correct/layers.ts";
import type { Update } from "../correct/least-squares.ts";
import type { Moments } from "../correct/moments.ts";
import { planCorrection, type Target } from "../correct/plan.ts";
import { takeSamples } from "../correct/samples.ts";
import { cutGraph } from "../cut.ts";
import type { Subnet } from "../subnet.ts";
import { fitOnSupport } from "./fit.ts";
import { applyMasks, type Masks, maskOf } from "./mask.ts";
import type { Pattern } from "./pattern.ts";
import { type ScoreOf, searchSupport, straightMask } from "./search.ts";
import { matrixOf, type SparseWeight } from "./weights.ts";

/** How many elements of a weight stay, and in which pattern. Weights without a choice keep all. */
export interface WeightChoice {
  readonly weight: SparseWeight;
  readonly kept: number;
  readonly pattern: Pattern;
}

export interface SparsifyOptions {
  readonly scoreOf: ScoreOf;
  /** Rounds in which a layer's mask is found. */
  readonly rounds?: number | undefined;
  /** False: the moments of what layers read only score their weights; what stays keeps its value. True unless given. */
  readonly repairs?: boolean | undefined;
  /** 0.01 unless given. */
  readonly ridge?: number | undefined;
  /** What the subnet leaves, with other values to begin with: those of an earlier pass. */
  readonly from?: Graph | undefined;
  readonly target?: Target | undefined;
  /** Looks at a layer that a Relu or Clip follows; 2 unless given. */
  readonly looks?: number | undefined;
  readonly images?: number | undefined;
  readonly positions?: number | undefined;
  readonly memoryBytes?: number | undefined;
  readonly seed?: number | undefined;
  readonly threads?: number | undefined;
  readonly progress?: Progress | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface SparseNetwork {
  readonly graph: Graph;
  readonly masks: Masks;
  /** What the least squares did, layer by layer; none without images. */
  readonly layers: readonly LayerCorrection[];
  /** Layers that keep the values they had, with the reason. */
  readonly left: readonly { readonly label: string; readonly reason: string }[];
  readonly images: number;
}

const DEFAULTS = {
  images: 512,
  ridge: 0.01,
  looks: 2,
  rounds: 1,
  memoryBytes: 2 ** 31,
} as const;

/** Zeros by score alone: the kept weights stay as they are. */
export async function maskNetwork(
  graph: Graph,
  choices: readonly WeightChoice[],
  scoreOf: ScoreOf,
): Promise<SparseNetwork> {
  const masks = new Map<string, Uint8Array>();
  for (const { weight, kept, pattern } of choices) {
    const mask = await straightMask(weight, matrixOf(weight), { pattern, scoreOf, kept });
    masks.set(weight.name, mask);
  }
  const weights = choices.map(({ weight }) => weight);
  return { graph: applyMasks(graph, weights, masks), masks, layers: [], left: [], images: 0 };
}

/**
 * Zeros with repair: layer by layer, on what the layers before it, already sparse and fitted, give, a mask is chosen and the kept
 * weights are fitted so that the layer gives what the dense network gives (or the residual sum that it adds to). Labels are not read.
 *
 * @param structure of the dense network
 * @param subnet what a structured choice has kept of it; all of it where there was none
 * @param choices of the weights of `cutGraph(structure, subnet)`
 * @throws InputError as `takeSamples`; InterruptedError `correct/interrupted`
 */
export async function sparsifyNetwork(
  model: Model,
  structure: Structure,
  subnet: Subnet,
  choices: readonly WeightChoice[],
  images: AsyncIterable<SampleBatch>,
  options: SparsifyOptions,
): Promise<SparseNetwork> {
  const { scoreOf, target = "stream", positions, seed = 0, progress = SILENT, signal } = options;
  const { rounds = DEFAULTS.rounds, ridge = DEFAULTS.ridge, repairs = true } = options;
  const looks = repairs ? (options.looks ?? DEFAULTS.looks) : 1;
  const { images: asked = DEFAULTS.images, memoryBytes = DEFAULTS.memoryBytes } = options;
  const threads = options.threads ?? Math.min(availableParallelism(), 4);
  const smaller = cutGraph(structure, subnet);
  const plan = planCorrection(structure, subnet, smaller, {
    ...{ target, furtherLooks: looks - 1 },
  });
  const most = imagesThatFit(structure.graph, smaller, plan, {
    ...{ images: asked, memoryBytes, progress },
  });
  const samples = await takeSamples(smaller, images, { images: most, runSize: RUN_SIZE });
  const fitted = new Set(plan.steps.map(({ layer }) => layer.weight));
  const straight = choices.filter(({ weight }) => !fitted.has(weight.name));
  const start = await maskNetwork(options.from ?? smaller, straight, scoreOf);
  const masks = new Map(start.masks);
  const fit = repairs
    ? sparseFit(choices, masks, { scoreOf, rounds })
    : maskOnly(choices, masks, scoreOf);
  const setting = { positions, ridge, seed, threads, signal, progress };
  const { graph, layers } = await correctLayers(
    ...([model, structure, start.graph, plan.steps, samples, setting, fit] as const),
  );
  return { graph, masks, layers, left: plan.left, images: samples.count };
}

const RUN_SIZE = 50;

/** Masks by scores that read the moments; nothing is fitted. */
function maskOnly(
  choices: readonly WeightChoice[],
  masks: Map<string, Uint8Array>,
  scoreOf: ScoreOf,
): LayerFit {
  const byName = new Map(choices.map((choice) => [choice.weight.name, choice]));
  return async ({ step, graph, moments, ridge }) => {
    const { groups, outputs, unknowns } = moments;
    const weights = new Float64Array(groups * outputs * unknowns);
    const bias = new Float64Array(groups * outputs);
    const same = { bias, before: 0, after: 0, ridge };
    const choice = byName.get(step.layer.weight);
    if (choice === undefined) return { ...same, weights };
    const { weight, kept, pattern } = choice;
    const tensor = graph.initializers.get(weight.name) ?? weight.tensor;
    const values = matrixOf({ ...weight, tensor });
    const mask =
      masks.get(weight.name) ??
      maskOf(weight, pattern, await scoreOf(weight, values, moments), kept);
    masks.set(weight.name, mask);
    return {
      ...same,
      weights: weights.map((_, index) => (mask[index] === 0 ? -at(values, index) : 0)),
    };
  };
}

/**
 * Samples per input below which a layer that keeps all its weights keeps their values: a classifier with 1280 inputs sees one position
 * of each image, and fitted to 256 of them it gives the dense answers on these and wrong ones on others.
 */
const LEAST_SAMPLES = 4;

/** The mean of what is wanted is made up for; the weights stay. */
function biasAlone(
  { groups, outputs, unknowns, residuals, residualMeans }: Moments,
  { freeBias, ridge }: { readonly freeBias: boolean; readonly ridge: number },
): Update {
  const variance = residuals.reduce((sum, value) => sum + value, 0);
  const means = residualMeans.reduce((sum, value) => sum + value ** 2, 0);
  return {
    weights: new Float64Array(groups * outputs * unknowns),
    bias: freeBias ? residualMeans.slice() : new Float64Array(groups * outputs),
    before: variance + means,
    after: variance + (freeBias ? 0 : means),
    ridge,
  };
}

/** At the first look the mask is found, later ones fit the same support; weights without a choice are fitted whole. */
function sparseFit(
  choices: readonly WeightChoice[],
  masks: Map<string, Uint8Array>,
  { scoreOf, rounds }: { readonly scoreOf: ScoreOf; readonly rounds: number },
): LayerFit {
  const byName = new Map(choices.map((choice) => [choice.weight.name, choice]));
  return async (problem) => {
    const { step, graph, moments, halves, products, ridge: asked, freeBias } = problem;
    const choice = byName.get(step.layer.weight);
    if (choice === undefined)
      return moments.samples < LEAST_SAMPLES * moments.unknowns
        ? biasAlone(moments, { freeBias, ridge: asked })
        : fitAll(problem);
    const { weight, kept, pattern } = choice;
    const tensor = graph.initializers.get(weight.name) ?? weight.tensor;
    const values = matrixOf({ ...weight, tensor });
    const search = { ...{ pattern, scoreOf, kept, rounds }, ridge: asked, freeBias, products };
    const mask = masks.get(weight.name) ?? (await searchSupport(weight, values, moments, search));
    masks.set(weight.name, mask);
    const fit = (part: Moments, ridge: number): Promise<Update> =>
      fitOnSupport(part, values, mask, { ridge, freeBias, products });
    return fit(moments, await chosenRidge(halves, asked, fit, products));
  };
}
