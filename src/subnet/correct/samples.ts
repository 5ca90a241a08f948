import { InputError } from "../../core/errors.ts";
import type { Graph } from "../../graph/graph.ts";
import { joinedFeeds, type SampleBatch, slicedFeed } from "../../runtime/batches.ts";
import { bindFeeds, fixedBatchOf } from "../../runtime/bind-feeds.ts";
import type { Feed, Feeds } from "../../runtime/session.ts";

/** Samples in memory, cut into runs; their targets are left behind. */
export interface Samples {
  readonly count: number;
  /** Feeds of `runSize` samples; the last may hold fewer, unless the network's batch is fixed. */
  readonly runs: readonly Feeds[];
}

export interface SampleOptions {
  /** Take at most so many samples. */
  readonly images: number;
  /** Samples per run, where the network leaves its batch open. */
  readonly runSize: number;
}

/**
 * Takes the first samples of a stream.
 * @throws InputError as `bindFeeds`; `correct/no-images`, `correct/bad-image` where one holds a NaN or an infinity
 */
export async function takeSamples(
  graph: Graph,
  batches: AsyncIterable<SampleBatch>,
  options: SampleOptions,
): Promise<Samples> {
  const { inputs } = graph;
  const fixed = fixedBatchOf(inputs);
  // Batches of the data have their own size; that of the network is met by the runs.
  const open = inputs.map((input) => ({
    ...input,
    shape: input.shape === null ? null : [null, ...input.shape.slice(1)],
  }));
  const parts: Feeds[] = [];
  let count = 0;
  for await (const batch of batches) {
    const take = Math.min(batch.size, options.images - count);
    const feeds = Object.fromEntries(
      Object.entries(bindFeeds(open, batch, `graph '${graph.name}'`)).map(
        ([name, feed]) => [name, copied(slicedFeed(feed, 0, take))] as const,
      ),
    );
    for (const [name, feed] of Object.entries(feeds)) checkNumbers(name, feed, count);
    parts.push(feeds);
    count += take;
    if (count >= options.images) break;
  }
  const runSize = fixed ?? options.runSize;
  // A network with a fixed batch can't run on what is left over.
  const usable = fixed === null ? count : count - (count % runSize);
  if (usable === 0) throw tooFew(count, fixed);
  const whole = inputs.map(
    ({ name }) => [name, joinedFeeds(parts.flatMap((part) => part[name] ?? []))] as const,
  );
  const runs: Feeds[] = [];
  for (let start = 0; start < usable; start += runSize) {
    const end = Math.min(start + runSize, usable);
    runs.push(
      Object.fromEntries(whole.map(([name, feed]) => [name, slicedFeed(feed, start, end)])),
    );
  }
  return { count: usable, runs };
}

/** Loaders may use a batch's memory again. */
function copied(feed: Feed): Feed {
  return { ...feed, data: feed.data.slice() } as Feed;
}

function checkNumbers(name: string, { type, data, shape }: Feed, before: number): void {
  if (type !== "float32" && type !== "float64") return;
  const wrong = data.findIndex((value) => !Number.isFinite(value));
  if (wrong === -1) return;
  const perSample = data.length / (shape[0] ?? 1);
  throw new InputError({
    code: "correct/bad-image",
    message: `Sample ${before + Math.floor(wrong / perSample)} of input '${name}' holds ${data[wrong]} after pre-processing.`,
    where: "data",
    hint: "Check 'scale', 'mean' and 'std' in the data set's config.",
  });
}

function tooFew(count: number, batch: number | null): InputError {
  return new InputError({
    code: "correct/no-images",
    message:
      batch === null
        ? "There is no image to correct on."
        : `The network runs ${batch} images at a time, and there are ${count}.`,
    where: "images",
    hint: "Give more images; some hundreds are enough, and none needs a label.",
  });
}
