import type { SampleBatch } from "../runtime/batches.ts";

/** Samples as a step is fed them. */
export interface TrainingBatch extends SampleBatch {
  /**
   * Mixup (Zhang et al., 1710.09412): each image is `share` of the one that its label names and `1 - share` of one whose label
   * is here; null where images are whole.
   */
  readonly mix: { readonly labels: Int32Array; readonly share: number } | null;
}

/** Where training images come from. The same seed, epoch and index always give the same batch: a resumed run needs that. */
export interface TrainingData {
  /** Number of images. */
  readonly count: number;
  /** Number of classes where the data know it. */
  readonly classes: number | null;
  /** Shape of one sample by input: channels x height x width of an image, or as the network lays it out. */
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  /**
   * The batches of one epoch in the order of that epoch, whole ones only.
   * @param from batches that are left out at the beginning: they were taken before a break.
   */
  readonly epoch: (epoch: number, size: number, from: number) => AsyncIterable<TrainingBatch>;
}

/** How a network does on images that it isn't trained on. */
export interface Validation {
  readonly count: number;
  /** Shares, 0 to 1. */
  readonly top1: number;
  readonly top5: number;
}
