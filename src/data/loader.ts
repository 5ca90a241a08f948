import { arrivedError } from "../core/carried-error.ts";
import { InputError, InternalError } from "../core/errors.ts";
import { startModuleThread } from "../core/module-thread.ts";
import { type Progress, SILENT } from "../core/progress.ts";
import { type SampleBatch, UNNAMED } from "../runtime/batches.ts";
import type { TrainingBatch, TrainingData } from "../training/batches.ts";
import type { AugmentSpec, ImageForm } from "./augment.ts";
import { type BatchRequest, epochOrder, type PreparedBatch } from "./batch-work.ts";
import { channelCount } from "./config.ts";
import type { Dataset } from "./dataset.ts";
import { cacheImages, firstSize } from "./image-cache.ts";
import type {
  ImagePlace,
  OpenedAs,
  ThreadAnswer,
  ThreadData,
  ThreadRequest,
} from "./loader-thread.ts";
import { valueOfByte } from "./prepare.ts";

export interface LoaderOptions {
  readonly augment: AugmentSpec;
  readonly seed: number;
  /** Threads that prepare batches; 1 where images are in memory, else 2, unless given. */
  readonly threads?: number | undefined;
  /** Decoded images are held in memory up to so many bytes; 1 GiB unless given. */
  readonly memoryBytes?: number | undefined;
  /** How the set was opened: threads that read files open it again. */
  readonly open: OpenedAs;
  readonly progress?: Progress | undefined;
}

/** Training images, prepared in threads ahead of the step that takes them. Close it: it holds threads. */
export interface Loader extends TrainingData {
  /** Channels x height x width of one image, or as the network lays them out. */
  readonly imageShape: readonly number[];
  /** Whether decoded images are held in memory. */
  readonly inMemory: boolean;
  readonly close: () => Promise<void>;
}

/** Batches that are prepared ahead, per thread. */
const AHEAD = 2;

/**
 * Starts preparing training images of a set. Small sets are decoded once, into memory; images of larger ones are decoded when
 * they are needed.
 * @throws InputError `data/archive-too-large`, and as `Dataset.pixels`
 */
export async function openLoader(dataset: Dataset, options: LoaderOptions): Promise<Loader> {
  if (dataset.pictures === null || (dataset.others !== null && isPlain(options.augment))) {
    return plainLoader(dataset, options);
  }
  if (dataset.others !== null) throw cannotAugment(dataset);
  const { config, pictures: name } = dataset;
  const { height, width } = await firstSize(dataset);
  const channels = channelCount(config);
  const layout = config.layout ?? "nchw";
  const form: ImageForm = {
    ...{ channels, height, width, layout },
    tables: Array.from({ length: channels }, (_, channel) => valueOfByte(config, channel)),
  };
  const bytes = dataset.count * channels * height * width;
  const inMemory = bytes <= (options.memoryBytes ?? 2 ** 30);
  if (!inMemory && dataset.isArchive) throw archiveTooLarge(dataset, bytes);
  const place: ImagePlace = inMemory
    ? { kind: "memory", memory: await cacheImages(dataset, form, options.progress ?? SILENT) }
    : { kind: "files", ...options.open };
  const work = { form, augment: options.augment, seed: options.seed };
  const count = options.threads ?? (inMemory ? 1 : 2);
  const threads = Array.from({ length: count }, () => startThread({ work, place }, dataset.path));
  const imageShape = layout === "nhwc" ? [height, width, channels] : [channels, height, width];
  return {
    inMemory,
    count: dataset.count,
    classes: dataset.classes?.length ?? null,
    imageShape,
    shapes: { [name]: imageShape },
    epoch: (epoch, size, from) =>
      epochBatches({ dataset, name, threads, imageShape, seed: options.seed }, epoch, size, from),
    close: async () => {
      await Promise.all(threads.map((thread) => thread.close()));
    },
  };
}

function isPlain({ crop, flip, mixup }: AugmentSpec): boolean {
  return crop === 0 && flip === "none" && mixup === 0;
}

