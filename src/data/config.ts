import { dirname, resolve } from "node:path";
import { z } from "zod";
import { InputError } from "../core/errors.ts";
import { readJson } from "../core/files.ts";

const pair = z.tuple([z.int().positive(), z.int().positive()]);
const perChannel = z.array(z.number()).min(1);

/** How pictures are found and prepared; the same in both versions of the config. */
export const imageFields = {
  format: z.enum(["folder", "tar", "cifar", "idx", "records"]).optional(),
  /** Shape of one image in a file of `records`. */
  record: z
    .strictObject({
      channels: z.int().positive(),
      height: z.int().positive(),
      width: z.int().positive(),
    })
    .optional(),
  /** Where labels come from: the folder's name, the number in the file's name, or a table with columns `file,label`. */
  labels: z
    .union([z.literal("folder"), z.literal("number"), z.strictObject({ csv: z.string() })])
    .optional(),
  /** Height and width that the network wants; the image is stretched to it after `resize` and `crop`. */
  size: z.union([z.int().positive(), pair]).optional(),
  /** Length of the shorter side after a first resize that keeps the proportions, in pixels. */
  resize: z.int().positive().optional(),
  /** Central square (or height and width) cut out after the first resize, in pixels. */
  crop: z.union([z.int().positive(), pair]).optional(),
  /** Instead of stretching to `size`: the image keeps its proportions, and the rest is filled with bytes of this value. */
  letterbox: z
    .strictObject({
      value: z.int().min(0).max(255).optional(),
      align: z.enum(["centre", "top-left"]).optional(),
    })
    .optional(),
  /** `rgb` unless said otherwise; `gray` makes one channel. */
  channels: z.enum(["rgb", "bgr", "gray"]).optional(),
  /** Values are (byte * scale - mean) / std, per channel in the order of `channels`; scale is 1/255 unless given. */
  scale: z.number().positive().optional(),
  mean: perChannel.optional(),
  std: z.array(z.number().positive()).min(1).optional(),
  /** A shorthand for scale, mean and std: bytes 0 to 255 go linearly to this range. */
  range: z.tuple([z.number(), z.number()]).optional(),
  layout: z.enum(["nchw", "nhwc"]).optional(),
} as const;

export const DATASET_CONFIG = z.strictObject({
  schema: z.literal("mdp-dataset/1").optional(),
  /** The data: a folder, tar, or file; relative to the config's own folder. Optional: `--data` names it too. */
  path: z.string().optional(),
  /** Files or folders per split, relative to `path`. */
  splits: z.record(z.string(), z.string()).optional(),
  /** Names of the classes, in the order of the labels. Without it folders count in the order of their names. */
  classes: z.array(z.string().min(1)).min(1).optional(),
  /** Added to every label: 1 for a network whose class 0 is the background. */
  classOffset: z.int().optional(),
  ...imageFields,
});

/** How a data set is read and prepared for a network; shared by scoring, evaluation and fine-tuning. */
export type DatasetConfig = z.infer<typeof DATASET_CONFIG>;

/**
 * A config from parsed JSON.
 * @param where the file it came from, for messages.
 * @throws InputError `data/bad-config`
 */
export function parseDatasetConfig(json: unknown, where: string): DatasetConfig {
  const parsed = DATASET_CONFIG.safeParse(json);
  if (!parsed.success) {
    const issues = parsed.error.issues.map((issue) =>
      issue.path.length === 0 ? issue.message : `'${issue.path.join(".")}': ${issue.message}`,
    );
    throw badConfig(`The data set's config is not valid: ${issues.join("; ")}.`, where);
  }
  const config = parsed.data;
  if (config.range !== undefined && (config.scale ?? config.mean ?? config.std) !== undefined) {
    throw badConfig("'range' is given together with 'scale', 'mean' or 'std'.", where);
  }
  if (config.range !== undefined && config.range[0] >= config.range[1]) {
    throw badConfig(`'range' is empty: ${config.range[0]} to ${config.range[1]}.`, where);
  }
  if (config.format === "records" && config.record === undefined) {
    throw badConfig("Format 'records' needs 'record': channels, height and width.", where);
  }
  for (const key of ["mean", "std"] as const) {
    const count = config[key]?.length ?? 1;
    if (count !== 1 && count !== channelCount(config)) {
      throw badConfig(`'${key}' has ${count} numbers for ${channelCount(config)} channels.`, where);
    }
  }
  return config;
}

/**
 * A config file; the paths in it are made absolute, from the folder that holds it.
 * @throws InputError `data/bad-config`, `core/read-failed`, `core/not-json`
 */
export function readDatasetConfig(path: string): DatasetConfig {
  const json = readJson(path);
  if (
    typeof json === "object" &&
    json !== null &&
    "schema" in json &&
    json.schema === "mdp-dataset/2"
  ) {
    throw badConfig("It is of version 2, which names all of the data.", path);
  }
  const config = parseDatasetConfig(json, path);
  const base = dirname(resolve(path));
  return {
    ...config,
    ...(config.path === undefined ? {} : { path: resolve(base, config.path) }),
    ...(typeof config.labels === "object"
      ? { labels: { csv: resolve(base, config.labels.csv) } }
      : {}),
  };
}

/** Number of channels that the network is fed. */
export function channelCount(config: DatasetConfig): number {
  if (config.record !== undefined) return config.record.channels;
  return config.channels === "gray" || (config.channels === undefined && config.format === "idx")
    ? 1
    : 3;
}

function badConfig(message: string, where: string): InputError {
  return new InputError({
    code: "data/bad-config",
    message,
    where,
    hint: "docs/datasets.md lists the fields; docs/examples/ holds configs to start from.",
  });
}
