import { dirname, resolve } from "node:path";
import { z } from "zod";
import { InputError } from "../core/errors.ts";
import { firstIssues } from "../core/schema.ts";
import { imageFields } from "./config.ts";

const dtype = z.enum([
  ...(["float32", "float64", "float16", "uint8", "int8", "uint16", "int16"] as const),
  ...(["uint32", "int32", "uint64", "int64", "bool"] as const),
]);
const shape = z.array(z.int().positive());

/** Pictures: as in mdp-dataset/1, and optionally only those that a column of a table names, in the order of its rows. */
const images = z.strictObject({
  from: z.literal("images"),
  path: z.string(),
  ...imageFields,
  list: z.strictObject({ table: z.string(), column: z.string() }).optional(),
});

/** Numbers: NumPy's .npy, or plain ones with their type and the shape of one sample. */
const array = z.strictObject({
  from: z.literal("array"),
  path: z.string(),
  dtype: dtype.optional(),
  shape: shape.optional(),
  /** Of one sample, where the network wants its numbers arranged differently than the file has them. */
  reshape: shape.optional(),
});

/** Columns of a CSV or of JSON lines: numbers (several columns behind each other), or texts. */
const table = z.strictObject({
  from: z.literal("table"),
  path: z.string(),
  columns: z.array(z.string()).min(1),
  dtype: z.union([dtype, z.literal("string")]).optional(),
  shape: shape.optional(),
  /** Rows of different lengths are filled up to a length. Longer ones are errors. */
  pad: z.strictObject({ length: z.int().positive(), value: z.number() }).optional(),
});

const input = z.discriminatedUnion("from", [images, array, table]);

const mayLack = { unpaired: z.enum(["error", "skip"]).optional() };
const target = z.discriminatedUnion("from", [
  /** Class labels of the pictures, by the rules of mdp-dataset/1. */
  z.strictObject({
    from: z.literal("labels"),
    labels: imageFields.labels,
  }),
  /** A class, several classes, or numbers per row. */
  z.strictObject({
    from: z.literal("table"),
    path: z.string(),
    columns: z.array(z.string()).min(1),
    as: z.enum(["class", "classes", "values"]),
    output: z.string().optional(),
    shape: shape.optional(),
  }),
  /** A picture per sample whose pixels say the class. */
  z.strictObject({
    from: z.literal("masks"),
    path: z.string(),
    /** Class by value of a pixel; values are classes where left out. */
    values: z.record(z.string(), z.int().nonnegative()).optional(),
    /** Colour of every class, [red, green, blue]. */
    colours: z.array(z.tuple([z.int(), z.int(), z.int()])).optional(),
    /** Values of pixels that count for nothing; 255 unless given. */
    ignore: z.array(z.int().nonnegative()).optional(),
    ...mayLack,
  }),
  z.strictObject({
    from: z.literal("boxes"),
    path: z.string(),
    format: z.enum(["yolo", "coco", "voc"]),
    /** For YOLO: what a picture without a file means. */
    unpaired: z.enum(["error", "skip", "empty"]).optional(),
  }),
  z.strictObject({ ...images.shape, output: z.string().optional(), ...mayLack }),
  z.strictObject({
    ...array.shape,
    /** Whole numbers are classes, one per sample, and -1 where a sample has none; values of `output` where left out. */
    as: z.enum(["values", "class"]).optional(),
    output: z.string().optional(),
  }),
  /** The input itself: an autoencoder. */
  z.strictObject({
    from: z.literal("input"),
    input: z.string().optional(),
    output: z.string().optional(),
  }),
]);

const head = z.strictObject({
  target,
  /** Names of this head's classes. */
  classes: z.array(z.string().min(1)).min(1).optional(),
  /** Of its loss beside the others'; 1 unless given. */
  weight: z.number().positive().optional(),
});

