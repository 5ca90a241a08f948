import { InputError, InterruptedError } from "../core/errors.ts";
import type { Progress } from "../core/progress.ts";
import { paddedBatch, type SampleBatch, slicedBatch } from "../runtime/batches.ts";
import { bindFeeds, fixedBatchOf } from "../runtime/bind-feeds.ts";
import type { Feed, Session } from "../runtime/session.ts";
import type { BatchOptions, Dataset } from "./dataset.ts";

/** How often a network names the right class, or has it among its five best. */
export interface Accuracy {
  /** Number of images. */
  readonly count: number;
  /** Shares of the images, 0 to 1. */
  readonly top1: number;
  readonly top5: number;
}

/** A classifier that is to be evaluated: a session with one image input, and what to call it in messages. */
export interface Classifier {
  readonly name: string;
  readonly session: Pick<Session, "inputs" | "outputs" | "run">;
}

export interface EvaluateOptions extends BatchOptions {
  /** Images per run; 32 unless given. Networks with a fixed batch run at that one. */
  readonly batch?: number | undefined;
  readonly progress?: Progress | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Accuracy of several classifiers on the same images, which are decoded once.
 * @throws InputError `data/not-a-classifier`, `data/bad-label`, and as `bindFeeds` and `Dataset.batches`
 * @throws InterruptedError `data/interrupted`
 */
export async function evaluate(
  classifiers: readonly Classifier[],
  dataset: Dataset,
  options: EvaluateOptions = {},
): Promise<Accuracy[]> {
  const total = Math.min(dataset.count, options.limit ?? dataset.count);
  const hits = classifiers.map(() => ({ top1: 0, top5: 0 }));
  let count = 0;
  for await (const batch of dataset.batches(options.batch ?? 32, options)) {
    for (const [index, classifier] of classifiers.entries()) {
      const ranks = await ranksOf(classifier, batch, dataset);
      const hit = hits[index];
      if (hit === undefined) continue;
      hit.top1 += ranks.filter((rank) => rank < 1).length;
      hit.top5 += ranks.filter((rank) => rank < 5).length;
    }
    count += batch.size;
    options.progress?.step("evaluating", count, total);
    if (options.signal?.aborted) throw interrupted(count, total);
  }
  return hits.map(({ top1, top5 }) => ({ count, top1: top1 / count, top5: top5 / count }));
}

function interrupted(count: number, total: number): InterruptedError {
  return new InterruptedError({
    code: "data/interrupted",
    message: `Stopped after ${count} of ${total} images; an accuracy of a part would mislead.`,
    hint: "Use --images for a quicker look.",
  });
}

/** Per image, how many classes score better than the right one. */
async function ranksOf(
  classifier: Classifier,
  batch: SampleBatch,
  dataset: Dataset,
): Promise<readonly number[]> {
  const { session, name } = classifier;
  const perRun = fixedBatchOf(session.inputs) ?? batch.size;
  const ranks: number[] = [];
  for (let start = 0; start < batch.size; start += perRun) {
    const part = slicedBatch(batch, start, Math.min(start + perRun, batch.size));
    // A network with a fixed batch gets zeros where samples are missing.
    const feeds = bindFeeds(session.inputs, paddedBatch(part, perRun), `${name}, ${dataset.path}`);
    const scores = scoresOf(classifier, await session.run(feeds));
    const classes = scores.length / perRun;
    for (let image = 0; image < part.size; image += 1) {
      const label = part.labels[image] ?? -1;
      checkLabel(label, classes, classifier, dataset);
      ranks.push(rankOf(scores.subarray(image * classes, (image + 1) * classes), label));
    }
  }
  return ranks;
}

function scoresOf(
  { name, session }: Classifier,
  outputs: Readonly<Record<string, Feed>>,
): Float32Array {
  const output = outputs[session.outputs[0]?.name ?? ""];
  const isScores =
    output?.type === "float32" && output.shape.slice(2).every((extent) => extent === 1);
  if (isScores && output.shape.length >= 2) return output.data;
  throw new InputError({
    code: "data/not-a-classifier",
    message: `The first output is ${output === undefined ? "missing" : `${output.type} [${output.shape.join(", ")}]`}; float32 scores of [batch, classes] are needed.`,
    where: name,
    hint: "Only image classifiers can be evaluated.",
  });
}

function checkLabel(label: number, classes: number, { name }: Classifier, dataset: Dataset): void {
  if (label >= 0 && label < classes) return;
  throw new InputError({
    code: "data/bad-label",
    message: `The data set has label ${label}, the network ${classes} classes.`,
    where: `${name}, ${dataset.path}`,
    hint: "Check 'classOffset' and 'classes' in the data set's config.",
  });
}

/** Classes that score better than the labelled one; among equal scores the lower index goes first. */
function rankOf(scores: Float32Array, label: number): number {
  const own = scores[label] ?? Number.NaN;
  // A network that gives no number is wrong.
  if (Number.isNaN(own)) return scores.length;
  let better = 0;
  for (const [index, score] of scores.entries()) {
    if (score > own || (score === own && index < label)) better += 1;
  }
  return better;
}
