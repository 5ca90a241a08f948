import { InputError } from "../../core/errors.ts";
import type { DataType, Tensor } from "../../graph/graph.ts";
import type { Project } from "../project/project-file.ts";
import type { Safetensors } from "../safetensors/read.ts";
import { widened } from "../safetensors/widen.ts";

type ProjectParameter = Project["parameters"][number];

/** A parameter of the module with its trained values, row-major in the module's shape. */
export interface TrainedParameter {
  readonly parameter: ProjectParameter;
  readonly tensor: Tensor;
  /** As float32, read when asked for. @throws InputError `pytorch/bad-weight` */
  readonly floats: () => Float32Array;
}

/** Counters of PyTorch's BatchNorm, which no network needs. */
const IGNORED = /(^|\.)num_batches_tracked$/;

/** Element types that a file may have for a type of the module: floats of other widths are converted. */
const ACCEPTED: Readonly<Record<ProjectParameter["type"], ReadonlySet<DataType>>> = {
  float32: new Set(["float32", "float64", "float16", "bfloat16"]),
  int64: new Set(["int64"]),
};

/**
 * Pairs trained weights with the parameters of the project's module, or names the first difference between them: another
 * network, a missing key, another shape or type, a key too many.
 * @throws InputError `pytorch/other-network`, `pytorch/missing-weight`, `pytorch/other-shape`, `pytorch/other-type`,
 *   `pytorch/extra-weight`
 */
export function matchWeights(
  project: Project,
  weights: Safetensors,
  where: string,
): readonly TrainedParameter[] {
  checkNetwork(project, weights, where);
  const trained = project.parameters.map((parameter) => match(parameter, weights, where));
  const known = new Set(project.parameters.map(({ key }) => key));
  const extra = [...weights.tensors.keys()].find((key) => !known.has(key) && !IGNORED.test(key));
  if (extra !== undefined) {
    throw refused("extra-weight", `'${extra}' is not a weight of this network`, where);
  }
  return trained;
}

function checkNetwork(project: Project, { metadata }: Safetensors, where: string): void {
  const made = metadata["network"];
  if (made === undefined || made === project.hashes.onnx) return;
  throw new InputError({
    code: "pytorch/other-network",
    message: `The weights were trained for another network (SHA-256 ${made.slice(0, 12)}) than this project's (${project.hashes.onnx.slice(0, 12)}).`,
    where,
    hint: "Name the project folder that they were trained in.",
  });
}

function match(
  parameter: ProjectParameter,
  { tensors }: Safetensors,
  where: string,
): TrainedParameter {
  const { key, shape } = parameter;
  const tensor = tensors.get(key);
  if (tensor === undefined) {
    const wrapped = tensors.has(`module.${key}`)
      ? " It holds keys that begin with 'module.': save the state_dict of the module inside DistributedDataParallel."
      : "";
    throw refused("missing-weight", `'${key}' is missing among ${tensors.size}`, where, wrapped);
  }
  if (String(tensor.shape) !== String(shape)) {
    const [found, wanted] = [tensor.shape, shape].map((extents) => `[${extents.join(", ")}]`);
    throw refused("other-shape", `'${key}' is ${found} and must be ${wanted}`, where);
  }
  if (!ACCEPTED[parameter.type].has(tensor.type)) {
    throw refused("other-type", `'${key}' is of ${tensor.type}, not ${parameter.type}`, where);
  }
  return { parameter, tensor, floats: () => finite(key, tensor, where) };
}

function finite(key: string, tensor: Tensor, where: string): Float32Array {
  const values = widened(tensor) ?? new Float32Array();
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad === -1) return values;
  throw new InputError({
    code: "pytorch/bad-weight",
    message: `The weight '${key}' holds ${values[bad]} at element ${bad}.`,
    where,
    hint: "The training diverged. Import an earlier checkpoint: best.safetensors instead of last.safetensors.",
  });
}

function refused(code: string, what: string, where: string, more = ""): InputError {
  return new InputError({
    code: `pytorch/${code}`,
    message: `The weights don't fit the project's network: ${what}.${more}`,
    where,
    hint: "They belong to another subnet or another network. Name the project folder that they were trained in.",
  });
}
