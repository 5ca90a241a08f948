import { execFile, spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { checkDocument } from "./documents.ts";

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
  return new Promise((resolve, reject) => {
    execFile(process.execPath, command, { cwd, maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
      try {
        checkDocument(stdout);
        resolve({ code, stdout, stderr });
      } catch (mismatch) {
        reject(mismatch);
      }
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
  const result = spawnSync(process.execPath, command, { encoding: "utf8" });
  checkDocument(result.stdout);
  return result;
}
