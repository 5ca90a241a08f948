import { join } from "node:path";
import { InputError } from "../../core/errors.ts";
import { sha256, writeFileAtomic, writeJson } from "../../core/files.ts";
import { writeFolderAtomic } from "../../core/folders.ts";
import type { DatasetConfig } from "../../data/config.ts";
import { constantOf } from "../../graph/constants.ts";
import type { Graph, Tensor } from "../../graph/graph.ts";
import { bytesPerElement, elementCount } from "../../graph/tensor.ts";
import { type Model, withGraph } from "../../onnx/model.ts";
import { modelHash } from "../../onnx/read.ts";
import { writeModel } from "../../onnx/write.ts";
import { openModel } from "../../runtime/open-model.ts";
import type { Structure } from "../../structure/structure.ts";
import type { Subnet } from "../../subnet/subnet.ts";
import { moduleTensor } from "../module/module-tensors.ts";
import type { ModuleOptions, PyTorchModule } from "../module/module-text.ts";
import { className } from "../module/python-text.ts";
import { writeModule } from "../module/write-module.ts";
import { writeSafetensors } from "../safetensors/write.ts";
import { makeCheck, writeCheck } from "./check-file.ts";
import { keptChannels } from "./features.ts";
import {
  checkFileOf,
  PROJECT_FILES,
  PROJECT_SCHEMA,
  type Project,
  projectText,
  WEIGHTS_SCHEMA,
} from "./project-file.ts";
import { readmeText, requirementsText } from "./readme.ts";
import { scoredLayers } from "./scored-layers.ts";
import { sparseParameters } from "./sparse-parameters.ts";
import { templateFiles } from "./template.ts";

/** What a project is made of. */
export interface ProjectSource {
  readonly name: string;
  /** Version of this program, for provenance. */
  readonly version: string;
  /** The network that the subnet was solved for: the teacher, unless another is named. */
  readonly model: Model;
  /** SHA-256 of its file. */
  readonly modelHash: string;
  readonly structure: Structure;
  readonly subnet: Subnet;
  /** The smaller network, proven: the student. */
  readonly cut: Graph;
  /** A network of the same structure with other weights to learn from, as a sparse network does from the dense one. */
  readonly teacher?: ProjectTeacher | undefined;
  /** The subnet's file as it is; null where the whole network is trained. */
  readonly subnetFile: Uint8Array | null;
  /** How images are prepared; null where nobody said. */
  readonly data: DatasetConfig | null;
  readonly seed: number;
}

/** A teacher with a file of its own. */
export interface ProjectTeacher {
  readonly name: string;
  readonly model: Model;
  /** SHA-256 of its file. */
  readonly hash: string;
}

export interface WrittenProject {
  readonly project: Project;
  readonly student: PyTorchModule;
  readonly teacher: PyTorchModule;
}

/**
 * Writes a PyTorch project, the whole folder or nothing: student and teacher as modules with their weights, the smaller ONNX,
 * the training script.
 * @param check is called with the folder before it gets its name; what it throws leaves nothing behind.
 * @throws InputError `core/folder-not-empty`, `core/write-failed`, `pytorch/unsupported-type`, and as `writeModule`
 */
export async function writeProject(
  folder: string,
  source: ProjectSource,
  check: (folder: string, written: WrittenProject) => Promise<void> = async () => {},
): Promise<WrittenProject> {
  return writeFolderAtomic(folder, async (temporary) => {
    const written = await fill(temporary, source);
    await check(temporary, written);
    return written;
  });
}

async function fill(folder: string, source: ProjectSource): Promise<WrittenProject> {
  const { model, cut, structure, subnetFile } = source;
  const at = (name: string): string => join(folder, name);
  const student = writeModule(cut, described(source, "student"));
  const taughtBy = source.teacher ?? {
    ...{ name: source.name, model: withGraph(model, structure.graph), hash: source.modelHash },
  };
  const teacher = writeModule(taughtBy.model.graph, described(source, "teacher"));
  checkTypes(taughtBy.model.graph, teacher, taughtBy.name);
  writeModel(withGraph(model, cut), at(PROJECT_FILES.onnx));
  const onnx = await modelHash(at(PROJECT_FILES.onnx));
  const weights = await writeNetwork(at(PROJECT_FILES.weights), {
    model: withGraph(model, cut),
    module: student,
    identity: onnx,
    seed: source.seed,
  });
  const teacherWeights = await writeNetwork(at(PROJECT_FILES.teacherWeights), {
    model: taughtBy.model,
    module: teacher,
    identity: taughtBy.hash,
    seed: source.seed,
  });
  const project = projectOf(source, student, {
    source: source.modelHash,
    subnet: subnetFile === null ? null : sha256(subnetFile),
    onnx,
    weights,
    teacher: teacherWeights,
  });
  writeFileAtomic(at(PROJECT_FILES.student), student.source);
  writeFileAtomic(at(PROJECT_FILES.teacher), teacher.source);
  if (subnetFile !== null) writeFileAtomic(at(PROJECT_FILES.subnet), subnetFile);
  writeFileAtomic(at(PROJECT_FILES.project), projectText(project));
  writeJson(at(PROJECT_FILES.scored), scoredLayers(cut, student));
  for (const { name, bytes } of templateFiles()) writeFileAtomic(at(name), bytes);
  writeFileAtomic(
    at(PROJECT_FILES.readme),
    readmeText(project, { student, teacher }, source.teacher?.name),
  );
  writeFileAtomic(at(PROJECT_FILES.requirements), requirementsText());
  return { project, student, teacher };
}

