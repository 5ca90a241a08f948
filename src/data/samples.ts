import { InputError } from "../core/errors.ts";
import { type SampleBatch, type Target, UNNAMED } from "../runtime/batches.ts";
import type { Feed } from "../runtime/session.ts";
import { choose } from "./choose.ts";
import { type Column, joinedIndices, missingPair } from "./columns/column.ts";
import { type ImageColumn, imageColumn, imageFeed } from "./columns/image-column.ts";
import { arrayColumn, tableColumn } from "./columns/number-columns.ts";
import type { DatasetConfig } from "./config.ts";
import type { BatchOptions, Dataset, Head, IndexedPixels, OpenOptions } from "./dataset.ts";
import type { ImagesSpec, InputSpec, SamplesConfig } from "./samples-config.ts";
import { openTargets } from "./targets/heads.ts";
import type { TargetColumn } from "./targets/target-column.ts";

/** Opens pictures as version 1 of the config does; their labels only where they are needed. */
export type OpenImages = (config: DatasetConfig, labels?: "needed" | "ignored") => Promise<Dataset>;

/**
 * Opens samples with named inputs and a target. The first input that is pictures is the one that is augmented; the others and the
 * target are joined to it by name, or row by row.
 * @param path of the config, for messages.
 * @throws InputError `data/missing-pair`, and as `openTargets`, `arrayColumn`, `tableColumn` and `openDataset`
 */
export async function openSamples(
  config: SamplesConfig,
  path: string,
  options: OpenOptions,
  openImages: OpenImages,
): Promise<Dataset> {
  const opened = await openInputs(config, options, openImages);
  const { first, columns, primary } = opened;
  const target = await openTargets({
    ...{ config, first },
    openImages: async (spec) => imageColumn(await openImages(imageConfig(spec)), spec.list),
    imageLabels: async ({ labels }) => {
      const spec = Object.values(config.inputs).find((each) => each.from === "images");
      if (spec === undefined) throw noPictures(path);
      const { classes, classOffset } = config;
      const named = { ...imageConfig(spec), ...{ labels, classes, classOffset } };
      const labelled = await openImages(defined(named), "needed");
      return { labels: labelled.labels, classes: labelled.classes };
    },
  });
  const kept = keptSamples(opened, target, path, config);
  const samples = reader(opened, target, kept);
  const labels = Int32Array.from(kept, (index) => target.labels?.[index] ?? -1);
  if (kept.length === 0) {
    throw new InputError({
      code: "data/empty",
      message: "No sample has all of its inputs and a target.",
      where: path,
      hint: "Check the names of the files that belong together.",
    });
  }
  return {
    path,
    config: primary?.column.config ?? {},
    count: kept.length,
    classes: target.classes ?? config.classes ?? null,
    labels,
    names: first.names === null ? null : kept.map((index) => first.names?.[index] ?? ""),
    isArchive: primary?.column.config.format === "tar",
    inputs: Object.keys(config.inputs),
    pictures: primary?.name ?? null,
    task: config.task ?? null,
    target: config.heads === undefined ? (config.target?.from ?? null) : "heads",
    ...(config.heads === undefined ? {} : { heads: headsOf(config.heads) }),
    pixels: (indices) => keptPixels(opened, kept, indices, path),
    samples,
    others: columns.length > (primary === null ? 0 : 1) || target.read !== null ? samples : null,
    batches: (size, batchOptions = {}) => batchesOf(samples, kept.length, size, batchOptions),
  };
}

function headsOf(heads: NonNullable<SamplesConfig["heads"]>): Readonly<Record<string, Head>> {
  return Object.fromEntries(
    Object.entries(heads).map(([output, { classes = null, weight = 1 }]) => [
      output,
      { classes, weight },
    ]),
  );
}

interface Inputs {
  /** The column that counts the samples. */
  readonly first: Column;
  readonly columns: readonly {
    readonly name: string;
    readonly column: Column;
    /** Index in the column by sample. */
    readonly indexOf: readonly number[];
  }[];
  readonly primary: { readonly name: string; readonly column: ImageColumn } | null;
}

async function openInputs(
  config: SamplesConfig,
  options: OpenOptions,
  openImages: OpenImages,
): Promise<Inputs> {
  const entries = Object.entries(config.inputs);
  const primaryName = entries.find(([, spec]) => spec.from === "images")?.[0];
  let primary: Inputs["primary"] = null;
  const open = async (name: string, spec: InputSpec): Promise<Column> => {
    if (spec.from === "array") return arrayColumn(spec);
    if (spec.from === "table") return tableColumn(spec);
    const override = name === primaryName ? (options.config ?? {}) : {};
    const dataset = await openImages({ ...imageConfig(spec), ...override });
    const column = imageColumn(dataset, spec.list);
    if (name === primaryName) primary = { name, column };
    return column;
  };
  const opened: { name: string; column: Column }[] = [];
  for (const [name, spec] of entries) opened.push({ name, column: await open(name, spec) });
  const main = opened.find(({ name }) => name === (primaryName ?? entries[0]?.[0]));
  if (main === undefined) throw new RangeError("no input");
  const columns = opened.map(({ name, column }) => ({
    ...{ name, column },
    indexOf: joinedIndices(main.column, column),
  }));
  return { first: main.column, columns, primary };
}

