import { randomFrom, shuffled } from "../core/random.ts";
import {
  type AugmentSpec,
  drawMix,
  drawMove,
  type ImageForm,
  type Mix,
  mixImages,
  randomOf,
  writeImage,
} from "./augment.ts";

/** What a thread needs to prepare any batch. */
export interface BatchWork {
  readonly form: ImageForm;
  readonly augment: AugmentSpec;
  readonly seed: number;
}

/** One batch that is to be prepared. */
export interface BatchRequest {
  readonly epoch: number;
  /** Number of the batch in its epoch. */
  readonly position: number;
  /** Which images, in the order of the batch. */
  readonly indices: readonly number[];
}

export interface PreparedBatch {
  /** size x channels x height x width, or as the form lays them out. */
  readonly images: Float32Array;
  readonly mix: Mix | null;
}

/** The images of an epoch in its own order. */
export function epochOrder(count: number, seed: number, epoch: number): number[] {
  const all = Array.from({ length: count }, (_, index) => index);
  return shuffled(
    all,
    randomFrom(Math.imul(seed + 1, 0x27d4eb2f) ^ Math.imul(epoch + 1, 0x165667b1)),
  );
}

/**
 * Varies the images of a batch and turns them into numbers.
 * @param bytesOf the image at a place of the batch: height x width x channels bytes.
 */
export function prepareBatch(
  { form, augment, seed }: BatchWork,
  { epoch, position, indices }: BatchRequest,
  bytesOf: (place: number) => Uint8Array,
): PreparedBatch {
  const perImage = form.channels * form.height * form.width;
  const images = new Float32Array(indices.length * perImage);
  for (const [place, index] of indices.entries()) {
    const move = drawMove(augment, form, randomOf(seed, epoch, index));
    writeImage(bytesOf(place), form, move, images, place * perImage);
  }
  // Batches draw from a stream of their own: images count from 0 upwards, batches from -2 downwards.
  const mix = drawMix(augment, indices.length, randomOf(seed, epoch, -2 - position));
  return { images: mix === null ? images : mixImages(images, mix), mix };
}
