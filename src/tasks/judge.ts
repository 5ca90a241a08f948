import { InterruptedError } from "../core/errors.ts";
import type { Progress } from "../core/progress.ts";
import type { Dataset } from "../data/dataset.ts";
import {
  paddedBatch,
  type SampleBatch,
  sampleOf,
  slicedBatch,
  targetOf,
} from "../runtime/batches.ts";
import { bindFeeds, fixedBatchOf } from "../runtime/bind-feeds.ts";
import type { Feed, Session } from "../runtime/session.ts";
import type { Answer, Metric } from "./metric.ts";

/** A network that is judged. */
export interface Judged {
  readonly name: string;
  readonly session: Pick<Session, "inputs" | "outputs" | "run">;
}

export interface JudgeOptions {
  readonly metrics: readonly Metric[];
  /** Metrics whose target is the first network's answer. */
  readonly agreement: readonly Metric[];
  /** Samples per run; networks that fix their batch run at that one. 8 unless given. */
  readonly batch?: number | undefined;
  /** Only so many samples, chosen at random. */
  readonly limit?: number | undefined;
  readonly progress?: Progress | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What the samples say of a network: evidence of every sample, by metric in the order of the options. */
export interface Evidence {
  readonly metrics: readonly (readonly unknown[])[];
  readonly agreement: readonly (readonly unknown[])[];
}

/**
 * Runs several networks on the same samples and keeps what each sample says of each.
 * @throws InputError as `bindFeeds`, `Dataset.batches` and the metrics
 * @throws InterruptedError `tasks/interrupted`
 */
export async function judge(
  networks: readonly Judged[],
  dataset: Dataset,
  options: JudgeOptions,
): Promise<readonly Evidence[]> {
  const { metrics, agreement, limit, progress, signal } = options;
  const total = Math.min(dataset.count, limit ?? dataset.count);
  const found = networks.map(() => ({
    metrics: metrics.map((): unknown[] => []),
    agreement: agreement.map((): unknown[] => []),
  }));
  let done = 0;
  for await (const batch of dataset.batches(options.batch ?? 8, { limit })) {
    let originals: readonly Answer[] | null = null;
    for (const [index, network] of networks.entries()) {
      const answers = await answersOf(network, batch, dataset.path);
      originals ??= answers;
      for (const [sample, answer] of answers.entries()) {
        const target = targetOf(batch, sample);
        for (const [at, metric] of metrics.entries()) {
          found[index]?.metrics[at]?.push(metric.perItem(answer, target));
        }
        const original = { kind: "values", values: originals[sample] ?? {} } as const;
        for (const [at, metric] of agreement.entries()) {
          found[index]?.agreement[at]?.push(metric.perItem(answer, original));
        }
      }
    }
    done += batch.size;
    progress?.step("evaluating", done, total);
    if (signal?.aborted) throw interrupted(done, total);
  }
  return found;
}

/** A network's answers to the samples of a batch, in their order. */
export async function answersOf(
  { name, session }: Judged,
  batch: SampleBatch,
  data: string,
): Promise<readonly Answer[]> {
  const perRun = fixedBatchOf(session.inputs) ?? batch.size;
  const answers: Answer[] = [];
  for (let start = 0; start < batch.size; start += perRun) {
    const part = slicedBatch(batch, start, Math.min(start + perRun, batch.size));
    // A network with a fixed batch gets zeros where samples are missing.
    const feeds = bindFeeds(session.inputs, paddedBatch(part, perRun), `${name}, ${data}`);
    const outputs = Object.entries(await session.run(feeds));
    for (let sample = 0; sample < part.size; sample += 1) {
      answers.push(
        Object.fromEntries(
          outputs.map(([output, feed]): [string, Feed] => [
            output,
            // An output without the batch axis is every sample's.
            feed.shape[0] === perRun ? sampleOf(feed, sample) : feed,
          ]),
        ),
      );
    }
  }
  return answers;
}

function interrupted(done: number, total: number): InterruptedError {
  return new InterruptedError({
    code: "tasks/interrupted",
    message: `Stopped after ${done} of ${total} samples; metrics of a part would mislead.`,
    hint: "Use --limit for a quicker look.",
  });
}
