import { join, resolve } from "node:path";
import { InputError } from "../../core/errors.ts";
import { findPython, runPython } from "../python.ts";

/**
 * Runs the project's network.py with the weights, on the input of its export.
 * @param scratch folder to write into.
 * @returns the file with input and outputs.
 * @throws InputError `pytorch/no-python`, `pytorch/module-failed`
 */
export async function makeModuleCheck(
  project: string,
  weights: string,
  scratch: string,
): Promise<string> {
  const python = await findPython();
  if (python === null || python.torch === null) {
    throw new InputError({
      code: "pytorch/no-python",
      message:
        python === null
          ? "There is no Python here to run the module with."
          : `${python.path} (Python ${python.version}) has no PyTorch to run the module with.`,
      where: "--run-module",
      hint: "Name a Python that has PyTorch in the environment variable MDP_PYTHON, or leave --run-module out.",
    });
  }
  const path = join(scratch, "module.check.safetensors");
  const command = ["check.py", "--weights", resolve(weights), "--write", path];
  const { code, stderr } = await runPython(python.path, command, { cwd: resolve(project) });
  if (code === 0) return path;
  const last = stderr.trim().split("\n").slice(-3).join(" ");
  throw new InputError({
    code: "pytorch/module-failed",
    message: `The project's module could not be run: ${last || `exit code ${code}`}`,
    where: project,
    hint: "Run check.py in the project to see more, or leave --run-module out.",
  });
}
