import { randomFrom } from "../../src/core/random.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { floatTensor } from "../../src/graph/tensor.ts";
import { type DataScoreOptions, scoreWithData } from "../../src/importance/data/score-data.ts";
import type { Importance } from "../../src/importance/importance.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { type SampleBatch, unnamedBatch } from "../../src/runtime/batches.ts";
import { openSession } from "../../src/runtime/session.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import { networkBuilder } from "./networks.ts";
import { bytesOfModel } from "./ort.ts";
import { imagesOf } from "./samples.ts";

/** Normal images with random labels. */
export function randomBatches(
  count: number,
  shape: readonly number[],
  classes = 5,
  seed = 1,
): SampleBatch[] {
  const random = randomFrom(seed);
  const length = shape.reduce((product, extent) => product * extent, 1);
  return Array.from({ length: count }, () => {
    const values = Float32Array.from({ length }, random.normal);
    const labels = Int32Array.from({ length: shape[0] ?? 1 }, () => random.integer(classes));
    return unnamedBatch(values, shape, labels);
  });
}

export async function* streamed(batches: readonly SampleBatch[]): AsyncGenerator<SampleBatch> {
  for (const batch of batches) {
    await Promise.resolve();
    yield batch;
  }
}

/** Scores of a graph on the given batches. */
export function scoresOn(
  graph: Graph,
  batches: readonly SampleBatch[],
  options: Pick<DataScoreOptions, "method"> & Partial<DataScoreOptions>,
): Promise<Importance> {
  const batch = batches[0]?.size ?? 1;
  return scoreWithData(modelOf(graph), findStructure(graph), {
    batches: () => streamed(batches),
    images: batches.reduce((total, { size }) => total + size, 0),
    batch,
    ...options,
  });
}

/** Scores of a dim in one of its layers; summed over them where no layer is named. */
export function scoresIn(importance: Importance, dim: string, layer: string): readonly number[] {
  const found = importance.dims
    .find((candidate) => candidate.dim === dim)
    ?.layers.find((candidate) => candidate.layer === layer);
  if (found === undefined) throw new Error(`no scores of '${dim}' in '${layer}'`);
  return found.scores;
}

/** Convolution, BatchNormalization and a smooth activation, a grouped convolution, then 5 classes: no kinks for differences to trip on. */
export function smoothNetwork(seed = 11): Graph {
  const b = networkBuilder(seed);
  const input = b.input("input", ["batch", 3, 4, 4]);
  const first = b.node("Tanh", [b.conv("first", input, { from: 3, to: 6 })]);
  const second = b.node("Tanh", [b.conv("second", first, { from: 6, to: 4, groups: 2 })]);
  const third = b.node("Tanh", [b.conv("third", second, { from: 4, to: 5, bn: false })]);
  b.output(b.gemm("fc", b.node("Flatten", [third]), 5 * 16, 5));
  return b.graph();
}

/** The graph with some elements of initializers multiplied. */
export function scaledBy(
  graph: Graph,
  changes: readonly { readonly name: string; readonly indices: readonly number[] }[],
  factor: number,
): Graph {
  const initializers = new Map(graph.initializers);
  for (const { name, indices } of changes) {
    const tensor = initializers.get(name);
    if (tensor === undefined) throw new Error(`no initializer '${name}'`);
    const bytes = tensor.bytes();
    const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4).slice();
    for (const index of indices) values[index] = (values[index] ?? 0) * factor;
    initializers.set(name, floatTensor(tensor.shape, values));
  }
  return { ...graph, initializers };
}

/** Cross entropy of every image, in float64 from the network's own float32 answers. */
export async function losses(graph: Graph, batch: SampleBatch): Promise<number[]> {
  const session = await openSession(bytesOfModel(modelOf(graph)), { optimisation: "disabled" });
  const feed = imagesOf(batch);
  const outputs = await session.run({ input: feed });
  await session.close();
  const [output] = Object.values(outputs);
  const logits = Array.from((output?.data ?? []) as ArrayLike<number>, Number);
  const classes = logits.length / batch.size;
  return Array.from({ length: batch.size }, (_, image) => {
    const row = logits.slice(image * classes, (image + 1) * classes);
    const most = Math.max(...row);
    const total = row.reduce((sum, value) => sum + Math.exp(value - most), 0);
    return most + Math.log(total) - (row[batch.labels[image] ?? 0] ?? 0);
  });
}

/** Derivative of every image's loss where elements are scaled by m, at m = 1, by central differences. */
export async function gateDerivatives(
  graph: Graph,
  batch: SampleBatch,
  changes: readonly { readonly name: string; readonly indices: readonly number[] }[],
  step = 0.02,
): Promise<number[]> {
  const up = await losses(scaledBy(graph, changes, 1 + step), batch);
  const down = await losses(scaledBy(graph, changes, 1 - step), batch);
  return up.map((loss, image) => (loss - (down[image] ?? 0)) / (2 * step));
}
