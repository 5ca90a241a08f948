import { existsSync } from "node:fs";
import { join } from "node:path";
import { type DatasetConfig, readDatasetConfig } from "../../data/config.ts";
import { type Dataset, openDataset } from "../../data/dataset.ts";
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
  const peek = options.data === undefined ? given : { ...ownConfig(options.data), ...given };
  const sized = peek.size !== undefined || peek.crop !== undefined || peek.record !== undefined;
  const size = sized ? null : networkSize(open, peek.layout === "nhwc");
  const config: DatasetConfig = size === null ? given : { ...given, size };
  return openDataset(options.data, { config, split, unlabelled: true });
}

/** Whether the data, or the config given for it, has a split to learn from. */
export function hasTraining(data: string | undefined, given: DatasetConfig): boolean {
  const splits = given.splits ?? (data === undefined ? {} : (ownConfig(data).splits ?? {}));
  return splits["train"] !== undefined;
}

/** What a folder, or a config that is named as the data, says of itself. */
function ownConfig(data: string): DatasetConfig {
  const file = data.toLowerCase().endsWith(".json") ? data : join(data, "dataset.json");
  return existsSync(file) ? readDatasetConfig(file) : {};
}

function networkSize({ structure }: OpenNetwork, channelsLast: boolean): [number, number] | null {
  const shape = structure.shapes.of(structure.graph.inputs[0]?.name ?? "");
  const [height, width] = shape?.slice(channelsLast ? 1 : 2) ?? [];
  return shape?.length === 4 && height !== undefined && width !== undefined
    ? [height, width]
    : null;
}
