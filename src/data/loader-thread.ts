/** The code of a thread that prepares batches; loader.ts starts it. */
import { parentPort, workerData } from "node:worker_threads";
import { type CarriedError, carriedError } from "../core/carried-error.ts";
import {
  type BatchRequest,
  type BatchWork,
  type PreparedBatch,
  prepareBatch,
} from "./batch-work.ts";
import type { Dataset, OpenOptions } from "./dataset.ts";

/** Where the thread takes images from: memory that it shares, or files that it reads itself. */
export type ImagePlace =
  | { readonly kind: "memory"; readonly memory: SharedArrayBuffer }
  | ({ readonly kind: "files" } & OpenedAs);

/** How a data set was opened, so that a thread can open it again. */
export interface OpenedAs {
  readonly path: string;
  readonly options: OpenOptions;
  /** Only so many of its images; see `subset`. */
  readonly limit?: number | undefined;
}

export interface ThreadData {
  readonly work: BatchWork;
  readonly place: ImagePlace;
}

export interface ThreadRequest extends BatchRequest {
  readonly id: number;
}

export type ThreadAnswer =
  | ({ readonly id: number; readonly kind: "batch" } & PreparedBatch)
  | { readonly id: number; readonly kind: "error"; readonly error: CarriedError };

/** Images of a batch, by their place in it. */
type Reader = (indices: readonly number[]) => Promise<(place: number) => Uint8Array>;

function memoryReader(memory: SharedArrayBuffer, perImage: number): Reader {
  const bytes = new Uint8Array(memory);
  return async (indices) => (place) => {
    const start = (indices[place] as number) * perImage;
    return bytes.subarray(start, start + perImage);
  };
}

function fileReader(
  { path, options, limit }: ImagePlace & { readonly kind: "files" },
  work: BatchWork,
): Reader {
  let opened: Promise<Dataset> | null = null;
  return async (indices) => {
    // Decoders are loaded only where images are decoded.
    const { openDataset } = await import("./dataset.ts");
    const { checkedBytes } = await import("./image-cache.ts");
    const { subset } = await import("./subset.ts");
    opened ??= openDataset(path, options).then((dataset) => subset(dataset, limit));
    const dataset = await opened;
    const images: Uint8Array[] = [];
    for await (const image of dataset.pixels(indices)) {
      images.push(checkedBytes(image, work.form, dataset));
    }
    return (place) => images[place] as Uint8Array;
  };
}

function serve({ work, place }: ThreadData): void {
  const { channels, height, width } = work.form;
  const read =
    place.kind === "memory"
      ? memoryReader(place.memory, channels * height * width)
      : fileReader(place, work);
  parentPort?.on("message", async (request: ThreadRequest) => {
    const { id } = request;
    try {
      const batch = prepareBatch(work, request, await read(request.indices));
      const answer: ThreadAnswer = { id, kind: "batch", ...batch };
      parentPort?.postMessage(answer, [batch.images.buffer as ArrayBuffer]);
    } catch (error) {
      const answer: ThreadAnswer = { id, kind: "error", error: carriedError(error) };
      parentPort?.postMessage(answer);
    }
  });
}

serve(workerData as ThreadData);
