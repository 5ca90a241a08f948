import { main } from "../../src/cli/parse.ts";
import { unguardInputs } from "../../src/core/guarded-files.ts";

/** What a command said, and its exit code. */
export interface RunHere {
  readonly code: unknown;
  readonly text: string;
}

/** Runs the command line in this process, with what it prints caught; the exit code of the process is left as it was. */
export async function runHere(args: readonly string[]): Promise<RunHere> {
  const { write: out } = process.stdout;
  const { write: err } = process.stderr;
  const code = process.exitCode;
  let text = "";
  const caught = (chunk: string | Uint8Array): boolean => {
    text += String(chunk);
    return true;
  };
  process.stdout.write = caught;
  process.stderr.write = caught;
  process.exitCode = 0;
  try {
    await main(args);
    return { code: process.exitCode, text };
  } finally {
    process.stdout.write = out;
    process.stderr.write = err;
    process.exitCode = code;
    process.stdout.removeAllListeners("error");
    unguardInputs();
  }
}
