import { weightsAsInitializers } from "../../graph/constants.ts";
import type { Graph } from "../../graph/graph.ts";
import { readsMoments } from "../../importance/sparse/scores.ts";
import { type Model, withGraph } from "../../onnx/model.ts";
import { findStructure } from "../../structure/find-structure.ts";
import type { Structure } from "../../structure/structure.ts";
import { keptByPattern } from "../../subnet/sparse/mask.ts";
import type { ScoreOf } from "../../subnet/sparse/search.ts";
import {
  maskNetwork,
  type SparseNetwork,
  sparsifyNetwork,
  type WeightChoice,
} from "../../subnet/sparse/sparsify.ts";
import { weightCount } from "../../subnet/sparse/weights.ts";
import { keepAll, type Subnet } from "../../subnet/subnet.ts";
import type { OpenNetwork } from "../open/network.ts";
import type { RunContext } from "../run-context.ts";
import type { ChosenDensities } from "./choose-densities.ts";
import type { CheckedRequest } from "./request.ts";
import type { Subject } from "./subject.ts";

/** The dense network, and what is kept of it. */
export interface Whole {
  readonly model: Model;
  readonly structure: Structure;
  readonly subnet: Subnet;
}

/** Where constants that layers read are initializers; with a subnet, as it was read. */
export function wholeNetwork(open: OpenNetwork, subnet: Subnet | null): Whole {
  // A subnet belongs to the structure that it was chosen from: there, constants stay where they are.
  if (subnet !== null) return { model: open.model, structure: open.structure, subnet };
  const graph = weightsAsInitializers(open.model.graph);
  const structure = graph === open.model.graph ? open.structure : findStructure(graph);
  return { model: withGraph(open.model, graph), structure, subnet: keepAll(structure) };
}

/** What is done to each weight; those that keep everything have no choice. */
export function choicesOf(
  { weights, stays }: Pick<Subject, "weights" | "stays">,
  { kept }: ChosenDensities,
  { pattern }: CheckedRequest,
): readonly WeightChoice[] {
  return weights.flatMap((weight) => {
    const count = weightCount(weight);
    const own = keptByPattern(weight, pattern, kept.get(weight.name) ?? count);
    const isWhole = stays.has(weight.name) || (kept.get(weight.name) ?? count) >= count;
    return isWhole ? [] : [{ weight, kept: own, pattern }];
  });
}

/**
 * Masks by the given choices, and, with images, a fit of the kept weights. In several passes over the network the density of each
 * layer goes down to its last one; each pass begins with the weights that the one before has fitted, so that all layers adapt to some
 * zeros before more come.
 */
export async function makeSparse(
  { structure, dataset }: Subject,
  whole: Whole,
  choices: readonly WeightChoice[],
  score: ScoreOf,
  request: CheckedRequest,
  { progress, signal }: RunContext,
): Promise<SparseNetwork> {
  const { repair, rounds, ridge, looks, seed, threads, memory, pattern } = request;
  const repairs = repair !== "none";
  // Scores that read what a layer is given need it layer by layer, repaired or not.
  if (dataset === null || !(repairs || readsMoments(request.score)))
    return maskNetwork(structure.graph, choices, score);
  const images = Math.min(request.images, dataset.count);
  const passOf = (power: number, from: Graph | undefined): Promise<SparseNetwork> => {
    const batches = dataset.batches(100, { limit: images, seed });
    const now = power === 1 ? choices : choices.map((choice) => lessSparse(choice, power));
    return sparsifyNetwork(whole.model, whole.structure, whole.subnet, now, batches, {
      ...{
        scoreOf: score,
        rounds,
        ridge,
        looks,
        images,
        seed,
        threads,
        progress,
        signal,
        from,
        repairs,
      },
      memoryBytes: memory * 2 ** 30,
    });
  };
  const passes = pattern.kind === "n:m" || !repairs ? 1 : request.passes;
  let made: SparseNetwork | null = null;
  for (let pass = 1; pass < passes; pass += 1) made = await passOf(pass / passes, made?.graph);
  return passOf(1, made?.graph);
}

/** On the way there: the density to a power below 1. */
function lessSparse(choice: WeightChoice, power: number): WeightChoice {
  const { weight, pattern, kept } = choice;
  const count = weightCount(weight);
  return { ...choice, kept: keptByPattern(weight, pattern, count * (kept / count) ** power) };
}
