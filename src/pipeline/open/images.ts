import { type DatasetConfig, readDatasetConfig } from "../../data/config.ts";
import { type Dataset, openDataset } from "../../data/dataset.ts";
import { peekAt } from "../../data/peek.ts";
import type { OpenNetwork } from "./network.ts";

/** The options that name images. */
export interface ImageOptions {
  readonly data?: string | undefined;
  readonly dataConfig?: string | undefined;
  readonly split?: string | undefined;
}

/**
 * Images to learn from: the training split unless another is named, and where the data has splits; brought to the size that
 * the network asks for, unless the config says how. Labels may be missing (-1): whoever needs them says so.
 */
export async function openImages(open: OpenNetwork, options: ImageOptions): Promise<Dataset> {
  const given = options.dataConfig === undefined ? {} : readDatasetConfig(options.dataConfig);
  const split = options.split ?? (hasTraining(options.data, given) ? "train" : undefined);
  const peek = options.data === undefined ? given : { ...peekAt(options.data).config, ...given };
  const sized = peek.size !== undefined || peek.crop !== undefined || peek.record !== undefined;
  const size = sized ? null : networkSize(open, peek.layout === "nhwc");
  const config: DatasetConfig = size === null ? given : { ...given, size };
  return openDataset(options.data, { config, split, unlabelled: true });
}

/** Whether the data, or the config given for it, has a split to learn from. */
export function hasTraining(data: string | undefined, given: DatasetConfig): boolean {
  const own = data === undefined ? [] : peekAt(data).splits;
  return (given.splits === undefined ? own : Object.keys(given.splits)).includes("train");
}

function networkSize({ structure }: OpenNetwork, channelsLast: boolean): [number, number] | null {
  // Pictures go into the first input of four axes.
  const pictures = structure.graph.inputs.find(
    ({ name }) => structure.shapes.of(name)?.length === 4,
  );
  const shape = structure.shapes.of(pictures?.name ?? "");
  const [height, width] = shape?.slice(channelsLast ? 1 : 2) ?? [];
  return shape?.length === 4 && height !== undefined && width !== undefined
    ? [height, width]
    : null;
}
