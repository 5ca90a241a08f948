import { existsSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { InputError } from "../core/errors.ts";
import { readJson } from "../core/files.ts";
import { type SampleBatch, UNNAMED, unnamedBatch } from "../runtime/batches.ts";
import { choose } from "./choose.ts";
import { type DatasetConfig, readDatasetConfig } from "./config.ts";
import { folderSource } from "./folder-source.ts";
import { type Labels, labelsOf } from "./labels.ts";
import type { Pixels } from "./pixels.ts";
import { decodeImage, type Prepared, prepareImage } from "./prepare.ts";
import { idxSource, recordSource } from "./record-source.ts";
import { openSamples } from "./samples.ts";
import { isSamplesConfig, readSamplesConfig } from "./samples-config.ts";
import { isSetsConfig, readSetsConfig, together } from "./sets.ts";
import type { Source, SourceImage } from "./source.ts";
import { tarSource } from "./tar-source.ts";

/** A decoded image and its index in the set. */
export interface IndexedPixels {
  readonly index: number;
  readonly pixels: Pixels;
}

export interface BatchOptions {
  /** Only so many images: a random choice among all, so that a set sorted by class is represented too. */
  readonly limit?: number | undefined;
  /** Shuffle with this seed; in the order of the data without it. */
  readonly seed?: number | undefined;
}

/** What a data set says of one of several outputs. */
export interface Head {
  readonly classes: readonly string[] | null;
  /** Of its loss beside the others'. */
  readonly weight: number;
}

/** Labelled images in some place, prepared for one network. Nothing but a batch is held in memory. */
export interface Dataset {
  readonly path: string;
  readonly config: DatasetConfig;
  /** Number of images. */
  readonly count: number;
  readonly classes: readonly string[] | null;
  /** Class index of every image, as the network counts classes; -1 where it has none. */
  readonly labels: Int32Array;
  /** Names of the samples: paths inside the set; null where they have none. */
  readonly names: readonly string[] | null;
  /** Inputs that its batches feed; `UNNAMED` for the only one of version 1. */
  readonly inputs: readonly string[];
  /** The input that `pixels` are of; null where none is pictures. */
  readonly pictures: string | null;
  /** The task that the config names. */
  readonly task: string | null;
  /** Classes and weight of every output that has a target of its own; left out where there is one target. */
  readonly heads?: Readonly<Record<string, Head>> | undefined;
  /** Where targets come from, by the config's word; null where there is none, or class labels alone. */
  readonly target: string | null;
  /** The named samples as one batch. */
  readonly samples: (indices: readonly number[]) => Promise<SampleBatch>;
  /** As `samples`, where there is more to them than pictures and a class; null otherwise. */
  readonly others: ((indices: readonly number[]) => Promise<SampleBatch>) | null;
  /** An archive can only be read from its beginning: out of order it is slow, or large in memory. */
  readonly isArchive: boolean;
  /**
   * The bytes of the named images, decoded and brought to size, before they become numbers. In the order asked for.
   * @throws InputError `data/broken-image`, `data/image-too-small`, `data/truncated`
   */
  readonly pixels: (indices: readonly number[]) => AsyncIterable<IndexedPixels>;
  /**
   * Batches of at most `size` images; the last may be smaller.
   * @throws InputError `data/broken-image`, `data/image-too-small`, `data/sizes-differ`, `data/truncated`
   */
  readonly batches: (size: number, options?: BatchOptions) => AsyncIterable<SampleBatch>;
}

export interface OpenOptions {
  /** Pre-processing; what the data's own `dataset.json` says where it is left out. */
  readonly config?: DatasetConfig | undefined;
  /** One of the config's splits; `test` where it is left out and there is one. */
  readonly split?: string | undefined;
  /** Images whose labels nothing tells are taken with the label -1; refused unless given. `ignored`: all are, whatever tells. */
  readonly unlabelled?: boolean | "ignored" | undefined;
}

/**
 * Opens labelled images: a folder of images, a .tar or .tar.gz of them, a CIFAR binary, an IDX pair, a drawn set, or a config
 * file (.json) whose `path` names one of these.
 * @param path of the data; may be left out where the config names it.
 * @throws InputError `data/not-found`, `data/unknown-format`, `data/empty`, `data/no-labels`, `data/bad-label`,
 * `data/bad-config`, `data/broken-archive`, `data/truncated`, `data/not-idx`
 */
export async function openDataset(
  path: string | undefined,
  options: OpenOptions = {},
): Promise<Dataset> {
  const described = samplesConfigAt(path);
  if (described !== null) {
    const { json, file } = described;
    if (isSetsConfig(json)) {
      const sets: Dataset[] = [];
      for (const each of readSetsConfig(json, file)) sets.push(await openDataset(each, options));
      return together(sets, file);
    }
    const samples = readSamplesConfig(json, file, options.split);
    return openSamples(samples, file, options, (config, labels = "ignored") =>
      openPictures(config.path, { config, unlabelled: labels === "ignored" ? labels : undefined }),
    );
  }
  return openPictures(path, options);
}

/** Opens pictures with class labels, as version 1 of the config describes them. */
async function openPictures(path: string | undefined, options: OpenOptions): Promise<Dataset> {
  const place = withFormat(placeOf(path, options));
  const source = await sourceOf(place.path, place.config);
  if (source.count === 0) {
    throw new InputError({
      code: "data/empty",
      message: "There is no image in it.",
      where: place.path,
      hint: "Images are recognised by their endings: .jpg, .jpeg, .png, .webp, .gif, .tif, .bmp, .avif.",
    });
  }
  const labels = labelsOf(source, place.config, place.path, options.unlabelled);
  return {
    path: place.path,
    config: place.config,
    count: source.count,
    classes: labels.classes,
    labels: labels.ofImage,
    names: namesOf(source, place.config),
    ...{ inputs: [UNNAMED], pictures: UNNAMED, task: null, target: null, others: null },
    isArchive: place.config.format === "tar",
    samples: (indices) => samplesOf(source, labels, place, indices),
    pixels: (indices) => pixelsOf(source, place, indices),
    batches: (size, batchOptions = {}) => batchesOf(source, labels, place, size, batchOptions),
  };
}

/** The config of version 2 that a path names or that lies in its folder; null where there is none. */
function samplesConfigAt(
  path: string | undefined,
): { readonly json: unknown; readonly file: string } | null {
  if (path === undefined) return null;
  const file = path.toLowerCase().endsWith(".json") ? path : join(path, "dataset.json");
  if (!existsSync(file)) return null;
  const json = readJson(file);
  return isSamplesConfig(json) ? { json, file } : null;
}

function namesOf(source: Source, { format }: DatasetConfig): readonly string[] | null {
  if (format !== "folder" && format !== "tar") return null;
  return Array.from({ length: source.count }, (_, index) => source.name(index));
}

/** The config with its format: what the others leave out may depend on it. */
function withFormat({ path, config }: Place): Place {
  return { path, config: { ...config, format: config.format ?? guessFormat(path) } };
}

interface Place {
  readonly path: string;
  readonly config: DatasetConfig;
}

function placeOf(path: string | undefined, options: OpenOptions): Place {
  const isConfig = path?.toLowerCase().endsWith(".json") === true;
  const own = isConfig && path !== undefined ? readDatasetConfig(path) : ownConfig(path);
  const config: DatasetConfig = { ...own, ...options.config };
  const base = isConfig && path !== undefined ? (own.path ?? dirname(resolve(path))) : path;
  const root = base ?? config.path;
  if (root === undefined) {
    throw new InputError({
      code: "data/not-found",
      message: "No data is named.",
      hint: "Name it with --data, or by 'path' in the data set's config.",
    });
  }
  if (!existsSync(root)) {
    throw new InputError({
      code: "data/not-found",
      message: "There is nothing at this path.",
      where: root,
      hint: "Check the path. `mdp data shapes --out DIR` draws a set that needs no download.",
    });
  }
  return { path: splitOf(root, config, options.split), config };
}

/** What a folder says of itself, in version 1. */
function ownConfig(path: string | undefined): DatasetConfig {
  if (path === undefined) return {};
  const file = join(path, "dataset.json");
  return existsSync(file) && samplesConfigAt(path) === null ? readDatasetConfig(file) : {};
}

function splitOf(root: string, config: DatasetConfig, split: string | undefined): string {
  const splits = config.splits;
  if (splits === undefined || !statSync(root).isDirectory()) {
    if (split === undefined) return root;
    throw noSplit(root, split, []);
  }
  const name = split ?? (splits["test"] === undefined ? Object.keys(splits)[0] : "test") ?? "";
  const relative = splits[name];
  if (relative === undefined) throw noSplit(root, name, Object.keys(splits));
  return join(root, relative);
}

function noSplit(where: string, split: string, known: readonly string[]): InputError {
  return new InputError({
    code: "data/not-found",
    message: `There is no split '${split}'; ${known.length === 0 ? "the data has no splits" : `there are ${known.join(", ")}`}.`,
    where,
    hint: "Splits are named by 'splits' in the data set's config.",
  });
}

async function sourceOf(path: string, config: DatasetConfig): Promise<Source> {
  const format = config.format ?? guessFormat(path);
  switch (format) {
    case "folder":
      return folderSource(path);
    case "tar":
      return tarSource(path);
    case "cifar":
      return recordSource(path, { channels: 3, height: 32, width: 32 });
    case "records":
      return recordSource(path, config.record ?? { channels: 3, height: 32, width: 32 });
    case "idx":
      return idxSource(path, idxLabels(path));
    default:
      return format satisfies never;
  }
}

function guessFormat(path: string): NonNullable<DatasetConfig["format"]> {
  if (statSync(path).isDirectory()) return "folder";
  const name = basename(path).toLowerCase();
  if (/\.(tar|tar\.gz|tgz)$/.test(name)) return "tar";
  if (/\.bin$/.test(name)) return "cifar";
  if (/idx3-ubyte(\.gz)?$/.test(name)) return "idx";
  throw new InputError({
    code: "data/unknown-format",
    message: "Neither a folder nor a file whose format its name tells.",
    where: path,
    hint: 'Known are folders, .tar, .tar.gz, .tgz, CIFAR\'s .bin and *-images-idx3-ubyte(.gz); otherwise give "format" in the config.',
  });
}

/** The labels file that belongs to an images file, by MNIST's names. */
function idxLabels(path: string): string {
  const name = basename(path).replace("images", "labels").replace("idx3", "idx1");
  const candidates = [name, `${name}.gz`, name.replace(/\.gz$/, "")].map((file) =>
    join(dirname(path), file),
  );
  const found = candidates.find((file) => file !== path && existsSync(file));
  if (found !== undefined) return found;
  throw new InputError({
    code: "data/no-labels",
    message: `The labels '${name}' are not beside the images.`,
    where: path,
    hint: "IDX images and labels come as a pair: ...images...idx3... and ...labels...idx1...",
  });
}

/** Images that are decoded at the same time; the decoder has threads of its own. */
const DECODED_AT_ONCE = 32;

async function* pixelsOf(
  source: Source,
  place: Place,
  indices: readonly number[],
): AsyncGenerator<IndexedPixels> {
  const decoded = async ({ image, index }: SourceImage): Promise<IndexedPixels> => ({
    index,
    pixels: await decodeImage(image, place.config, join(place.path, source.name(index))),
  });
  let waiting: SourceImage[] = [];
  for await (const image of source.read(indices)) {
    waiting.push(image);
    if (waiting.length < DECODED_AT_ONCE) continue;
    yield* await Promise.all(waiting.map(decoded));
    waiting = [];
  }
  yield* await Promise.all(waiting.map(decoded));
}

async function* batchesOf(
  source: Source,
  labels: Labels,
  place: Place,
  size: number,
  options: BatchOptions,
): AsyncGenerator<SampleBatch> {
  let waiting: SourceImage[] = [];
  for await (const image of source.read(choose(source.count, options))) {
    waiting.push(image);
    if (waiting.length === size) {
      yield await batchOf(source, labels, place, waiting);
      waiting = [];
    }
  }
  if (waiting.length > 0) yield await batchOf(source, labels, place, waiting);
}

async function samplesOf(
  source: Source,
  labels: Labels,
  place: Place,
  indices: readonly number[],
): Promise<SampleBatch> {
  const raw: SourceImage[] = [];
  for await (const image of source.read(indices)) raw.push(image);
  return batchOf(source, labels, place, raw);
}

async function batchOf(
  source: Source,
  labels: Labels,
  place: Place,
  raw: readonly SourceImage[],
): Promise<SampleBatch> {
  const where = (index: number): string => join(place.path, source.name(index));
  const prepared = await Promise.all(
    raw.map(({ image, index }) => prepareImage(image, place.config, where(index))),
  );
  const first = prepared[0];
  if (first === undefined) throw new RangeError("a batch of no images");
  const images = new Float32Array(raw.length * first.values.length);
  for (const [at, image] of prepared.entries()) {
    checkSameSize(first, image, where(raw[at]?.index ?? 0));
    images.set(image.values, at * first.values.length);
  }
  const { channels, height, width } = first;
  const nhwc = place.config.layout === "nhwc";
  return unnamedBatch(
    images,
    nhwc ? [raw.length, height, width, channels] : [raw.length, channels, height, width],
    Int32Array.from(raw, ({ index }) => labels.ofImage[index] ?? -1),
  );
}

function checkSameSize(first: Prepared, image: Prepared, where: string): void {
  if (first.height === image.height && first.width === image.width) return;
  throw new InputError({
    code: "data/sizes-differ",
    message: `The image is ${image.height} x ${image.width} (height x width), others in its batch ${first.height} x ${first.width}.`,
    where,
    hint: "Set 'size' in the data set's config, with 'resize' and 'crop' where proportions matter.",
  });
}
