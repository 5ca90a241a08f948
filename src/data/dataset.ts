import type { DatasetConfig } from "./config.ts";

/** Images as the network is fed them, with their labels. */
export interface Batch {
  /** Number of images. */
  readonly size: number;
  /** Prepared values in the dataset's layout: size x channels x height x width unless the config says nhwc. */
  readonly images: Float32Array;
  readonly shape: readonly [number, number, number, number];
  /** Class indices as the network counts them (with the config's offset). */
  readonly labels: Int32Array;
}

export interface BatchOptions {
  /** Stop after this many images. */
  readonly limit?: number | undefined;
  /** Shuffle with this seed; in the order of the data without it. */
  readonly seed?: number | undefined;
}

/** Labelled images in some place, prepared for one network. Nothing but a batch is held in memory. */
export interface Dataset {
  readonly path: string;
  readonly config: DatasetConfig;
  /** Number of images. */
  readonly count: number;
  readonly classes: readonly string[] | null;
  /**
   * Batches of at most `size` images; the last may be smaller.
   * @throws InputError `data/broken-image`, `data/bad-label`, `data/truncated`
   */
  readonly batches: (size: number, options?: BatchOptions) => AsyncIterable<Batch>;
}
