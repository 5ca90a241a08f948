import { execFile, spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const root = join(fileURLToPath(import.meta.url), "../../..");

/** Runs the command line from its sources in a process of its own, in the given folder. */
export function mdp(args: readonly string[], cwd: string): Promise<CliResult> {
  const loader = import.meta.resolve("tsx");
  const command = ["--import", loader, join(root, "src/cli/main.ts"), ...args];
  return new Promise((resolve) => {
    execFile(process.execPath, command, { cwd, maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
      resolve({ code, stdout, stderr });
    });
  });
}

/** As `mdp`, waiting for its end, in the folder of this process. */
export function mdpSync(...args: readonly string[]): {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
} {
  const command = ["--import", import.meta.resolve("tsx"), join(root, "src/cli/main.ts"), ...args];
  return spawnSync(process.execPath, command, { encoding: "utf8" });
}
