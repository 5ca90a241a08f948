import { InputError } from "../../core/errors.ts";
import type { Graph } from "../../graph/graph.ts";
import type { LabelledBatch } from "../../runtime/batches.ts";
import type { Feed } from "../../runtime/session.ts";

/** Images in memory, cut into runs; their labels are left behind. */
export interface Samples {
  /** Name of the network's input. */
  readonly input: string;
  readonly count: number;
  /** Number of values of one image. */
  readonly perImage: number;
  /** Feeds of `runSize` images; the last may hold fewer, unless the network's batch is fixed. */
  readonly runs: readonly Feed[];
}

export interface SampleOptions {
  /** Take at most so many images. */
  readonly images: number;
  /** Images per run, where the network leaves its batch open. */
  readonly runSize: number;
}

/**
 * Takes the first images of a stream.
 * @throws InputError `correct/inputs` where the network has not one float32 input, `correct/shape` where the images don't fit it,
 * `correct/no-images`, `correct/bad-image` where one holds a NaN or an infinity
 */
export async function takeSamples(
  graph: Graph,
  batches: AsyncIterable<LabelledBatch>,
  options: SampleOptions,
): Promise<Samples> {
  const input = imageInput(graph);
  const parts: Float32Array[] = [];
  let shape: readonly number[] = [];
  let count = 0;
  for await (const batch of batches) {
    shape = batch.shape.slice(1);
    checkShape(input, shape);
    const take = Math.min(batch.size, options.images - count);
    const part = batch.images.slice(0, take * perImageOf(shape));
    checkNumbers(part, perImageOf(shape), count);
    parts.push(part);
    count += take;
    if (count >= options.images) break;
  }
  const perImage = perImageOf(shape);
  const whole = joined(parts, count * perImage);
  const runSize = input.batch ?? options.runSize;
  // A network with a fixed batch can't run on what is left over.
  const usable = input.batch === null ? count : count - (count % runSize);
  if (usable === 0) throw tooFew(count, input.batch);
  const runs: Feed[] = [];
  for (let start = 0; start < usable; start += runSize) {
    const size = Math.min(runSize, usable - start);
    const data = whole.subarray(start * perImage, (start + size) * perImage);
    runs.push({ type: "float32", shape: [size, ...shape], data });
  }
  return { input: input.name, count: usable, perImage, runs };
}

interface ImageInput {
  readonly name: string;
  /** Extents of one image; null where the network leaves them open. */
  readonly extents: readonly (number | null)[];
  /** Images per run, where the network fixes it. */
  readonly batch: number | null;
}

function imageInput(graph: Graph): ImageInput {
  const [input, ...others] = graph.inputs;
  if (input?.shape == null || others.length > 0 || input.type !== "float32") {
    throw new InputError({
      code: "correct/inputs",
      message: `The network has ${graph.inputs.length} inputs (${graph.inputs.map(({ name, type }) => `'${name}' of ${type}`).join(", ")}); one of float32 and known rank is needed.`,
      where: `graph '${graph.name}'`,
      hint: "Only networks that take images alone can be corrected on images.",
    });
  }
  const [first, ...rest] = input.shape;
  return {
    name: input.name,
    extents: rest.map((extent) => (typeof extent === "number" ? extent : null)),
    batch: typeof first === "number" ? first : null,
  };
}

function checkShape({ name, extents }: ImageInput, shape: readonly number[]): void {
  const fits =
    shape.length === extents.length &&
    extents.every((extent, axis) => extent === null || extent === shape[axis]);
  if (fits) return;
  throw new InputError({
    code: "correct/shape",
    message: `The network wants images of [${extents.map((extent) => extent ?? "?").join(", ")}], the data gives [${shape.join(", ")}].`,
    where: `input '${name}'`,
    hint: "Set 'size', 'channels' and 'layout' in the data set's config.",
  });
}

function checkNumbers(values: Float32Array, perImage: number, before: number): void {
  const wrong = values.findIndex((value) => !Number.isFinite(value));
  if (wrong === -1) return;
  throw new InputError({
    code: "correct/bad-image",
    message: `Image ${before + Math.floor(wrong / perImage)} holds ${values[wrong]} after pre-processing.`,
    where: "images",
    hint: "Check 'scale', 'mean' and 'std' in the data set's config.",
  });
}

function tooFew(count: number, batch: number | null): InputError {
  return new InputError({
    code: "correct/no-images",
    message:
      batch === null
        ? "There is no image to correct on."
        : `The network runs ${batch} images at a time, and there are ${count}.`,
    where: "images",
    hint: "Give more images; some hundreds are enough, and none needs a label.",
  });
}

function perImageOf(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

function joined(parts: readonly Float32Array[], length: number): Float32Array {
  const whole = new Float32Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
