import { z } from "zod";
import { InputError } from "../core/errors.ts";
import { firstIssues } from "../core/schema.ts";
import { type DatasetConfig, imageFields } from "./config.ts";

const { size, resize, crop, letterbox, channels, scale, mean, std, range, layout } = imageFields;

/** How pictures become what a network was trained on. It belongs to the network, not to the data. */
export const PREPROCESSING = z.strictObject({
  ...{ size, resize, crop, letterbox, channels, scale, mean, std, range, layout },
});
export type Preprocessing = z.infer<typeof PREPROCESSING>;

/** The key that it has among the metadata properties of an ONNX file; its value is JSON. */
export const PREPROCESSING_KEY = "mdp.preprocessing";

/** Fields that are said together: whoever says one of them says all of them. */
const GROUPS = [
  ["scale", "mean", "std", "range"],
  ["size", "resize", "crop", "letterbox"],
  ["channels"],
  ["layout"],
] as const satisfies readonly (readonly (keyof Preprocessing)[])[];

/** Who says what the bytes of a picture become: a config that was named, the network's file, the data, or nobody. */
export const PREPROCESSING_SOURCES = ["given", "network", "data", "default"] as const;
export type PreprocessingSource = (typeof PREPROCESSING_SOURCES)[number];

/** Pre-processing that was put together from all who say something. */
export interface ResolvedPreprocessing {
  /** What is given to `openDataset`: it goes before what the data say. */
  readonly config: DatasetConfig;
  /** What somebody said, without defaults: what is stored with networks. */
  readonly said: Preprocessing;
  /** Who said what the bytes become. */
  readonly from: PreprocessingSource;
}

/**
 * Puts together who says how pictures are prepared. A config that was named goes first, then what the network's file
 * carries, then what the data say; per group of fields that are said together.
 * @param given the config that was named; {} where none was
 * @param carried what the network's file says; {} where it says nothing
 * @param own what the data say
 */
export function resolvePreprocessing(
  given: DatasetConfig,
  carried: Preprocessing,
  own: DatasetConfig,
): ResolvedPreprocessing {
  let config: DatasetConfig = given;
  let from: PreprocessingSource = "default";
  for (const group of GROUPS) {
    const source = says(given, group)
      ? "given"
      : says(carried, group)
        ? "network"
        : says(own, group)
          ? "data"
          : "default";
    // The whole group, so that no field of the data's is mixed into it.
    if (source === "network") {
      config = {
        ...config,
        ...Object.fromEntries(group.map((field) => [field, carried[field]])),
      };
    }
    if (group === GROUPS[0]) from = source;
  }
  return { config, said: preprocessingOf({ ...own, ...config }), from };
}

function says(config: DatasetConfig, group: readonly (keyof Preprocessing)[]): boolean {
  return group.some((field) => config[field] !== undefined);
}

/** The fields of a config that are pre-processing. */
export function preprocessingOf(config: DatasetConfig): Preprocessing {
  const fields = GROUPS.flat().flatMap((field) =>
    config[field] === undefined ? [] : [[field, config[field]] as const],
  );
  return Object.fromEntries(fields);
}

interface WithMetadata {
  readonly metadata: ReadonlyMap<string, string>;
}

/**
 * The pre-processing that a network's file carries; {} where it carries none.
 * @throws InputError `data/bad-preprocessing`
 */
export function carriedPreprocessing({ metadata }: WithMetadata, where: string): Preprocessing {
  const text = metadata.get(PREPROCESSING_KEY);
  if (text === undefined) return {};
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw badPreprocessing("It is not JSON.", where, cause);
  }
  const parsed = PREPROCESSING.safeParse(json);
  if (!parsed.success) throw badPreprocessing(firstIssues(parsed.error), where);
  return parsed.data;
}

/** The model with pre-processing among its metadata; as it is where nothing is known. */
export function withPreprocessing<M extends WithMetadata>(model: M, said: Preprocessing): M {
  if (Object.keys(said).length === 0) return model;
  const metadata = new Map(model.metadata).set(PREPROCESSING_KEY, JSON.stringify(said));
  return { ...model, metadata };
}

/**
 * Pre-processing in words.
 *
 * @example
 * preprocessingText({ mean: [0.5], std: [0.5] }) // "RGB, (byte / 255 - 0.5) / 0.5"
 */
export function preprocessingText(config: Preprocessing, isGray = false): string {
  const colours = config.channels ?? (isGray ? "gray" : "rgb");
  const parts = [
    colours === "gray" ? "gray" : colours.toUpperCase(),
    valuesText(config),
    ...(config.resize === undefined ? [] : [`shorter side ${config.resize}`]),
    ...(config.crop === undefined ? [] : [`crop ${extents(config.crop)}`]),
    ...(config.size === undefined ? [] : [extents(config.size)]),
    ...(config.letterbox === undefined ? [] : ["letterboxed"]),
    ...(config.layout === undefined ? [] : [config.layout.toUpperCase()]),
  ];
  return parts.join(", ");
}

function valuesText({ range, scale, mean, std }: Preprocessing): string {
  if (range !== undefined) return `bytes to ${range[0]}..${range[1]}`;
  const scaled = scaledText(scale);
  const centred = mean === undefined ? scaled : `(${scaled} - ${list(mean)})`;
  return std === undefined ? centred : `${centred} / ${list(std)}`;
}

function scaledText(scale = 1 / 255): string {
  if (Math.abs(scale * 255 - 1) < 1e-6) return "byte / 255";
  return scale === 1 ? "byte" : `byte * ${Number(scale.toPrecision(4))}`;
}

function list(values: readonly number[]): string {
  return values.length === 1 ? String(values[0]) : `[${values.join(" ")}]`;
}

function extents(side: number | readonly [number, number]): string {
  return typeof side === "number" ? `${side} x ${side}` : `${side[0]} x ${side[1]}`;
}

function badPreprocessing(message: string, where: string, cause?: unknown): InputError {
  return new InputError({
    code: "data/bad-preprocessing",
    message: `The file's metadata property '${PREPROCESSING_KEY}' is not pre-processing: ${message}`,
    where,
    hint: "It is the JSON of a data set's config, with pre-processing fields alone (docs/datasets.md). Export the network again.",
    cause,
  });
}
