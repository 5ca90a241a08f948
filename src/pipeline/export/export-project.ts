import { readFileSync } from "node:fs";
import { join } from "node:path";
import { InputError, VerificationError } from "../../core/errors.ts";
import { packageRoot, readFileBytes, readJson } from "../../core/files.ts";
import { type DatasetConfig, parseDatasetConfig } from "../../data/config.ts";
import {
  carriedPreprocessing,
  preprocessingOf,
  withPreprocessing,
} from "../../data/preprocessing.ts";
import type { Graph } from "../../graph/graph.ts";
import {
  type ProjectTeacher,
  type WrittenProject,
  writeProject,
} from "../../pytorch/project/write-project.ts";
import { findPython, type Python, runPython } from "../../pytorch/python.ts";
import { structureHash } from "../../structure/structure-json.ts";
import type { Subnet } from "../../subnet/subnet.ts";
import { type OpenNetwork, openNetwork } from "../open/network.ts";
import type { RunContext } from "../run-context.ts";

export interface ExportProjectRequest {
  readonly out: string;
  readonly subnet: Subnet;
  /** Path of the subnet's file; undefined: the whole network. */
  readonly subnetFile: string | undefined;
  readonly cut: Graph;
  readonly dataConfig: string | undefined;
  /** ONNX file of the network to learn from; the one that is exported without it. */
  readonly teacher?: string | undefined;
  readonly seed: number;
}

/** How the modules were compared with their ONNX files. */
export interface ModuleCheck {
  readonly python: string;
  readonly torch: string;
  readonly limit: number;
  /** Largest relative difference of the outputs; null where it is not a number. */
  readonly differences: Readonly<Record<string, number | null>>;
}

export interface ExportedProject extends WrittenProject {
  /** null: there is no Python with PyTorch here. */
  readonly check: ModuleCheck | null;
}

/**
 * Writes the PyTorch project of a subnet. Where a Python with PyTorch is found, the modules are run before the folder gets its
 * name.
 * @throws VerificationError `pytorch/modules-differ`; InputError `pytorch/teacher-differs`, and as `openNetwork` and `writeProject`
 */
export async function exportProject(
  open: OpenNetwork,
  request: ExportProjectRequest,
  context: RunContext,
): Promise<ExportedProject> {
  const { subnet, cut, seed, subnetFile, out } = request;
  const data = preparation(request.dataConfig, open);
  const teacher =
    request.teacher === undefined ? undefined : await openTeacher(request.teacher, open);
  const python = await findPython();
  const source = {
    name: open.name,
    version: packageVersion(),
    model: data === null ? open.model : withPreprocessing(open.model, preprocessingOf(data)),
    modelHash: open.hash,
    structure: open.structure,
    subnet,
    cut,
    teacher,
    subnetFile: subnetFile === undefined ? null : readFileBytes(subnetFile),
    data,
    seed,
  };
  let check: ModuleCheck | null = null;
  const written = await writeProject(out, source, async (folder) => {
    if (python === null || python.torch === null) return;
    const reason = unmet(python);
    if (reason !== null) {
      context.progress.note(`The modules were not run: ${reason}. Run check.py in the project.`);
      return;
    }
    context.progress.step("running the modules", 0, 1);
    check = await runModules(folder, python, python.torch);
    context.progress.step("running the modules", 1, 1);
  });
  return { ...written, check };
}

/** Student and teacher are compared value by value, so that both have the same structure; weights may differ. */
async function openTeacher(path: string, open: OpenNetwork): Promise<ProjectTeacher> {
  const { name, model, hash, structure } = await openNetwork(path, { bind: open.structure.bind });
  if (structureHash(structure) === structureHash(open.structure)) return { name, model, hash };
  throw new InputError({
    code: "pytorch/teacher-differs",
    message: `'${path}' has another structure than '${open.path}': its layers or widths differ.`,
    where: "--teacher",
    hint: "Name the dense network that the sparse one was made from. For a network that was cut, export the original with --subnet: it is the teacher then.",
  });
}

/** How images are prepared: as a config says, the network's file, or nobody (null). */
function preparation(path: string | undefined, open: OpenNetwork): DatasetConfig | null {
  const carried = carriedPreprocessing(open.model, open.path);
  if (path !== undefined) return { ...carried, ...parseDatasetConfig(readJson(path), path) };
  if (Object.keys(carried).length > 0) return carried;
  if (!open.embedded) return null;
  const own = join(packageRoot(), "src", "data", "default", "dataset.json");
  return parseDatasetConfig(readJson(own), own);
}

function packageVersion(): string {
  const text = readFileSync(join(packageRoot(), "package.json"), "utf8");
  // The package's own file.
  return (JSON.parse(text) as { version: string }).version;
}

/** Why this Python can't run the modules, which is no fault of theirs; null where it can. */
function unmet({ path, missing, torch }: Python): string | null {
  if (missing.includes("numpy")) return `${path} has PyTorch but no numpy`;
  const [major = 0, minor = 0] = (torch ?? "").split(".").map((part) => Number.parseInt(part, 10));
  return major < 1 || (major === 1 && minor < 13)
    ? `PyTorch ${torch} of ${path} is older than 1.13`
    : null;
}

async function runModules(folder: string, python: Python, torch: string): Promise<ModuleCheck> {
  const { code, stdout, stderr } = await runPython(python.path, ["check.py", "--json"], {
    cwd: folder,
  });
  const differ = (message: string): VerificationError =>
    new VerificationError({
      code: "pytorch/modules-differ",
      message,
      where: `${python.path}, PyTorch ${torch}`,
      hint: "Nothing was written. Please report the network.",
    });
  if (code !== 0 && stdout.trim() === "") {
    const last = stderr.trim().split("\n").slice(-3).join(" ");
    throw differ(`The PyTorch modules don't run: ${last || `exit code ${code}`}`);
  }
  // Printed by the file that was just written.
  const result = JSON.parse(stdout) as Pick<ModuleCheck, "limit" | "differences">;
  if (code === 0) return { python: python.path, torch, ...result };
  const found = Object.entries(result.differences)
    .map(([name, difference]) => `${name}.py by ${difference?.toExponential(1) ?? "infinity"}`)
    .join(", ");
  throw differ(
    `The PyTorch modules differ from their ONNX files: ${found} of the largest output (at most ${result.limit} is allowed).`,
  );
}