/** Samples of several inputs, or whose targets are no classes: read as they are, one batch ahead. */
async function plainLoader(dataset: Dataset, { seed }: LoaderOptions): Promise<Loader> {
  const { feeds } = await dataset.samples([0]);
  const shapes = Object.fromEntries(
    Object.entries(feeds).map(([name, { shape }]) => [name, shape.slice(1)] as const),
  );
  return {
    inMemory: false,
    count: dataset.count,
    classes: dataset.classes?.length ?? null,
    imageShape: shapes[dataset.pictures ?? dataset.inputs[0] ?? UNNAMED] ?? [],
    shapes,
    epoch: async function* (epoch, size, from): AsyncGenerator<TrainingBatch> {
      const order = epochOrder(dataset.count, seed, epoch);
      const total = Math.floor(order.length / size);
      const read = (position: number): Promise<SampleBatch> =>
        dataset.samples(order.slice(position * size, (position + 1) * size));
      let next = from < total ? read(from) : null;
      for (let position = from; next !== null; position += 1) {
        const batch = await next;
        next = position + 1 < total ? read(position + 1) : null;
        // It is awaited when its turn comes; until then a failure must not count as unheard.
        next?.catch(() => {});
        yield { ...batch, mix: null };
      }
    },
    close: () => Promise.resolve(),
  };
}

function cannotAugment(dataset: Dataset): InputError {
  return new InputError({
    code: "data/cannot-augment",
    message:
      "Its samples have targets or further inputs that would have to be moved with the picture.",
    where: dataset.path,
    hint: "Use --crop 0 --flip none --mixup 0.",
  });
}

interface Running {
  readonly dataset: Dataset;
  /** Of the input that pictures go into. */
  readonly name: string;
  readonly threads: readonly LoaderThread[];
  readonly imageShape: readonly number[];
  readonly seed: number;
}

async function* epochBatches(
  { dataset, name, threads, imageShape, seed }: Running,
  epoch: number,
  size: number,
  from: number,
): AsyncGenerator<TrainingBatch> {
  const order = epochOrder(dataset.count, seed, epoch);
  const total = Math.floor(order.length / size);
  const indicesOf = (position: number): number[] =>
    order.slice(position * size, (position + 1) * size);
  const ahead: Promise<PreparedBatch>[] = [];
  let asked = from;
  const askForMore = (): void => {
    while (asked < total && ahead.length < AHEAD * threads.length) {
      const thread = threads[asked % threads.length] as LoaderThread;
      const batch = thread.prepare({ epoch, position: asked, indices: indicesOf(asked) });
      // It is awaited when its turn comes; until then a failure must not count as unheard.
      batch.catch(() => {});
      ahead.push(batch);
      asked += 1;
    }
  };
  for (let position = from; position < total; position += 1) {
    askForMore();
    const { images, mix } = await (ahead.shift() as Promise<PreparedBatch>);
    askForMore();
    const labels = Int32Array.from(indicesOf(position), (index) => dataset.labels[index] ?? -1);
    yield {
      ...{ size, labels },
      feeds: { [name]: { type: "float32", shape: [size, ...imageShape], data: images } },
      mix:
        mix === null
          ? null
          : { share: mix.share, labels: mix.partners.map((partner) => labels[partner] ?? -1) },
    };
  }
}

interface LoaderThread {
  readonly prepare: (request: BatchRequest) => Promise<PreparedBatch>;
  readonly close: () => Promise<unknown>;
}

function startThread(data: ThreadData, where: string): LoaderThread {
  const worker = startModuleThread("src/data/loader-thread.ts", data);
  worker.unref();
  const waiting = new Map<
    number,
    { readonly resolve: (batch: PreparedBatch) => void; readonly reject: (error: Error) => void }
  >();
  let asked = 0;
  const failAll = (message: string): void => {
    const error = new InternalError({ code: "data/loader-died", message, where });
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  worker.on("error", (error) => failAll(`A thread that prepares images died: ${error.message}.`));
  worker.on("exit", () => failAll("A thread that prepares images ended."));
  worker.on("message", (answer: ThreadAnswer) => {
    const asker = waiting.get(answer.id);
    waiting.delete(answer.id);
    if (waiting.size === 0) worker.unref();
    if (answer.kind === "batch") asker?.resolve(answer);
    else asker?.reject(arrivedError(answer.error));
  });
  return {
    prepare: (request) =>
      new Promise((resolve, reject) => {
        const id = asked;
        asked += 1;
        waiting.set(id, { resolve, reject });
        worker.ref();
        const message: ThreadRequest = { ...request, id };
        worker.postMessage(message);
      }),
    close: () => {
      // Nothing may end the process while it waits for the thread's end.
      worker.removeAllListeners("message");
      worker.ref();
      return worker.terminate();
    },
  };
}

function archiveTooLarge(dataset: Dataset, bytes: number): InputError {
  return new InputError({
    code: "data/archive-too-large",
    message: `Its ${dataset.count} decoded images would take ${Math.ceil(bytes / 2 ** 20)} MiB, and an archive can't be read in a random order.`,
    where: dataset.path,
    hint: "Unpack it and name the folder, or make images smaller by 'size' in the data set's config.",
  });
}
