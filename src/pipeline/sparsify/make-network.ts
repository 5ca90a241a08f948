import { weightsAsInitializers } from "../../graph/constants.ts";
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
import { type SparseWeight, weightCount } from "../../subnet/sparse/weights.ts";
import { keepAll, type Subnet } from "../../subnet/subnet.ts";
import type { OpenNetwork } from "../open/network.ts";
import type { RunContext } from "../run-context.ts";
import type { ChosenDensities } from "./choose-densities.ts";
import type { Subject } from "./measure.ts";
import type { CheckedRequest } from "./request.ts";

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
  weights: readonly SparseWeight[],
  whole: ReadonlySet<string>,
  { kept }: ChosenDensities,
  { pattern }: CheckedRequest,
): readonly WeightChoice[] {
  return weights.flatMap((weight) => {
    const count = weightCount(weight);
    const own = keptByPattern(weight, pattern, kept.get(weight.name) ?? count);
    const stays = whole.has(weight.name) || (kept.get(weight.name) ?? count) >= count;
    return stays ? [] : [{ weight, kept: own, pattern }];
  });
}

/** Masks by the given choices, and, with images, one fit of the kept weights. */
export async function makeSparse(
  { structure, dataset }: Subject,
  whole: Whole,
  choices: readonly WeightChoice[],
  score: ScoreOf,
  request: CheckedRequest,
  { progress, signal }: RunContext,
): Promise<SparseNetwork> {
  const { repair, rounds, ridge, looks, seed, threads, memory } = request;
  if (repair === "none" || dataset === null) return maskNetwork(structure.graph, choices, score);
  const images = Math.min(request.images, dataset.count);
  const batches = dataset.batches(100, { limit: images, seed });
  return sparsifyNetwork(whole.model, whole.structure, whole.subnet, choices, batches, {
    ...{ scoreOf: score, rounds, ridge, looks, images, seed, threads, progress, signal },
    memoryBytes: memory * 2 ** 30,
  });
}
