import type { Graph } from "../../graph/graph.ts";
import {
  type KeptKnowledge,
  keptKnowledge,
  outputSpectra,
  weightSpectra,
} from "../../importance/knowledge/knowledge.ts";
import { withGraph } from "../../onnx/model.ts";
import type { Structure } from "../../structure/structure.ts";
import type { Products } from "../../subnet/correct/products.ts";
import type { CheckedRequest } from "./request.ts";
import type { Subject } from "./subject.ts";

/** Singular values of a sparse network beside those of the dense one, layer by layer. */
export interface Knowledge {
  readonly weights: readonly KeptKnowledge[];
  /** Null without images. */
  readonly outputs: readonly KeptKnowledge[] | null;
}

/** Batches of outputs that spectra are averaged over. */
const SPECTRAL_BATCHES = 4;

export async function knowledgeOf(
  { model, structure, weights, dataset }: Subject,
  graph: Graph,
  products: Products,
  { batch, seed, threads }: CheckedRequest,
): Promise<Knowledge> {
  const ofWeights = async (each: Graph) => weightSpectra(weights, each, products);
  const kept = keptKnowledge(await ofWeights(structure.graph), await ofWeights(graph));
  if (dataset === null) return { weights: kept, outputs: null };
  const size = Math.min(batch, dataset.count);
  const ofOutputs = (each: Graph) => {
    const batches = dataset.batches(size, { limit: SPECTRAL_BATCHES * size, seed });
    const own: Structure = { ...structure, graph: each };
    return outputSpectra(withGraph(model, each), own, batches, threads);
  };
  return {
    weights: kept,
    outputs: keptKnowledge(await ofOutputs(structure.graph), await ofOutputs(graph)),
  };
}
