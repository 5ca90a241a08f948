import type { Lossy } from "../gradients/losses.ts";
import type { Graph } from "../graph/graph.ts";
import type { SampleBatch } from "../runtime/batches.ts";
import type { Feeds } from "../runtime/session.ts";

/** A loss by the targets of a task, in place of the cross entropy with class labels. */
export interface TargetLoss {
  /** What it is called in reports. */
  readonly name: string;
  /** Values of the network that it reads: the weights behind them move. */
  readonly reads: readonly string[];
  /** Appends the loss to a graph whose shapes are all known; its new inputs are those that `feeds` gives. */
  readonly append: (graph: Graph) => Lossy;
  /**
   * The targets of a batch, by the names of the new inputs.
   * @throws InputError `tasks/bad-target`
   */
  readonly feeds: (batch: SampleBatch) => Feeds;
}
