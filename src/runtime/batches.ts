import type { Feed, Feeds } from "./session.ts";

/** Where a prepared image lies on its original: input = scale * original + offset, in pixels, per direction. */
export interface Placement {
  /** Of the original, in pixels. */
  readonly height: number;
  readonly width: number;
  readonly scale: readonly [vertical: number, horizontal: number];
  readonly offset: readonly [vertical: number, horizontal: number];
}

/** An object in an image: corners in pixels of the original image, the pixel grid beginning at 0. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
  readonly label: number;
  /**
   * Neither a hit nor a miss where it is found. A crowd (COCO) can be found many times, by anything that lies in it; a difficult
   * object (VOC) once.
   */
  readonly ignored?: "crowd" | "difficult" | undefined;
}

/** What a sample's answer should be, in the form of a task. */
export type Target =
  | { readonly kind: "none" }
  | { readonly kind: "class"; readonly label: number }
  | { readonly kind: "classes"; readonly labels: readonly number[] }
  /** A class per pixel of the prepared image, row-major; `ignore` where a pixel counts for nothing. */
  | {
      readonly kind: "mask";
      readonly height: number;
      readonly width: number;
      readonly labels: Int32Array;
      readonly ignore: number;
    }
  | { readonly kind: "boxes"; readonly boxes: readonly Box[]; readonly placement: Placement }
  /** Values by the output that should have them, without the batch axis; "" stands for the first output. */
  | { readonly kind: "values"; readonly values: Feeds }
  /** A target of its own for every output that has one, by the output's name. The class -1 stands for a sample without one. */
  | { readonly kind: "heads"; readonly heads: Readonly<Record<string, Target>> };

/** Samples as a network is fed them. What scoring, repair, training and evaluation take; a data set's batch is one. */
export interface SampleBatch {
  /** Number of samples. */
  readonly size: number;
  /**
   * A tensor per input of the network, whose first axis is the samples. A data set that has one input and doesn't name it calls it
   * `UNNAMED`.
   */
  readonly feeds: Feeds;
  /** One class index per sample; -1 where it isn't known, or the target is another than a class. */
  readonly labels: Int32Array;
  /** Of tasks whose target is no class, one per sample. */
  readonly targets?: readonly Target[] | undefined;
}

/** The name of an input that the data doesn't name: that of a network with one input. */
export const UNNAMED = "";

/** A batch of one unnamed input, such as images. */
export function unnamedBatch(
  values: Float32Array,
  shape: readonly number[],
  labels: Int32Array,
): SampleBatch {
  const feeds = { [UNNAMED]: { type: "float32", shape, data: values } } as const;
  return { size: shape[0] ?? 0, feeds, labels };
}

/** The target of a sample: the task's own, or the class that its label names. */
export function targetOf({ targets, labels }: SampleBatch, sample: number): Target {
  const own = targets?.[sample];
  if (own !== undefined) return own;
  const label = labels[sample] ?? -1;
  return label < 0 ? { kind: "none" } : { kind: "class", label };
}

/** Samples `start` to `end` of a tensor whose first axis is the samples: a view, no copy. */
export function slicedFeed(feed: Feed, start: number, end: number): Feed {
  const per = perSample(feed);
  const shape = [end - start, ...feed.shape.slice(1)];
  return withData(feed, shape, start * per, end * per);
}

/** One sample of a tensor, without the axis of the samples: a view, no copy. */
export function sampleOf(feed: Feed, sample: number): Feed {
  const per = perSample(feed);
  return withData(feed, feed.shape.slice(1), sample * per, (sample + 1) * per);
}

/** Samples `start` to `end` of a batch. */
export function slicedBatch(batch: SampleBatch, start: number, end: number): SampleBatch {
  const feeds = Object.entries(batch.feeds).map(
    ([name, feed]) => [name, slicedFeed(feed, start, end)] as const,
  );
  return {
    size: end - start,
    feeds: Object.fromEntries(feeds),
    labels: batch.labels.subarray(start, end),
    ...(batch.targets === undefined ? {} : { targets: batch.targets.slice(start, end) }),
  };
}

/** The batch with zeros (empty texts) behind its samples, so that there are `size`: for networks that fix their batch. */
export function paddedBatch(batch: SampleBatch, size: number): SampleBatch {
  if (batch.size === size) return batch;
  const feeds = Object.entries(batch.feeds).map(
    ([name, feed]) => [name, padded(feed, size)] as const,
  );
  return { ...batch, size, feeds: Object.fromEntries(feeds) };
}

function padded(feed: Feed, size: number): Feed {
  const missing = size - (feed.shape[0] ?? 0);
  const length = missing * perSample(feed);
  const shape = [missing, ...feed.shape.slice(1)];
  if (feed.type === "string") {
    return joinedFeeds([feed, { type: "string", shape, data: new Array<string>(length).fill("") }]);
  }
  return joinedFeeds([feed, { ...feed, shape, data: emptyLike(feed.data, length) } as Feed]);
}

/** Tensors of one type behind each other along the axis of the samples. */
export function joinedFeeds(feeds: readonly Feed[]): Feed {
  const [first] = feeds;
  if (first === undefined) throw new RangeError("no tensors to join");
  if (feeds.length === 1) return first;
  const samples = feeds.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0);
  const shape = [samples, ...first.shape.slice(1)];
  if (first.type === "string") {
    return { type: "string", shape, data: feeds.flatMap(({ data }) => Array.from(data, String)) };
  }
  const length = feeds.reduce((sum, { data }) => sum + data.length, 0);
  const whole = emptyLike(first.data, length);
  let at = 0;
  for (const { data } of feeds) {
    // Feeds of one type hold arrays of one kind.
    (whole as Float32Array).set(data as Float32Array, at);
    at += data.length;
  }
  return { ...first, shape, data: whole } as Feed;
}

function emptyLike<A extends Exclude<Feed["data"], string[]>>(array: A, length: number): A {
  return new (array.constructor as new (length: number) => A)(length);
}

function perSample({ shape }: Feed): number {
  return shape.slice(1).reduce((product, extent) => product * extent, 1);
}

function withData(feed: Feed, shape: readonly number[], from: number, to: number): Feed {
  // The type of the elements stays that of the feed: a view of its own array.
  const data = feed.type === "string" ? feed.data.slice(from, to) : feed.data.subarray(from, to);
  return { type: feed.type, shape, data } as Feed;
}
