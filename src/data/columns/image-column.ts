import { InputError } from "../../core/errors.ts";
import type { Placement } from "../../runtime/batches.ts";
import type { Feed } from "../../runtime/session.ts";
import type { DatasetConfig } from "../config.ts";
import type { Dataset, IndexedPixels } from "../dataset.ts";
import { normalised } from "../prepare.ts";
import { type Column, stemOf } from "./column.ts";
import { cellOf, readRows } from "./table.ts";

/** Pictures as an input. */
export interface ImageColumn extends Column {
  readonly config: DatasetConfig;
  /** Their bytes and places, in the order asked for. */
  readonly pixels: (indices: readonly number[]) => AsyncIterable<IndexedPixels>;
}

/**
 * The pictures of an opened set, all of them or those that a table names.
 * @throws InputError `data/missing-pair` where a picture of the table isn't there
 */
export function imageColumn(
  dataset: Dataset,
  list: { readonly table: string; readonly column: string } | undefined,
): ImageColumn {
  const { config, path } = dataset;
  const order = list === undefined ? null : listed(dataset, list.table, list.column);
  const pixels = async function* (indices: readonly number[]): AsyncGenerator<IndexedPixels> {
    let at = 0;
    const wanted = order === null ? indices : indices.map((index) => order[index] ?? -1);
    for await (const { pixels: each } of dataset.pixels(wanted)) {
      yield { index: indices[at] ?? -1, pixels: each };
      at += 1;
    }
  };
  return {
    ...{ config, path, pixels },
    count: order?.length ?? dataset.count,
    names: order === null ? (dataset.names ?? null) : null,
    read: async (indices) => {
      const all: IndexedPixels[] = [];
      for await (const each of pixels(indices)) all.push(each);
      return imageFeed(all, config, path).feed;
    },
  };
}

/**
 * Pictures of one size as a tensor.
 * @throws InputError `data/sizes-differ`
 */
export function imageFeed(
  images: readonly IndexedPixels[],
  config: DatasetConfig,
  where: string,
): { readonly feed: Feed; readonly placements: readonly Placement[] } {
  const prepared = images.map(({ pixels }) => normalised(pixels, config));
  const [first] = prepared;
  if (first === undefined) throw new RangeError("a batch of no images");
  const { channels, height, width } = first;
  const per = first.values.length;
  const data = new Float32Array(per * prepared.length);
  for (const [at, image] of prepared.entries()) {
    if (image.height !== height || image.width !== width) {
      throw new InputError({
        code: "data/sizes-differ",
        message: `Image ${images[at]?.index} is ${image.height} x ${image.width} (height x width), others in its batch ${height} x ${width}.`,
        where,
        hint: "Set 'size' in the data set's config, with 'resize' and 'crop' where proportions matter.",
      });
    }
    data.set(image.values, at * per);
  }
  const extents = config.layout === "nhwc" ? [height, width, channels] : [channels, height, width];
  return {
    feed: { type: "float32", shape: [prepared.length, ...extents], data },
    placements: prepared.map(
      ({ placement }) => placement ?? { height, width, scale: [1, 1], offset: [0, 0] },
    ),
  };
}

function listed(dataset: Dataset, table: string, column: string): readonly number[] {
  const names = dataset.names ?? [];
  const byName = new Map(names.map((name, at) => [name, at]));
  const byStem = new Map(names.map((name, at) => [stemOf(name), at]));
  return readRows(table).map((row) => {
    const name = String(cellOf(row, column, table));
    const found = byName.get(name) ?? byStem.get(stemOf(name));
    if (found !== undefined) return found;
    throw new InputError({
      code: "data/missing-pair",
      message: `There is no picture '${name}' in '${dataset.path}'.`,
      where: `${table}:${row.line}`,
      hint: "Check the path of the pictures and the table's column.",
    });
  });
}
