/** A dense convolution as the runtime sees it: what its time depends on. */
export interface OpCell {
  /** Images per run. */
  readonly batch: number;
  readonly inChannels: number;
  readonly outChannels: number;
  /** Of the input, in positions. */
  readonly height: number;
  readonly width: number;
  /** Side of the square kernel, and step of the window. */
  readonly kernel: number;
  readonly stride: number;
  /** Whether what follows it (normalisation, activation) is computed along with it. */
  readonly fused: boolean;
}

/** A cell that was measured. */
export interface KnownCell extends OpCell {
  /** Milliseconds. */
  readonly ms: number;
}

/** What is expected of a cell that was not measured, in milliseconds. */
export interface CellPrediction {
  readonly ms: number;
  /** The interval that holds the true time with the probability that the model was fitted for. */
  readonly low: number;
  readonly high: number;
}

/** Times of convolutions, learnt from some of them. */
export interface OpCellModel {
  /** Probability that an interval holds the true time, as asked for. */
  readonly coverage: number;
  readonly predict: (cell: OpCell) => CellPrediction;
  /** The same for many cells at once, which is faster. */
  readonly predictAll: (cells: readonly OpCell[]) => readonly CellPrediction[];
}
