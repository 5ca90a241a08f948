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

/** The command line as test/helpers/build-cli.ts compiles it before the tests: a process starts six times faster so. */
export const program = join(root, ".built/src/cli/main.js");

/** Runs the command line in a process of its own, in the given folder. */
export function mdp(args: readonly string[], cwd: string): Promise<CliResult> {
  const command = [program, ...args];
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
  const result = spawnSync(process.execPath, [program, ...args], { encoding: "utf8" });
  checkDocument(result.stdout);
  return result;
}