/** The fields of version 1 that describe the pictures. */
function imageConfig({
  from: _,
  list: __,
  ...spec
}: ImagesSpec & { output?: unknown; unpaired?: unknown }): DatasetConfig {
  const { output: ___, unpaired: ____, ...config } = spec;
  return config;
}

function defined(config: Readonly<Record<string, unknown>>): DatasetConfig {
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined));
}

/** Samples that have all inputs and a target. @throws InputError `data/missing-pair` unless the config lets them be left out */
function keptSamples(
  { first, columns }: Inputs,
  target: TargetColumn,
  path: string,
  config: SamplesConfig,
): readonly number[] {
  const all = Array.from({ length: first.count }, (_, index) => index);
  const name = (index: number): string => first.names?.[index] ?? `row ${index}`;
  for (const { column, indexOf } of columns) {
    const missing = all.filter((index) => (indexOf[index] ?? -1) < 0);
    if (missing.length > 0) throw missingPair(name(missing[0] ?? 0), missing.length, column.path);
  }
  const without = all.filter((index) => (target.indexOf[index] ?? -1) < 0);
  const spec = config.target;
  // Of several heads each has said what it leaves out.
  const skips =
    config.heads !== undefined ||
    (spec !== undefined && "unpaired" in spec && spec.unpaired === "skip");
  if (without.length > 0 && !skips) {
    const where = spec !== undefined && "path" in spec ? spec.path : path;
    throw missingPair(name(without[0] ?? 0), without.length, where);
  }
  return all.filter((index) => (target.indexOf[index] ?? -1) >= 0);
}

type Samples = (
  indices: readonly number[],
  given?: readonly IndexedPixels[],
) => Promise<SampleBatch>;

/** Reads samples by their index among those that are kept. */
function reader(inputs: Inputs, target: TargetColumn, kept: readonly number[]): Samples {
  const { columns, primary } = inputs;
  return async (wanted) => {
    const indices = wanted.map((index) => kept[index] ?? -1);
    const feeds: Record<string, Feed> = {};
    let places: ReturnType<typeof imageFeed> | null = null;
    let config: DatasetConfig = {};
    for (const { name, column, indexOf } of columns) {
      const rows = indices.map((index) => indexOf[index] ?? -1);
      if (primary !== null && name === primary.name) {
        const images: IndexedPixels[] = [];
        for await (const image of primary.column.pixels(rows)) images.push(image);
        config = primary.column.config;
        places = imageFeed(images, config, column.path);
        feeds[name] = places.feed;
      } else feeds[name] = await column.read(rows);
    }
    const labels = Int32Array.from(indices, (index) => target.labels?.[index] ?? -1);
    const size = indices.length;
    if (target.read === null) return { size, feeds, labels };
    const shape = places?.feed.shape;
    const [height, width] = (config.layout === "nhwc" ? shape?.slice(1) : shape?.slice(2)) ?? [];
    const targets: readonly Target[] = await target.read({
      ...{ indices, feeds, placements: places?.placements ?? null },
      extents: height === undefined || width === undefined ? null : [height, width],
    });
    return { size, feeds, labels, targets };
  };
}

async function* keptPixels(
  { primary, columns }: Inputs,
  kept: readonly number[],
  indices: readonly number[],
  path: string,
): AsyncGenerator<IndexedPixels> {
  if (primary === null) throw noPictures(path);
  const indexOf = columns.find(({ name }) => name === primary.name)?.indexOf ?? [];
  const rows = indices.map((index) => indexOf[kept[index] ?? -1] ?? -1);
  let at = 0;
  for await (const { pixels } of primary.column.pixels(rows)) {
    yield { index: indices[at] ?? -1, pixels };
    at += 1;
  }
}

async function* batchesOf(
  samples: Samples,
  count: number,
  size: number,
  options: BatchOptions,
): AsyncGenerator<SampleBatch> {
  const order = choose(count, options);
  for (let start = 0; start < order.length; start += size) {
    yield await samples(order.slice(start, start + size));
  }
}

function noPictures(where: string): InputError {
  return new InputError({
    code: "data/no-pictures",
    message: "None of the data's inputs is pictures.",
    where,
    hint: `Give an input with "from": "images", or a task that needs none (inputs: '${UNNAMED}' stands for the only one).`,
  });
}
