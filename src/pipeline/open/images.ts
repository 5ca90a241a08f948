import type { DatasetConfig } from "../../data/config.ts";
import { readDatasetConfig } from "../../data/config.ts";
import type { Dataset } from "../../data/dataset.ts";
import { peekAt } from "../../data/peek.ts";
import {
  carriedPreprocessing,
  type ResolvedPreprocessing,
  withPreprocessing,
} from "../../data/preprocessing.ts";
import type { RunContext } from "../run-context.ts";
import type { OpenNetwork } from "./network.ts";
import { openPrepared, type PreparedFor, preparation } from "./preparation.ts";

/** The options that name images. */
export interface ImageOptions {
  readonly data?: string | undefined;
  readonly dataConfig?: string | undefined;
  readonly split?: string | undefined;
}

/**
 * Images to learn from: the training split unless another is named, and where the data has splits; prepared as
 * `preparationOf` says. Labels may be missing (-1): whoever needs them says so.
 */
export async function openImages(
  open: OpenNetwork,
  options: ImageOptions,
  context: RunContext,
): Promise<Dataset> {
  const { data, dataConfig } = options;
  const given = dataConfig === undefined ? {} : readDatasetConfig(dataConfig);
  const split = options.split ?? (hasTraining(data, given) ? "train" : undefined);
  const resolved = preparationOf(open, options);
  return openPrepared(data, resolved, { split, unlabelled: true }, context);
}

/** How images are prepared for a network. @throws InputError as `preparation` and `carriedPreprocessing` */
export function preparationOf(open: OpenNetwork, options: ImageOptions): ResolvedPreprocessing {
  return preparation(options, preparedFor(open));
}

/**
 * The network as the files that are made of it are to say: with the pre-processing of the images that it is used with.
 * @throws InputError as `preparationOf`
 */
export function carrying(open: OpenNetwork, options: ImageOptions): OpenNetwork {
  if (options.data === undefined && options.dataConfig === undefined) return open;
  const { said } = preparationOf(open, options);
  return { ...open, model: withPreprocessing(open.model, said) };
}

/** What an open network says of its pictures. */
export function preparedFor({ model, path, structure }: OpenNetwork): PreparedFor {
  // Pictures go into the first input of four axes.
  const pictures = structure.graph.inputs.find(
    ({ name }) => structure.shapes.of(name)?.length === 4,
  );
  return {
    carried: carriedPreprocessing(model, path),
    sizeOf: (layout) => {
      const shape = pictures === undefined ? undefined : structure.shapes.of(pictures.name);
      const [height, width] = shape?.slice(layout === "nhwc" ? 1 : 2) ?? [];
      return height === undefined || width === undefined ? null : [height, width];
    },
  };
}

/** Whether the data, or the config given for it, has a split to learn from. */
export function hasTraining(data: string | undefined, given: DatasetConfig): boolean {
  const own = data === undefined ? [] : peekAt(data).splits;
  return (given.splits === undefined ? own : Object.keys(given.splits)).includes("train");
}
