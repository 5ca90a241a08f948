/**
 * Knowledge that is kept from pre-training, judged by mean singular values, in both readings.
 *
 *   of weights   K_w(l) = mean sigma(W_l pruned) / mean sigma(W_l dense)      W_l as outputs x (inputs * kernel)
 *   of outputs   K_f(l) = mean sigma(F_l pruned) / mean sigma(F_l dense)      F_l as images x everything else
 *
 * A mean over the shorter side's values. Where a network was pruned structurally too, a layer's matrices have other shapes: means
 * are compared all the same, spectra by the share of their length.
 */
import { InputError } from "../../core/errors.ts";
import type { Graph } from "../../graph/graph.ts";
import { floatsOf } from "../../graph/tensor.ts";
import type { Model } from "../../onnx/model.ts";
import { joinedFeeds, type SampleBatch, slicedBatch } from "../../runtime/batches.ts";
import { fixedBatchOf } from "../../runtime/bind-feeds.ts";
import type { Feed, Session } from "../../runtime/session.ts";
import type { Layer, Structure } from "../../structure/structure.ts";
import { openProducts, type Products } from "../../subnet/correct/products.ts";
import { matrixOf, type SparseWeight, weightLabel } from "../../subnet/sparse/weights.ts";
import { extend } from "../data/extend.ts";
import { feedsOf, openGraph } from "../data/feed.ts";
import { symmetricEigenvalues } from "./eigenvalues.ts";
import { LARGEST_GRAM, mean, singularFromGram, singularValues } from "./spectrum.ts";

/** Singular values of one layer's matrix. */
export interface LayerSpectrum {
  readonly layer: string;
  /** Falling; averaged over batches where it is of outputs. */
  readonly values: Float64Array;
  readonly mean: number;
}

/**
 * Spectra of all weights, by layer; those whose shorter side is longer than `LARGEST_GRAM` are left out.
 */
export async function weightSpectra(
  weights: readonly SparseWeight[],
  graph: Graph,
  products: Products,
): Promise<readonly LayerSpectrum[]> {
  const spectra: LayerSpectrum[] = [];
  for (const weight of weights) {
    const { rows, columns } = weight;
    if (Math.min(rows, columns) > LARGEST_GRAM) continue;
    const tensor = graph.initializers.get(weight.name);
    if (tensor?.type !== "float32") continue;
    const matrix = Float64Array.from(matrixOf(weight, floatsOf(tensor)));
    const values = await singularValues(matrix, rows, columns, products);
    spectra.push({ layer: weightLabel(weight), values, mean: mean(values) });
  }
  return spectra;
}

/**
 * Spectra of the outputs of the layers with weights, from images that come in equal batches of at most 64.
 * @throws InputError `importance/no-images`, and as `feedsOf`
 */
export async function outputSpectra(
  model: Model,
  structure: Structure,
  batches: AsyncIterable<SampleBatch>,
  threads: number,
): Promise<readonly LayerSpectrum[]> {
  const { graph } = structure;
  const layers = structure.layers.filter(({ id }) => (structure.shapes.of(id)?.length ?? 0) > 1);
  const extension = extend(graph);
  for (const { id } of layers) extension.output(id);
  const session = await openGraph(model, extension.graph(), threads);
  const products = await openProducts(threads);
  const sums = new Map<Layer, Float64Array>();
  let count = 0;
  let size: number | null = null;
  try {
    for await (const batch of batches) {
      size ??= batch.size;
      if (batch.size !== size) break;
      const used = batch.size - (batch.size % (fixedBatchOf(graph.inputs) ?? 1));
      const outputs = await outputsOf(session, graph, slicedBatch(batch, 0, used), layers);
      for (const layer of layers) {
        const output = outputs.get(layer.id);
        if (output?.type !== "float32" || output.shape[0] !== used) continue;
        const values = await outputValues(output.data, used, products);
        const before = sums.get(layer);
        sums.set(
          layer,
          values.map((value, at) => value + (before?.[at] ?? 0)),
        );
      }
      count += 1;
    }
  } finally {
    await session.close();
    await products.close();
  }
  if (count === 0) throw noImages();
  return [...sums].map(([layer, sum]) => {
    const values = sum.map((value) => value / count);
    return { layer: layer.name, values, mean: mean(values) };
  });
}

/** Outputs of the layers for a batch; a network whose batch is fixed runs it in parts. */
async function outputsOf(
  session: Session,
  graph: Graph,
  batch: SampleBatch,
  layers: readonly Layer[],
): Promise<ReadonlyMap<string, Feed>> {
  const perRun = fixedBatchOf(graph.inputs) ?? batch.size;
  const parts = new Map<string, Feed[]>(layers.map(({ id }) => [id, []]));
  for (let start = 0; start < batch.size; start += perRun) {
    const part = slicedBatch(batch, start, start + perRun);
    const outputs = await session.run(feedsOf(graph, part));
    for (const [id, list] of parts) {
      const output = outputs[id];
      if (output !== undefined) list.push(output);
    }
  }
  return new Map(
    [...parts].flatMap(([id, list]) => (list.length === 0 ? [] : [[id, joinedFeeds(list)]])),
  );
}

async function outputValues(
  data: Float32Array,
  batch: number,
  products: Products,
): Promise<Float64Array> {
  const rows = Float64Array.from(data);
  const length = rows.length / batch;
  // With fewer values than images, the rest of the Gram matrix's eigenvalues are zero.
  const gram = await products.runDouble(rows, rows, length);
  const values = symmetricEigenvalues(gram, batch);
  return singularFromGram({ values }).slice(0, Math.min(batch, length));
}

/** What a pruned network keeps of a dense one, layer by layer. */
export interface KeptKnowledge {
  readonly layer: string;
  readonly dense: number;
  /** Null where the layer is gone. */
  readonly pruned: number | null;
  readonly kept: number | null;
}

/** Means of spectra, paired by the layer's name. */
export function keptKnowledge(
  dense: readonly LayerSpectrum[],
  pruned: readonly LayerSpectrum[],
): readonly KeptKnowledge[] {
  const means = new Map(pruned.map(({ layer, mean: value }) => [layer, value]));
  return dense.map(({ layer, mean: before }) => {
    const after = means.get(layer) ?? null;
    const kept = after === null ? null : before > 0 ? after / before : 1;
    return { layer, dense: before, pruned: after, kept };
  });
}

/** Knowledge in one number: exp(-mean |log kept|), which is 1 where every layer keeps its mean singular value. */
export function knowledgeKept(layers: readonly KeptKnowledge[]): number | null {
  const known = layers.flatMap(({ kept }) => (kept === null ? [] : [Math.max(kept, LEAST)]));
  if (known.length === 0) return null;
  return Math.exp(-known.reduce((sum, kept) => sum + Math.abs(Math.log(kept)), 0) / known.length);
}

const LEAST = 1e-6;

function noImages(): InputError {
  return new InputError({
    code: "importance/no-images",
    message: "There are no images to take the layers' outputs from.",
    where: "--data",
    hint: "Name images with --data; none needs a label.",
  });
}
