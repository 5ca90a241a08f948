import type { Graph } from "../../graph/graph.ts";
import type { Model } from "../../onnx/model.ts";
import { slicedFeed } from "../../runtime/batches.ts";
import type { Feed, Feeds } from "../../runtime/session.ts";
import type { Structure } from "../../structure/structure.ts";
import { applyUpdate, biasPlace } from "./apply.ts";
import { wayThrough } from "./clamp.ts";
import { chosenRidge, fittedImages, type Halves } from "./held-out.ts";
import { joinedMoments } from "./join-moments.ts";
import { leastSquares, type Update } from "./least-squares.ts";
import { type MomentSums, type Moments, sumMoments } from "./moments.ts";
import {
  drawPlaces,
  inputPatches,
  outputPatches,
  type Patches,
  type Places,
  positionsOf,
} from "./patches.ts";
import type { CorrectionStep } from "./plan.ts";
import { openProducts, type Products } from "./products.ts";
import type { Samples } from "./samples.ts";
import { type Request, type Segment, scheduleOf } from "./schedule.ts";
import { checkInterrupted, type Setting } from "./setting.ts";
import { type Walk, walkOver } from "./walk.ts";

/** What was done to one layer. */
export interface LayerCorrection {
  readonly label: string;
  /** Value of the dense network that it was fitted to. */
  readonly wanted: string;
  /** Only values within the bounds counted: a further look at a layer that a Relu or Clip follows. */
  readonly rectified: boolean;
  /** Sampled output positions. */
  readonly samples: number;
  /** Squared distance to what was wanted, summed over channels and in units of the layer's output, before and after. */
  readonly before: number;
  readonly after: number;
  /** Ridge that was used: larger than asked where the inputs were linearly dependent, or images that the fit had not seen came closer. */
  readonly ridge: number;
}

/** What the two networks are asked for, step by step. */
export function layerRequests(steps: readonly CorrectionStep[]): {
  readonly smaller: readonly Request[];
  readonly dense: readonly Request[];
} {
  return {
    smaller: steps.map(({ layer, found }) => ({
      settle: [layer.input],
      observe: [layer.input, found],
    })),
    dense: steps.map(({ wanted }) => ({ settle: [wanted], observe: [wanted] })),
  };
}

/** What one layer is fitted from. */
export interface LayerProblem {
  readonly step: CorrectionStep;
  /** The network as it is now: layers before this one are fitted. */
  readonly graph: Graph;
  /** Over all images. */
  readonly moments: Moments;
  /** The same in two parts, to choose how far to trust a fit. */
  readonly halves: Halves;
  readonly products: Products;
  /** The least ridge. */
  readonly ridge: number;
  /** False where the layer has no place for a bias. */
  readonly freeBias: boolean;
}

/** How a layer's weights and bias change. */
export type LayerFit = (problem: LayerProblem) => Promise<Update>;

/** All weights of a layer, by a ridge that images outside of the fit choose. */
export const fitAll: LayerFit = async ({ moments, halves, products, ridge: asked, freeBias }) => {
  const fit = (part: Moments, ridge: number): Promise<Update> =>
    leastSquares(part, { ridge, freeBias, products });
  return fit(moments, await chosenRidge(halves, asked, fit, products));
};

/**
 * Fits the layers in order, each on inputs that the ones before it, already fitted, give.
 * @param fit all weights of a layer by least squares, unless given
 */
export async function correctLayers(
  model: Model,
  structure: Structure,
  smaller: Graph,
  steps: readonly CorrectionStep[],
  samples: Samples,
  setting: Setting,
  fit: LayerFit = fitAll,
): Promise<{ readonly graph: Graph; readonly layers: readonly LayerCorrection[] }> {
  const requests = layerRequests(steps);
  const segments = {
    smaller: scheduleOf(smaller, requests.smaller),
    dense: scheduleOf(structure.graph, requests.dense),
  };
  const walks = {
    smaller: walkOver(model, samples, setting.threads),
    dense: walkOver(model, samples, setting.threads),
  };
  const products = await openProducts(setting.threads);
  const layers: LayerCorrection[] = [];
  let graph = smaller;
  try {
    for (const [index, step] of steps.entries()) {
      setting.progress.step("fitting layers", index, steps.length);
      const [ours, theirs] = [segments.smaller[index], segments.dense[index]];
      if (ours === undefined || theirs === undefined) continue;
      const parts = observed(
        { walk: walks.smaller, graph, segment: ours },
        { walk: walks.dense, graph: structure.graph, segment: theirs },
        samples.runs.length,
      );
      const positions = setting.positions ?? positionsFor(step, samples.count);
      const shape = momentShape(step);
      let [part, left] = [0, fittedImages(samples.count, shape)];
      const isHeld = left < samples.count;
      const sums = Array.from({ length: isHeld ? 2 : 1 }, () => sumMoments(products, shape));
      for await (const [found, wanted] of parts) {
        checkInterrupted(setting, index, steps.length, "fits of layers");
        const seed = (setting.seed * 1_000_003 + index) * 10_007 + part;
        const images = found[step.found]?.shape[0] ?? 0;
        await addParts(sums, step, found, wanted, { positions, seed, first: left });
        left = Math.max(0, left - images);
        part += 1;
      }
      const [fittedPart, heldPart] = sums.map((each) => each.moments());
      if (fittedPart === undefined) continue;
      const held = heldPart ?? { ...fittedPart, samples: 0 };
      const moments = joinedMoments(fittedPart, held);
      const halves = { fitted: fittedPart, held };
      const fitted = await fitLayer(
        { graph, step, moments, halves, products, ridge: setting.ridge },
        fit,
      );
      graph = fitted.graph;
      layers.push(fitted.correction);
    }
  } finally {
    await products.close();
  }
  setting.progress.step("fitting layers", steps.length, steps.length);
  return { graph, layers };
}

