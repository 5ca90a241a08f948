import { join } from "node:path";
import { z } from "zod";
import { InputError } from "../../core/errors.ts";
import { readJson } from "../../core/files.ts";
import { firstIssues } from "../../core/schema.ts";

/** Files of a project that this side writes and reads. The training script's own come from the template. */
export const PROJECT_FILES = {
  project: "project.json",
  scored: "scored.json",
  student: "network.py",
  teacher: "teacher.py",
  weights: "weights.safetensors",
  teacherWeights: "teacher.safetensors",
  onnx: "network.onnx",
  subnet: "subnet.json",
  readme: "README.md",
  requirements: "requirements.txt",
} as const;

/** Where a run of the training script puts its weights, in the order in which they are looked for. */
export const TRAINED_FILES = [
  join("run", "best.safetensors"),
  join("run", "last.safetensors"),
] as const;

/** The file with an input and the module's outputs for it that belongs to a file of weights. */
export function checkFileOf(weights: string): string {
  return weights.replace(/(\.safetensors)?$/, ".check.safetensors");
}

export const PROJECT_SCHEMA = "mdp-pytorch/1";
export const WEIGHTS_SCHEMA = "mdp-weights/1";
export const CHECK_SCHEMA = "mdp-check/1";

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const extent = z.int().nonnegative();
const value = z.object({ name: z.string(), shape: z.array(extent.nullable()).nullable() });

export const PROJECT = z.object({
  schema: z.literal(PROJECT_SCHEMA),
  name: z.string(),
  /** Version that wrote it. */
  mdp: z.string(),
  /** `other` where the network isn't one image in, one row of class scores out: train_samples.py trains it then. */
  task: z.enum(["classification", "other"]),
  loss: z.literal("cross-entropy").nullable(),
  input: value,
  output: value,
  /** All of them, in the network's order; absent in classifiers. */
  inputs: z.array(value).exactOptional(),
  outputs: z.array(value).exactOptional(),
  classes: z.int().positive().nullable(),
  /** How images are prepared: the fields of `mdp-dataset/1` without the data's place. */
  data: z.record(z.string(), z.unknown()).nullable(),
  /** SHA-256. `onnx` is the identity of the student: trained weights name it. */
  hashes: z.object({
    source: hash,
    subnet: hash.nullable(),
    onnx: hash,
    weights: hash,
    teacher: hash,
  }),
  /** Of network.py, in the order of its state_dict. */
  parameters: z.array(
    z.object({
      key: z.string(),
      initializer: z.string(),
      type: z.enum(["float32", "int64"]),
      shape: z.array(extent),
      change: z.enum(["none", "transpose"]),
      buffer: z.boolean(),
    }),
  ),
  /** Parameters with zeros that are to stay, and how many; absent where there are none. */
  zeros: z.array(z.object({ key: z.string(), zeros: z.int().positive() })).exactOptional(),
  /** FEATURES of network.py, and which of the teacher's channels each has; null: all of them, or unknown. */
  features: z.array(z.object({ name: z.string(), kept: z.array(extent).nullable() })),
});

/** The content of `project.json`. */
export type Project = z.infer<typeof PROJECT>;

/** The file's text: as other JSON here, but lists of numbers on one line, as there are many short ones. */
export function projectText(project: Project): string {
  const spread = JSON.stringify(project, null, 1);
  // Names are matched, too, and left as they are: they may look like lists.
  const listed = spread.replaceAll(/"(?:[^"\\]|\\.)*"|\[[\s\d,.null+e-]*\]/g, (part) =>
    part.startsWith('"') ? part : part.replaceAll(/\s+/g, "").replaceAll(",", ", "),
  );
  return `${listed}\n`;
}

/**
 * Reads `project.json` of an exported project.
 * @throws InputError `pytorch/bad-project`, `core/read-failed`, `core/not-json`
 */
export function readProject(folder: string): Project {
  const path = join(folder, PROJECT_FILES.project);
  const parsed = PROJECT.safeParse(readJson(path));
  if (parsed.success) return parsed.data;
  throw new InputError({
    code: "pytorch/bad-project",
    message: `This is no project that mdp exported: ${firstIssues(parsed.error)}`,
    where: path,
    hint: "Write one with `mdp export --to pytorch`.",
  });
}
