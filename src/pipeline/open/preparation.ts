import { type DatasetConfig, readDatasetConfig } from "../../data/config.ts";
import { type Dataset, openDataset } from "../../data/dataset.ts";
import { peekAt } from "../../data/peek.ts";
import {
  type Preprocessing,
  type ResolvedPreprocessing,
  resolvePreprocessing,
} from "../../data/preprocessing.ts";
import { noteOnce, type RunContext } from "../run-context.ts";

/** The network that pictures are prepared for. */
export interface PreparedFor {
  /** Pre-processing that its file carries. */
  readonly carried: Preprocessing;
  /** Height and width of its pictures; null where it doesn't fix them. */
  readonly sizeOf: (layout: DatasetConfig["layout"]) => readonly [number, number] | null;
}

export interface PreparationOptions {
  readonly data?: string | undefined;
  readonly dataConfig?: string | undefined;
}

/**
 * How the pictures of some data are prepared for a network: as `--data-config`, the network's file or the data say, in this
 * order; brought to the size that the network asks for unless one of them says how.
 * @throws InputError `data/bad-config`, `core/read-failed`, `core/not-json`
 */
export function preparation(
  { data, dataConfig }: PreparationOptions,
  { carried, sizeOf }: PreparedFor,
): ResolvedPreprocessing {
  const given = dataConfig === undefined ? {} : readDatasetConfig(dataConfig);
  const own = data === undefined ? {} : peekAt(data).config;
  const resolved = resolvePreprocessing(given, carried, own);
  const { config } = resolved;
  const all = { ...own, ...config };
  const sized = all.size !== undefined || all.crop !== undefined;
  const size = sized ? null : sizeOf(all.layout);
  return size === null ? resolved : { ...resolved, config: { ...config, size: [...size] } };
}

/** The line that stands wherever pictures are prepared in a way that nobody chose. */
export const DEFAULT_PREPROCESSING =
  "WARNING: nobody says how the pictures are prepared, so bytes become byte / 255. Where the network was trained on other values, " +
  "every figure is wrong. Give --data-config FILE (docs/datasets.md); networks that are written then carry it.";

/** Opens pictures as a preparation says, and warns where it is a default. */
export async function openPrepared(
  data: string | undefined,
  { config, from }: ResolvedPreprocessing,
  options: { readonly split?: string | undefined; readonly unlabelled?: boolean | undefined },
  context: RunContext,
): Promise<Dataset> {
  const dataset = await openDataset(data, { config, ...options });
  if (from === "default" && dataset.pictures !== null) noteOnce(context, DEFAULT_PREPROCESSING);
  return dataset;
}