function described(source: ProjectSource, role: "student" | "teacher"): ModuleOptions {
  const { version, subnetFile } = source;
  const { name } = role === "teacher" ? (source.teacher ?? source) : source;
  const what = role === "student" && subnetFile !== null ? ", at the widths of its subnet" : "";
  return {
    className: className(name),
    heading: [`${name}${what}, written by mdp ${version} from ONNX.`],
  };
}

/** Modules are of float32: training changes the weights by less than a float16 can hold. */
function checkTypes(graph: Graph, module: PyTorchModule, where: string): void {
  for (const { initializer, type } of module.parameters) {
    const found = constantOf(graph, initializer)?.type ?? type;
    if (type === "int64" || found === "float32" || found === "float64") continue;
    throw new InputError({
      code: "pytorch/unsupported-type",
      message: `The weight '${initializer}' is of ${found}; a project is trained in float32.`,
      where,
      hint: "Export the network from its float32 weights.",
    });
  }
}

/** The module's tensors by key, made one at a time when they are written. */
function stateDict(graph: Graph, module: PyTorchModule): ReadonlyMap<string, Tensor> {
  return new Map(
    module.parameters.map((parameter): [string, Tensor] => {
      const { key, type, shape } = parameter;
      const bytes = (): Uint8Array => {
        const { values } = moduleTensor(graph, parameter);
        return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
      };
      const byteLength = bytesPerElement(type) * elementCount(shape);
      return [key, { type, shape, byteLength, bytes }];
    }),
  );
}

interface NetworkFiles {
  readonly model: Model;
  readonly module: PyTorchModule;
  /** SHA-256 of the ONNX file that the weights belong to. */
  readonly identity: string;
  readonly seed: number;
}

/**
 * Weights, and beside them what the ONNX gives for a random input, so that the module can be compared wherever it is trained.
 * @returns SHA-256 of the weights.
 */
async function writeNetwork(path: string, network: NetworkFiles): Promise<string> {
  const { model, module, identity, seed } = network;
  const metadata = { schema: WEIGHTS_SCHEMA, network: identity };
  writeSafetensors(path, stateDict(model.graph, module), metadata);
  const weights = await modelHash(path);
  const session = await openModel(model);
  try {
    writeCheck(checkFileOf(path), await makeCheck(session, weights, seed));
  } finally {
    await session.close();
  }
  return weights;
}

function projectOf(
  source: ProjectSource,
  student: PyTorchModule,
  hashes: Project["hashes"],
): Project {
  const { structure, subnet, cut } = source;
  const { inputs, outputs } = structure.graph;
  const zeros = sparseParameters(cut, student.parameters);
  const valueAs = (name: string): Project["input"] => {
    const shape = structure.shapes.of(name);
    return { name, shape: shape === null ? null : [null, ...shape.slice(1)] };
  };
  const input = valueAs(inputs[0]?.name ?? "");
  const output = valueAs(outputs[0]?.name ?? "");
  const classes = output.shape?.length === 2 ? (output.shape[1] ?? null) : null;
  const classifies =
    inputs.length === 1 &&
    outputs.length === 1 &&
    input.shape?.length === 4 &&
    classes !== null &&
    classes > 1;
  return {
    schema: PROJECT_SCHEMA,
    name: source.name,
    mdp: source.version,
    task: classifies ? "classification" : "other",
    loss: classifies ? "cross-entropy" : null,
    input,
    output,
    ...(classifies
      ? {}
      : {
          inputs: inputs.map(({ name }) => valueAs(name)),
          outputs: outputs.map(({ name }) => valueAs(name)),
        }),
    classes: classifies ? classes : null,
    data: preparation(source.data),
    hashes,
    parameters: student.parameters.map(({ shape, ...rest }) => {
      return { ...rest, shape: [...shape] };
    }),
    ...(zeros.length === 0 ? {} : { zeros: [...zeros] }),
    features: student.features.map((name, index) => ({
      name,
      kept: keptChannels(structure, subnet, student.featureValues[index] ?? ""),
    })),
  };
}

/** The config without the data's place, which is another one where the training runs. */
function preparation(data: DatasetConfig | null): Project["data"] {
  if (data === null) return null;
  const { path: _, schema: __, ...fields } = data;
  return fields;
}
