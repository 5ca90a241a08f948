import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { UsageError } from "../../core/errors.ts";
import { type DatasetConfig, readDatasetConfig } from "../../data/config.ts";
import type { Dataset } from "../../data/dataset.ts";
import { peekAt } from "../../data/peek.ts";
import { carriedPreprocessing, type Preprocessing } from "../../data/preprocessing.ts";
import { writeShapeSet } from "../../data/shape-files.ts";
import { heldInMemory, subset } from "../../data/subset.ts";
import type { Model } from "../../onnx/model.ts";
import { openPrepared, preparation } from "../open/preparation.ts";
import type { RunContext } from "../run-context.ts";
import type { TrainingSettings } from "./training-settings.ts";

/** A data set with what it takes to open it again. */
export interface NamedDataset {
  readonly dataset: Dataset;
  readonly path: string;
  readonly config: DatasetConfig;
  readonly split: string | undefined;
}

export interface TrainingSets {
  readonly train: NamedDataset;
  /** null: there is nothing to validate on. */
  readonly validation: NamedDataset | null;
  /** How pictures are prepared, where somebody says so: what the trained network's file carries. */
  readonly preprocessing: Preprocessing;
}

type DataOptions = Pick<
  TrainingSettings,
  | "data"
  | "dataConfig"
  | "split"
  | "images"
  | "valData"
  | "valSplit"
  | "valImages"
  | "validate"
  | "out"
>;

/** Drawn for the embedded network where no data is named. */
const DRAWN = { size: 64, train: 12000, test: 2000, seed: 1, format: "records" } as const;

/** Splits that are validated on where none is named, the first that there is. */
const VALIDATION_SPLITS = ["val", "validation", "test"];

/**
 * Opens what a network is trained on and validated on.
 * @throws UsageError `cli/no-data`, `cli/no-split`; InputError as `openDataset`
 */
export async function trainingSets(
  options: DataOptions,
  network: { readonly model: Model; readonly path: string; readonly embedded: boolean },
  context: RunContext,
): Promise<TrainingSets> {
  const path = await dataPath(options, network.embedded, context);
  const given = options.dataConfig === undefined ? {} : readDatasetConfig(options.dataConfig);
  const resolved = preparation(
    { data: path, dataConfig: options.dataConfig },
    {
      carried: carriedPreprocessing(network.model, network.path),
      sizeOf: (layout) => pictureSize(network.model, layout === "nhwc"),
    },
  );
  const { config } = resolved;
  const splits = Object.keys(given.splits ?? {});
  if (splits.length === 0) splits.push(...peekAt(path).splits);
  const split = options.split ?? trainSplit(splits, path);
  const open = async (
    place: string,
    part: string | undefined,
    limit: number | undefined,
  ): Promise<NamedDataset> => ({
    ...{ path: place, config, split: part },
    dataset: subset(await openPrepared(place, resolved, { split: part }, context), limit),
  });
  const train = await open(path, split, options.images);
  const valData = options.valData;
  const valSplit =
    options.valSplit ??
    (valData === undefined
      ? VALIDATION_SPLITS.find((name) => splits.includes(name) && name !== split)
      : undefined);
  const validated = options.validate && (valData !== undefined || valSplit !== undefined);
  const validation = validated ? await open(valData ?? path, valSplit, options.valImages) : null;
  return {
    train,
    preprocessing: resolved.said,
    validation:
      validation === null ? null : { ...validation, dataset: heldInMemory(validation.dataset) },
  };
}

async function dataPath(
  options: DataOptions,
  embedded: boolean,
  context: RunContext,
): Promise<string> {
  if (options.data !== undefined) return options.data;
  if (!embedded) {
    throw new UsageError({
      code: "cli/no-data",
      message: "Nothing is named to train on.",
      where: "--data",
      hint: "Name a folder, an archive or a data set's config with --data; docs/datasets.md lists what can be read.",
    });
  }
  const folder = resolve(join(options.out, "shapes"));
  if (!existsSync(join(folder, "dataset.json"))) {
    await writeShapeSet(folder, DRAWN, context.progress);
  }
  return folder;
}

function trainSplit(splits: readonly string[], path: string): string | undefined {
  if (splits.length === 0 || splits.includes("train"))
    return splits.length === 0 ? undefined : "train";
  throw new UsageError({
    code: "cli/no-split",
    message: `The data have the splits ${splits.join(", ")}, none of which is named 'train'.`,
    where: path,
    hint: "Name the one to train on with --split.",
  });
}

/** Height and width of the network's pictures; null where it doesn't fix them. */
function pictureSize({ graph }: Model, channelsLast: boolean): [number, number] | null {
  const pictures = graph.inputs.find(({ shape }) => shape?.length === 4);
  const [height, width] = pictures?.shape?.slice(channelsLast ? 1 : 2) ?? [];
  return typeof height === "number" && typeof width === "number" ? [height, width] : null;
}
