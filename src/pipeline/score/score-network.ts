import { availableParallelism } from "node:os";
import { UsageError } from "../../core/errors.ts";
import { answersOf } from "../../graph/answers.ts";
import { scoreWithData } from "../../importance/data/score-data.ts";
import {
  type Importance,
  type ImportanceMethod,
  type LabelSource,
  type Normalisation,
  needsData,
} from "../../importance/importance.ts";
import { scoreNetwork } from "../../importance/score.ts";
import { fixedBatchOf } from "../../runtime/bind-feeds.ts";
import { checkWhole } from "../checks.ts";
import { type ImageOptions, openImages } from "../open/images.ts";
import type { OpenNetwork } from "../open/network.ts";
import { openedNetwork } from "../open/opened-batch.ts";
import type { RunContext } from "../run-context.ts";

export interface ScoreRequest extends ImageOptions {
  readonly method: ImportanceMethod;
  readonly normalisation?: Normalisation | undefined;
  readonly seed: number;
  /** Images to score on; `samplesFor(method)` unless given. */
  readonly images?: number | undefined;
  /** What the network fixes, or 32, unless given. */
  readonly batch?: number | undefined;
  readonly labels: LabelSource;
  /** For `sensitivity` one per core, 4 at most, unless given, which changes no score; 1 for the other methods. */
  readonly threads?: number | undefined;
  /** Values that `sensitivity` compares; all outputs where left out. */
  readonly outputs?: readonly string[] | undefined;
  /** For `sensitivity`: cuts are measured after each was repaired by itself. */
  readonly repaired?: boolean | undefined;
  /** For `cross-modal`: the two embeddings and the outputs that fuse them; found in the graph where left out. */
  readonly pairs?: readonly string[] | undefined;
  readonly fused?: readonly string[] | undefined;
}

/** What `mdp prune` scores with, where nobody says otherwise; the defaults of `mdp score`. */
export const SCORE_DEFAULTS = { images: undefined, batch: undefined, labels: "data" } as const;

const BATCH = 32;

/** `sensitivity` and `cross-modal` run the network hundreds of times per sample, and measure what others estimate. */
export function samplesFor(method: ImportanceMethod): number {
  return method === "sensitivity" || method === "cross-modal" ? 128 : 1024;
}

/**
 * Scores by any method, opening the images where it needs them.
 * @param partialPath where sums are kept meanwhile.
 */
export async function scoreOpened(
  open: OpenNetwork,
  request: ScoreRequest,
  context: RunContext,
  partialPath?: string,
): Promise<Importance> {
  const { method, normalisation, seed, labels } = request;
  const { threads = method === "sensitivity" ? Math.min(availableParallelism(), 4) : 1 } = request;
  for (const option of ["images", "batch", "threads"] as const) {
    checkWhole(request[option], `--${option}`, 1);
  }
  const networkHash = open.hash;
  const repaired = request.repaired === true ? true : undefined;
  if (repaired && method !== "sensitivity") throw notMeasured(method);
  if (!needsData(method)) {
    return scoreNetwork(open.structure, { method, normalisation, seed, networkHash });
  }
  if (request.data === undefined && request.dataConfig === undefined) throw noData(method);
  const dataset = await openImages(open, request, context);
  const wanted = Math.min(request.images ?? samplesFor(method) * (repaired ? 2 : 1), dataset.count);
  const working = await openedNetwork(open, context, request.outputs);
  const { model, structure } = working;
  const fixed = fixedBatchOf(model.graph.inputs);
  const batch = request.batch ?? fixed ?? Math.min(BATCH, wanted);
  if (wanted < batch) throw tooFew(wanted, batch, dataset.path);
  const images = wanted - (wanted % batch);
  const { outputs } = request;
  if (method === "sensitivity") {
    for (const note of answersOf(model.graph, outputs).notes) context.progress.note(note);
  }
  return scoreWithData(model, structure, {
    ...{ method, normalisation, seed, labels, threads, networkHash, images, batch, partialPath },
    ...{ outputs, repaired },
    modalities: { pair: request.pairs, joint: request.fused },
    batches: () => dataset.batches(batch, { limit: images, seed }),
    progress: context.progress,
    signal: context.signal,
  });
}

function tooFew(images: number, batch: number, where: string): UsageError {
  return new UsageError({
    code: "cli/too-few-images",
    message: `There are ${images} images to score on, fewer than the ${batch} of one batch.`,
    where,
    hint: "Give a smaller --batch, or more images with --images or --data.",
  });
}

function notMeasured(method: string): UsageError {
  return new UsageError({
    code: "cli/repaired-method",
    message: `--repaired measures cuts after their repair, and method ${method} measures none.`,
    where: "--repaired",
    hint: "Leave it out, or score with --method sensitivity.",
  });
}

function noData(method: string): UsageError {
  return new UsageError({
    code: "cli/no-data",
    message: `Method ${method} scores on images, and none are named.`,
    where: "--data",
    hint: "Name them with --data; `mdp data shapes --out shapes` draws a set for the embedded network. Without images, use --method magnitude-l2.",
  });
}
