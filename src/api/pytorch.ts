/// <reference types="node" preserve="true" />
/** Networks as PyTorch projects, and back. Part of the library below its front door: names may change in a minor version. */
export {
  type ImportedWeights,
  type ImportOptions,
  importWeights,
} from "../pytorch/import/import-weights.ts";
export { moduleTensors } from "../pytorch/module/module-tensors.ts";
export type {
  ModuleOptions,
  ModuleParameter,
  ModuleTensor,
  PyTorchModule,
} from "../pytorch/module/module-text.ts";
export { writeModule as writePyTorchModule } from "../pytorch/module/write-module.ts";
export { type Project, readProject } from "../pytorch/project/project-file.ts";
export { type ProjectSource, writeProject } from "../pytorch/project/write-project.ts";
export { readSafetensors, type Safetensors } from "../pytorch/safetensors/read.ts";
export { writeSafetensors } from "../pytorch/safetensors/write.ts";
