import type { KnowledgeReport } from "../../documents/knowledge.ts";
import { weightsAsInitializers } from "../../graph/constants.ts";
import {
  keptKnowledge,
  knowledgeKept,
  type LayerSpectrum,
  outputSpectra,
  weightSpectra,
} from "../../importance/knowledge/knowledge.ts";
import { LARGEST_GRAM } from "../../importance/knowledge/spectrum.ts";
import { withGraph } from "../../onnx/model.ts";
import { findStructure } from "../../structure/find-structure.ts";
import { openProducts } from "../../subnet/correct/products.ts";
import { sparseWeights, weightLabel } from "../../subnet/sparse/weights.ts";
import { type ImageOptions, openImages } from "../open/images.ts";
import type { OpenNetwork } from "../open/network.ts";
import type { RunContext } from "../run-context.ts";

export interface KnowledgeRequest extends ImageOptions {
  readonly images: number;
  /** Images per matrix of outputs, 2 to 64. */
  readonly batch: number;
  readonly threads: number;
  readonly seed: number;
}

/**
 * Singular values of the weights and, with images, of the outputs of all layers, in one network or in two. The two may differ in
 * widths: layers are paired by name.
 * @throws InputError `importance/no-images`, and as reading images
 */
export async function compareKnowledge(
  dense: OpenNetwork,
  pruned: OpenNetwork | null,
  request: KnowledgeRequest,
  context: RunContext,
): Promise<Omit<KnowledgeReport, "figure">> {
  const { data, images, batch, threads, seed } = request;
  const dataset = data === undefined ? null : await openImages(dense, request, context);
  const size = dataset === null ? batch : Math.min(batch, dataset.count);
  const limit = dataset === null ? 0 : Math.max(size, Math.min(images, dataset.count));
  const products = await openProducts(threads);
  const spectraOf = async (open: OpenNetwork) => {
    const graph = weightsAsInitializers(open.model.graph);
    const structure = graph === open.model.graph ? open.structure : findStructure(graph);
    const { weights, dense: left } = sparseWeights(structure);
    const large = weights
      .filter(({ rows, columns }) => Math.min(rows, columns) > LARGEST_GRAM)
      .map((weight) => ({
        layer: weightLabel(weight),
        reason: `its weight is ${weight.rows} x ${weight.columns}; spectra are taken up to ${LARGEST_GRAM}`,
      }));
    return {
      weights: await weightSpectra(weights, graph, products),
      outputs:
        dataset === null
          ? null
          : await outputSpectra(
              withGraph(open.model, graph),
              structure,
              dataset.batches(size, { limit, seed }),
              threads,
            ),
      leftOut: [...large, ...left.map(({ label, reason }) => ({ layer: label, reason }))],
    };
  };
  try {
    context.progress.note(`spectra of ${dense.name}`);
    const before = await spectraOf(dense);
    if (pruned !== null) context.progress.note(`spectra of ${pruned.name}`);
    const after = pruned === null ? before : await spectraOf(pruned);
    return {
      schema: "mdp-knowledge/1",
      model: dense.path,
      pruned: pruned?.path ?? null,
      data: data ?? null,
      images: limit,
      batch: size,
      weights: readingOf(before.weights, after.weights, pruned !== null),
      outputs:
        before.outputs === null || after.outputs === null
          ? null
          : readingOf(before.outputs, after.outputs, pruned !== null),
      leftOut: before.leftOut,
    };
  } finally {
    await products.close();
  }
}

function readingOf(
  dense: readonly LayerSpectrum[],
  pruned: readonly LayerSpectrum[],
  isPair: boolean,
): KnowledgeReport["weights"] {
  const kept = keptKnowledge(dense, pruned);
  const spectra = (list: readonly LayerSpectrum[], layer: string): number[] | null => {
    const found = list.find((each) => each.layer === layer);
    return found === undefined ? null : Array.from(found.values);
  };
  return {
    layers: kept.map((each) => ({
      ...each,
      spectra: {
        dense: spectra(dense, each.layer) ?? [],
        pruned: isPair ? spectra(pruned, each.layer) : null,
      },
    })),
    kept: knowledgeKept(kept),
  };
}
