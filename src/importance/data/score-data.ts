import { type Progress, SILENT } from "../../core/progress.ts";
import type { Model } from "../../onnx/model.ts";
import type { LabelledBatch } from "../../runtime/batches.ts";
import type { Structure } from "../../structure/structure.ts";
import type { DataMethod, Importance, LabelSource, Normalisation } from "../importance.ts";
import { assembleImportance } from "../per-unit.ts";
import { defaultNormalisation } from "../score.ts";
import { activationScorer } from "./activation.ts";
import { collect, type Scorer } from "./collect.ts";
import { gradientScorer } from "./gradients.ts";
import { reconstructionScorer } from "./reconstruction.ts";

export interface DataScoreOptions {
  readonly method: DataMethod;
  /** `defaultNormalisation(method)` unless given. */
  readonly normalisation?: Normalisation | undefined;
  /** The images, in the same order at every call; all batches but the last equally large. */
  readonly batches: () => AsyncIterable<LabelledBatch>;
  /** Number of images to expect, and of images per batch. */
  readonly images: number;
  readonly batch: number;
  /** `data` unless given. */
  readonly labels?: LabelSource | undefined;
  /** That chose the images; also draws the positions that `reconstruction` looks at. 0 unless given. */
  readonly seed?: number | undefined;
  /** SHA-256 of the network's file. */
  readonly networkHash?: string | null | undefined;
  /** 1 unless given. */
  readonly threads?: number | undefined;
  /** Where sums are kept meanwhile; the caller deletes it once the result is safe. */
  readonly partialPath?: string | undefined;
  readonly progress?: Progress | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Scores every unit of every dim on images, separately for each layer that produces the dim (`reconstruction`: that reads it).
 * The network computes as in inference: BatchNormalization uses its running statistics.
 * @throws InputError `importance/no-normalisation` for `taylor-bn` on a network without BatchNormalization
 * @throws InputError `importance/no-labels`, `importance/no-loss`, `importance/not-images`, `importance/shape-mismatch`,
 * `importance/no-images`, `importance/not-finite`, `importance/other-images`, `importance/singular`; and as `differentiate`
 * @throws InterruptedError `importance/interrupted`, after what was summed is safe
 */
export async function scoreWithData(
  model: Model,
  structure: Structure,
  options: DataScoreOptions,
): Promise<Importance> {
  const { method, images, batch, seed = 0, partialPath } = options;
  const labels = hasLoss(method) ? (options.labels ?? "data") : null;
  const networkHash = options.networkHash ?? null;
  const normalisation = options.normalisation ?? defaultNormalisation(method);
  const settings = JSON.stringify({ method, labels, images, batch, seed, networkHash });
  const scorer = await scorerOf(model, structure, options);
  try {
    const passed = await collect(scorer, {
      ...{ batches: options.batches, images, label: "scoring", signal: options.signal },
      progress: options.progress ?? SILENT,
      partial: partialPath === undefined ? null : { path: partialPath, settings },
    });
    const data = { images: passed.images, batch, labels, hash: passed.hash };
    const about = { method, normalisation, networkHash, seed, data };
    return assembleImportance(structure, about, ({ index }) => scorer.scoresOf(index, passed));
  } finally {
    await scorer.close();
  }
}

function hasLoss(method: DataMethod): boolean {
  return method !== "activation" && method !== "reconstruction";
}

function scorerOf(model: Model, structure: Structure, options: DataScoreOptions): Promise<Scorer> {
  const { method, threads = 1, seed = 0 } = options;
  switch (method) {
    case "activation":
      return activationScorer(model, structure, threads);
    case "reconstruction":
      return reconstructionScorer(model, structure, threads, seed);
    case "taylor-bn":
    case "taylor":
    case "taylor-abs":
    case "fisher":
    case "hessian": {
      const { batch, labels = "data" } = options;
      return gradientScorer(model, structure, { method, batch, labels, threads });
    }
    default:
      return method satisfies never;
  }
}
