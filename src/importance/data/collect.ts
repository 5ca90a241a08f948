import { createHash, type Hash } from "node:crypto";
import { InputError, InterruptedError } from "../../core/errors.ts";
import { sha256 } from "../../core/files.ts";
import type { Progress } from "../../core/progress.ts";
import type { SampleBatch } from "../../runtime/batches.ts";
import type { LayerScores } from "../per-unit.ts";
import { type Partial, readPartial, writePartial } from "./partial.ts";

/** Adds up what batches say of the units. */
export interface Collector {
  /** Totals by name; of fixed lengths from the start. */
  readonly sums: ReadonlyMap<string, Float64Array>;
  /** Adds the batch of this index, counted from 0. */
  readonly add: (batch: SampleBatch, index: number) => Promise<void>;
}

type Answer = LayerScores | null;

/** The scores of all layers, by their index. */
export async function layerScores(
  { scoresOf }: Pick<Scorer, "scoresOf">,
  layers: readonly { readonly index: number }[],
  passed: Passed,
): Promise<ReadonlyMap<number, Answer>> {
  const scores = new Map<number, Answer>();
  for (const { index } of layers) scores.set(index, await scoresOf(index, passed));
  return scores;
}

/** Collects, gives the scores of a layer once the images have passed, and frees what it holds. */
export interface Scorer extends Collector {
  /** By the layer's index in the structure; null where the method has nothing to say of it. */
  readonly scoresOf: (layer: number, passed: Passed) => Answer | Promise<Answer>;
  readonly close: () => Promise<void>;
}

/** Adds numbers that came out of a session to a sum. */
export function addTo(sum: Float64Array, values: ArrayLike<unknown> | undefined): void {
  for (let index = 0; index < sum.length; index += 1) {
    sum[index] = (sum[index] ?? 0) + Number(values?.[index] ?? Number.NaN);
  }
}

export interface PassOptions {
  /** The images, in the same order at every call. */
  readonly batches: () => AsyncIterable<SampleBatch>;
  /** Number of images to expect. */
  readonly images: number;
  /** What progress is called. */
  readonly label: string;
  /** File for what is summed so far, with everything that the sums depend on; null: not kept. */
  readonly partial: {
    readonly path: string;
    readonly settings: string;
    /** Batches between two writes; 16 unless given. */
    readonly every?: number;
  } | null;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

/** What went into the sums. */
export interface Passed {
  readonly batches: number;
  readonly images: number;
  /** SHA-256 of the prepared images and their labels, in order. */
  readonly hash: string;
}

const BATCHES_PER_SAVE = 16;

/**
 * Runs the images through a collector. Batches are equally large, so that each weighs the same: a smaller last one is left out
 * unless it is the only one. Sums of an earlier run with the same settings and images are taken over.
 * @throws InputError `importance/no-images`, `importance/not-finite`, `importance/other-images`
 * @throws InterruptedError `importance/interrupted`, after the sums were written
 */
export async function collect(collector: Collector, options: PassOptions): Promise<Passed> {
  const { progress, images: expected, label } = options;
  const partial = options.partial === null ? null : withLayout(options.partial, collector);
  const before = partial === null ? null : readPartial(partial.path, partial.settings);
  if (before !== null) progress.note(`going on behind ${before.images} images of an earlier run`);
  const hash = createHash("sha256");
  let done = { batches: 0, images: 0 };
  const save = (): void => {
    if (partial === null) return;
    const { path, settings } = partial;
    writePartial(path, settings, { ...done, hash: digest(hash), sums: collector.sums });
  };
  for await (const batch of equalBatches(options.batches())) {
    update(hash, batch);
    done = { batches: done.batches + 1, images: done.images + batch.size };
    if (isCovered(collector, before, done.batches, hash)) continue;
    await collector.add(batch, done.batches - 1);
    checkFinite(collector, done.images);
    progress.step(label, done.images, Math.max(expected, done.images));
    if (options.signal?.aborted) {
      save();
      throw interrupted(done.images, expected, partial !== null);
    }
    if (done.batches % (partial?.every ?? BATCHES_PER_SAVE) === 0 && done.images < expected) save();
  }
  if (done.batches === 0) throw noImages();
  return { ...done, hash: digest(hash) };
}

/** Sums of other lengths are of another program. */
function withLayout<T extends { readonly settings: string }>(partial: T, { sums }: Collector): T {
  const layout = [...sums].map(([name, sum]) => `${name}: ${sum.length}`);
  return { ...partial, settings: sha256([partial.settings, ...layout].join("\n")) };
}

async function* equalBatches(batches: AsyncIterable<SampleBatch>): AsyncGenerator<SampleBatch> {
  let size: number | null = null;
  for await (const batch of batches) {
    size ??= batch.size;
    if (batch.size !== size) return;
    yield batch;
  }
}

function update(hash: Hash, { feeds, labels, targets }: SampleBatch): void {
  for (const { data } of [...Object.values(feeds), { data: labels }]) {
    if (Array.isArray(data)) hash.update(JSON.stringify(data));
    else hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  if (targets !== undefined) hash.update(JSON.stringify(targets, withWholeNumbers));
}

function withWholeNumbers(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}

function digest(hash: Hash): string {
  return hash.copy().digest("hex");
}

/** Whether an earlier run has seen the batch; its sums are taken over behind the last one that it saw. */
function isCovered(
  collector: Collector,
  before: Partial | null,
  batches: number,
  hash: Hash,
): boolean {
  if (before === null || batches > before.batches) return false;
  if (batches === before.batches) takeOver(collector, before, digest(hash));
  return true;
}

function takeOver(collector: Collector, before: Partial, hash: string): void {
  if (hash !== before.hash) {
    throw new InputError({
      code: "importance/other-images",
      message: "An earlier run was interrupted, and the images have changed since.",
      hint: "Delete the .partial.json beside the output to start again.",
    });
  }
  for (const [name, sum] of collector.sums) {
    const earlier = before.sums.get(name);
    if (earlier?.length === sum.length) sum.set(earlier);
  }
}

function checkFinite(collector: Collector, images: number): void {
  for (const [name, sum] of collector.sums) {
    if (sum.every(Number.isFinite)) continue;
    throw new InputError({
      code: "importance/not-finite",
      message: `What is summed for '${name}' is no longer a number after ${images} images.`,
      where: name,
      hint: "Check that the images are prepared as the network was trained (mdp eval shows its accuracy), and that its weights hold no NaN.",
    });
  }
}

function interrupted(done: number, expected: number, kept: boolean): InterruptedError {
  return new InterruptedError({
    code: "importance/interrupted",
    message: `Stopped after ${done} of ${expected} images.`,
    hint: kept
      ? "Run the same command again to go on from here."
      : "Use --images for fewer images.",
  });
}

function noImages(): InputError {
  return new InputError({
    code: "importance/no-images",
    message: "There are no images to score with.",
    hint: "Name images with --data.",
  });
}
