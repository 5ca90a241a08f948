import { randomFrom } from "../../../src/core/random.ts";
import type { Graph } from "../../../src/graph/graph.ts";
import { modelOf } from "../../../src/onnx/model.ts";
import { serializeModel } from "../../../src/onnx/write.ts";
import { type SampleBatch, UNNAMED, unnamedBatch } from "../../../src/runtime/batches.ts";
import { type Feed, openSession } from "../../../src/runtime/session.ts";

/** Seeded normal images in batches of ten, without labels. */
export async function* normalImages(
  count: number,
  shape: readonly number[],
  seed = 1,
): AsyncGenerator<SampleBatch> {
  const random = randomFrom(seed);
  const perImage = shape.reduce((product, extent) => product * extent, 1);
  for (let done = 0; done < count; done += 10) {
    const size = Math.min(10, count - done);
    const images = Float32Array.from({ length: size * perImage }, random.normal);
    yield unnamedBatch(images, [size, ...shape], new Int32Array(size).fill(-1));
  }
}

/** Values of a graph for one batch of images. */
export async function valuesOf(
  graph: Graph,
  names: readonly string[],
  batch: SampleBatch,
): Promise<Readonly<Record<string, Float32Array>>> {
  const outputs = names.map((name) => ({ name, type: "float32" as const, shape: null }));
  const bytes = Buffer.concat(serializeModel(modelOf({ ...graph, outputs })));
  const session = await openSession(bytes, { optimisation: "disabled" });
  const input = batch.feeds[UNNAMED] as Feed;
  const result = await session.run({ [graph.inputs[0]?.name ?? ""]: input });
  await session.close();
  return Object.fromEntries(
    Object.entries(result).map(([name, feed]) => [
      name,
      feed.type === "float32" ? feed.data : new Float32Array(),
    ]),
  );
}

/** The only batch of a stream that has one. */
export async function firstBatch(batches: AsyncIterable<SampleBatch>): Promise<SampleBatch> {
  for await (const batch of batches) return batch;
  throw new Error("no batch");
}

/** Largest |a - b| over the largest |a|. */
export function apart(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let [difference, size] = [0, 0];
  for (const [index, value] of a.entries()) {
    difference = Math.max(difference, Math.abs(value - (b[index] ?? Number.NaN)));
    size = Math.max(size, Math.abs(value));
  }
  return difference / size;
}
