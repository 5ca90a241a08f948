import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { isAbsolute } from "node:path";
import { z } from "zod";

/** A Python on this machine, and what of PyTorch it has. */
export interface Python {
  readonly path: string;
  readonly version: string;
  /** Version of torch; null where it can't be imported. */
  readonly torch: string | null;
  /** Names of the CUDA devices that torch sees. */
  readonly cuda: readonly string[];
  /** Packages that exported projects use and that can't be imported: numpy, Pillow, torchvision. */
  readonly missing: readonly string[];
}

const PROBE = `
import json, platform
found = {"version": platform.python_version(), "torch": None, "cuda": [], "missing": []}
try:
    import torch
    found["torch"] = torch.__version__
    found["cuda"] = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
except Exception:
    pass
for name, package in (("numpy", "numpy"), ("PIL", "Pillow"), ("torchvision", "torchvision")):
    try:
        __import__(name)
    except Exception:
        found["missing"].append(package)
print(json.dumps(found))
`;
const FOUND = z.object({
  version: z.string(),
  torch: z.string().nullable(),
  cuda: z.array(z.string()),
  missing: z.array(z.string()),
});

/** Where Python is looked for: what the environment variable MDP_PYTHON names, and nothing else, if it is set. */
export function pythonCandidates(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): readonly string[] {
  const named = environment["MDP_PYTHON"];
  return named === undefined || named === "" ? ["/usr/bin/python3", "python3"] : [named];
}

/**
 * The first Python that has PyTorch; without one, the first that runs at all; null where none does. Only exported projects need
 * it: nothing else here depends on Python.
 */
export async function findPython(
  candidates: readonly string[] = pythonCandidates(),
): Promise<Python | null> {
  let first: Python | null = null;
  for (const path of candidates) {
    if (isAbsolute(path) && !existsSync(path)) continue;
    const found = await probe(path);
    if (found?.torch != null) return found;
    first ??= found;
  }
  return first;
}

async function probe(path: string): Promise<Python | null> {
  const { code, stdout } = await runPython(path, ["-c", PROBE]);
  if (code !== 0) return null;
  try {
    return { path, ...FOUND.parse(JSON.parse(stdout.trim().split("\n").at(-1) ?? "")) };
  } catch {
    return null;
  }
}

export interface PythonRun {
  /** Exit code; -1 where the program could not be started or was ended. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs Python to its end. Nothing is thrown: see the exit code. */
export function runPython(
  path: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly timeoutSeconds?: number } = {},
): Promise<PythonRun> {
  const { cwd, timeoutSeconds = 600 } = options;
  const settings = {
    ...(cwd === undefined ? {} : { cwd }),
    timeout: 1000 * timeoutSeconds,
    maxBuffer: 2 ** 26,
    // No __pycache__ beside the files that are run.
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1" },
  };
  return new Promise((resolve) => {
    execFile(path, [...args], settings, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
      resolve({ code, stdout, stderr });
    });
  });
}