/** Output positions per image that give enough samples for a layer's unknowns. */
function positionsFor({ layer }: CorrectionStep, images: number): number {
  return Math.max(LEAST_POSITIONS, Math.ceil((SAMPLES_PER_UNKNOWN * layer.unknowns) / images));
}

const LEAST_POSITIONS = 8;
const SAMPLES_PER_UNKNOWN = 32;

function momentShape({ layer }: CorrectionStep) {
  const { groups, unknowns, outputs } = layer;
  return { groups, unknowns, outputs };
}

interface Side {
  readonly walk: Walk;
  readonly graph: Graph;
  readonly segment: Segment;
}

/** What both networks show, part by part of the images. */
async function* observed(
  smaller: Side,
  dense: Side,
  parts: number,
): AsyncGenerator<readonly [Feeds, Feeds]> {
  const ours = await smaller.walk.open(smaller.graph, smaller.segment);
  try {
    const theirs = await dense.walk.open(dense.graph, dense.segment);
    try {
      for (let part = 0; part < parts; part += 1)
        yield [await ours.run(part), await theirs.run(part)];
    } finally {
      await theirs.close();
    }
  } finally {
    await ours.close();
  }
}

/** Adds what both networks show at sampled positions: what the layer reads, and what is wanted minus what it gives. */
export async function addSamples(
  sums: MomentSums,
  step: CorrectionStep,
  ours: Feeds,
  theirs: Feeds,
  positions: number,
  seed: number,
): Promise<void> {
  const first = Number.POSITIVE_INFINITY;
  await addParts([sums], step, ours, theirs, { positions, seed, first });
}

interface Drawn {
  /** Output positions per image. */
  readonly positions: number;
  readonly seed: number;
  /** Images that the first of two sums is given; the second gets the rest. */
  readonly first: number;
}

/** The same for two sums, which share the images. */
async function addParts(
  [before, behind]: readonly MomentSums[],
  step: CorrectionStep,
  ours: Feeds,
  theirs: Feeds,
  { positions, seed, first }: Drawn,
): Promise<void> {
  const { layer } = step;
  const [input, found, wanted] = [ours[layer.input], ours[step.found], theirs[step.wanted]];
  if (input === undefined || found === undefined || wanted === undefined) return;
  const images = found.shape[0] ?? 0;
  const drawn = drawPlaces(images, positionsOf(layer, found.shape), positions, seed);
  const cut = Math.min(first, images);
  for (const [sums, from, to] of [[before, 0, cut] as const, [behind, cut, images] as const]) {
    if (sums === undefined || from === to) continue;
    const [read, own, aim] = [input, found, wanted].map((feed) => slicedFeed(feed, from, to));
    if (read === undefined || own === undefined || aim === undefined) continue;
    const { perImage, places } = drawn;
    const part = { perImage, places: places.subarray(from * perImage, to * perImage) };
    const inputs = inputPatches(layer, read, own.shape, part);
    await sums.add(inputs, residuals(step, own, aim, part));
  }
}

/** What is wanted minus what the layer gives, in units of the layer's output: channels x samples. */
function residuals(
  { layer, channels, scale, clamp }: CorrectionStep,
  found: Feed,
  wanted: Feed,
  places: Places,
): Patches {
  const aim = outputPatches(layer, wanted, places, channels);
  const own = outputPatches(layer, found, places, null);
  const { samples, data } = aim;
  for (let at = 0; at < data.length; at += 1) {
    const [goal, value] = [data[at] ?? 0, own.data[at] ?? 0];
    data[at] = clamp === null ? goal - value : wayThrough(clamp, value, goal);
  }
  scale?.forEach((factor, channel) => {
    for (let at = channel * samples; at < (channel + 1) * samples; at += 1)
      data[at] = (data[at] ?? 0) / factor;
  });
  return aim;
}

async function fitLayer(
  problem: Omit<LayerProblem, "freeBias">,
  fit: LayerFit,
): Promise<{ readonly graph: Graph; readonly correction: LayerCorrection }> {
  const { graph, step, moments } = problem;
  const { layer, label, wanted, clamp } = step;
  const update = await fit({ ...problem, freeBias: biasPlace(graph, layer) !== null });
  const { samples } = moments;
  const { before, after } = update;
  const rectified = clamp !== null;
  const correction = { label, wanted, rectified, samples, before, after, ridge: update.ridge };
  return { graph: applyUpdate(graph, layer, update), correction };
}