export const SAMPLES_CONFIG = z.strictObject({
  schema: z.literal("mdp-dataset/2"),
  /** Folder that all paths are relative to; itself relative to the config's folder, which it is where left out. */
  path: z.string().optional(),
  /** What stands for {split} in the paths, by the name of the split. */
  splits: z.record(z.string(), z.string()).optional(),
  /** Sources by the name of the network's input; "" for the only one. */
  inputs: z
    .record(z.string(), input)
    .refine((all) => Object.keys(all).length > 0, "at least one input"),
  target: target.optional(),
  /** In place of `target`: a target for each of several outputs, by the output's name. */
  heads: z
    .record(z.string(), head)
    .refine((all) => Object.keys(all).length > 0, "at least one head")
    .optional(),
  /** The task, where inputs and outputs don't tell. */
  task: z.string().optional(),
  classes: z.array(z.string().min(1)).min(1).optional(),
  classOffset: z.int().optional(),
});

export type SamplesConfig = z.infer<typeof SAMPLES_CONFIG>;
export type InputSpec = z.infer<typeof input>;
export type ImagesSpec = z.infer<typeof images>;
export type ArraySpec = z.infer<typeof array>;
export type TableSpec = z.infer<typeof table>;
export type TargetSpec = z.infer<typeof target>;
export type SpecOf<From extends TargetSpec["from"]> = Extract<TargetSpec, { from: From }>;

/** Whether parsed JSON is a config of version 2. */
export function isSamplesConfig(json: unknown): boolean {
  return (
    typeof json === "object" && json !== null && "schema" in json && json.schema === "mdp-dataset/2"
  );
}

/**
 * A config of version 2 with absolute paths for one split.
 * @param file that holds it
 * @throws InputError `data/bad-config`, `data/not-found` for an unknown split
 */
export function readSamplesConfig(
  json: unknown,
  file: string,
  split: string | undefined,
): SamplesConfig {
  const parsed = SAMPLES_CONFIG.safeParse(json);
  if (!parsed.success) throw badSamples(firstIssues(parsed.error), file);
  const config = parsed.data;
  if (config.target !== undefined && config.heads !== undefined) {
    throw badSamples("'target' and 'heads' are given, and one of them is possible.", file);
  }
  const base = resolve(dirname(resolve(file)), config.path ?? ".");
  const part = partOf(config, split, file);
  const place = (path: string): string => resolve(base, path.replaceAll("{split}", part));
  const placed = <Spec extends InputSpec | TargetSpec>(spec: Spec): Spec => {
    const own = "path" in spec ? { ...spec, path: place(spec.path) } : spec;
    if ("list" in own && own.list !== undefined) {
      return { ...own, list: { ...own.list, table: place(own.list.table) } };
    }
    if ("labels" in own && typeof own.labels === "object") {
      return { ...own, labels: { csv: place(own.labels.csv) } };
    }
    return own;
  };
  return {
    ...config,
    inputs: Object.fromEntries(
      Object.entries(config.inputs).map(([name, spec]) => [name, placed(spec)]),
    ),
    ...(config.target === undefined ? {} : { target: placed(config.target) }),
    ...(config.heads === undefined
      ? {}
      : {
          heads: Object.fromEntries(
            Object.entries(config.heads).map(([output, each]) => [
              output,
              { ...each, target: placed(each.target) },
            ]),
          ),
        }),
  };
}

function partOf({ splits }: SamplesConfig, split: string | undefined, file: string): string {
  if (splits === undefined && split === undefined) return "";
  const known = Object.keys(splits ?? {});
  const name = split ?? (known.includes("test") ? "test" : (known[0] ?? ""));
  const part = splits?.[name];
  if (part !== undefined) return part;
  throw new InputError({
    code: "data/not-found",
    message: `There is no split '${name}'; ${known.length === 0 ? "the data has no splits" : `there are ${known.join(", ")}`}.`,
    where: file,
    hint: "Splits are named by 'splits' in the data set's config.",
  });
}

export function badSamples(message: string, where: string): InputError {
  return new InputError({
    code: "data/bad-config",
    message: `The data set's config is not valid: ${message}`,
    where,
    hint: "docs/datasets.md lists the fields of mdp-dataset/2; docs/examples/ holds configs to start from.",
  });
}
