import { existsSync } from "node:fs";
import { join } from "node:path";
import { InputError } from "../../core/errors.ts";
import type { Graph } from "../../graph/graph.ts";
import { type Model, withGraph } from "../../onnx/model.ts";
import { modelHash, readModel } from "../../onnx/read.ts";
import { openModel } from "../../runtime/open-model.ts";
import { moduleTensor } from "../module/module-tensors.ts";
import { readCheck } from "../project/check-file.ts";
import {
  checkFileOf,
  PROJECT_FILES,
  type Project,
  readProject,
  TRAINED_FILES,
} from "../project/project-file.ts";
import { readSafetensors } from "../safetensors/read.ts";
import { type Checked, compareWithModule } from "./compare-check.ts";
import { fillGraph } from "./fill-graph.ts";
import { matchWeights, type TrainedParameter } from "./match-weights.ts";

export interface ImportOptions {
  /** File of trained weights; the project's own run unless given. */
  readonly weights?: string | undefined;
  /** Makes a check (input and the module's outputs) where the training has left none: its path, or null. */
  readonly makeCheck?: ((weights: string) => Promise<string | null>) | undefined;
}

/** A network with trained weights, not yet written. */
export interface ImportedWeights {
  readonly project: Project;
  readonly model: Model;
  readonly weights: string;
  /** What the training says of them: epoch, accuracy. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: number;
  /** Zeros of the project's sparse weights that are still there, of so many; null where it has none. */
  readonly zeros: { readonly kept: number; readonly of: number } | null;
  /** null: there was nothing to compare with. */
  readonly checked: Checked | null;
}

/**
 * Puts trained weights into the ONNX of an exported project and compares it with the module that was trained. BatchNorm stays
 * as the ONNX has it: kept ones are trained as BatchNorm, folded ones as a convolution with bias. Writes nothing.
 * @throws InputError `pytorch/bad-project`, `pytorch/no-weights`, `pytorch/changed-network`, `pytorch/stale-check`, as
 *   `readSafetensors`, `matchWeights` and `fillGraph`; VerificationError `pytorch/outputs-differ`
 */
export async function importWeights(
  folder: string,
  options: ImportOptions = {},
): Promise<ImportedWeights> {
  const project = readProject(folder);
  const onnx = join(folder, PROJECT_FILES.onnx);
  await checkUnchanged(onnx, project);
  const weights = options.weights ?? trainedFile(folder);
  const read = readSafetensors(weights);
  const trained = matchWeights(project, read, weights);
  const model = readModel(onnx);
  const filled = withGraph(model, fillGraph(model.graph, trained));
  const checked = await check(filled, weights, options);
  const { metadata } = read;
  const zeros = zerosKept(project, model.graph, trained);
  return { project, model: filled, weights, metadata, tensors: trained.length, zeros, checked };
}

/** Training keeps them, unless it is told otherwise or is another script. */
function zerosKept(
  { zeros = [] }: Project,
  graph: Graph,
  trained: readonly TrainedParameter[],
): ImportedWeights["zeros"] {
  if (zeros.length === 0) return null;
  const sparse = new Set(zeros.map(({ key }) => key));
  let [kept, of] = [0, 0];
  for (const { parameter, floats } of trained) {
    if (!sparse.has(parameter.key)) continue;
    const now = floats();
    moduleTensor(graph, parameter).values.forEach((before: number | bigint, at: number) => {
      if (Number(before) !== 0) return;
      of += 1;
      if (now[at] === 0) kept += 1;
    });
  }
  return { kept, of };
}

async function checkUnchanged(onnx: string, project: Project): Promise<void> {
  const found = await modelHash(onnx);
  if (found === project.hashes.onnx) return;
  throw new InputError({
    code: "pytorch/changed-network",
    message: `The project's network is not the one that was exported: SHA-256 ${found.slice(0, 12)}, and project.json says ${project.hashes.onnx.slice(0, 12)}.`,
    where: onnx,
    hint: "Copy the whole folder again, or export it again; the trained weights stay as they are.",
  });
}

function trainedFile(folder: string): string {
  const candidates = TRAINED_FILES.map((name) => join(folder, name));
  const found = candidates.find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new InputError({
    code: "pytorch/no-weights",
    message: `There are no trained weights: neither ${candidates.join(" nor ")}.`,
    where: folder,
    hint: "Train first (the project's README.md says how), or name the file with --weights.",
  });
}

async function check(
  model: Model,
  weights: string,
  options: ImportOptions,
): Promise<Checked | null> {
  const beside = checkFileOf(weights);
  const path = existsSync(beside) ? beside : ((await options.makeCheck?.(weights)) ?? null);
  if (path === null) return null;
  const expected = readCheck(path);
  await checkFresh(path, expected.weights, weights);
  const session = await openModel(model);
  try {
    return await compareWithModule(session, expected, path);
  } finally {
    await session.close();
  }
}

async function checkFresh(path: string, made: string | null, weights: string): Promise<void> {
  if (made === null || made === (await modelHash(weights))) return;
  throw new InputError({
    code: "pytorch/stale-check",
    message: "The outputs to compare with were made with other weights than these.",
    where: path,
    hint: "Copy both files of one run, or remove this one to import without the check.",
  });
}
