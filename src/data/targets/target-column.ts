import type { Placement, Target } from "../../runtime/batches.ts";
import type { Feeds } from "../../runtime/session.ts";

/** What every sample's answer should be. */
export interface TargetColumn {
  /** Index of a sample's target; -1 where it has none. */
  readonly indexOf: readonly number[];
  /** Class per sample; null where targets are no classes. */
  readonly labels: Int32Array | null;
  readonly classes: readonly string[] | null;
  /** The targets of some samples; null where `labels` say all. */
  readonly read: ((samples: TargetRequest) => Promise<readonly Target[]>) | null;
  /** What was noticed, a sentence each. */
  readonly notes: readonly string[];
}

export interface TargetRequest {
  readonly indices: readonly number[];
  /** Where the samples' pictures lie on their originals; null where there are no pictures. */
  readonly placements: readonly Placement[] | null;
  /** Height and width of the prepared pictures. */
  readonly extents: readonly [number, number] | null;
  /** The inputs of the samples, as they are fed. */
  readonly feeds: Feeds;
}
