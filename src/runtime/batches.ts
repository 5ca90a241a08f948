/** Images as a network is fed them, with their labels. What scoring, repair and training take; a data set's batch is one. */
export interface LabelledBatch {
  /** Number of images. */
  readonly size: number;
  /** Prepared values, row-major in `shape`. */
  readonly images: Float32Array;
  /** size x channels x height x width, or as the network lays its input out. */
  readonly shape: readonly number[];
  /** One class index per image; -1 where it isn't known. */
  readonly labels: Int32Array;
}
