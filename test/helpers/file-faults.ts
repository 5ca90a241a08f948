import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { sep } from "node:path";

/** `once`: the n-th write fails, and what comes after it works. `from`: everything fails from then on, as where a run is killed. */
export type FaultKind = "once" | "from";

type Call = (...args: unknown[]) => unknown;

/** Calls that write, and whether their first argument is an open file. */
const WRITES = [
  "mkdirSync",
  "mkdtempSync",
  "renameSync",
  "appendFileSync",
  "writeFileSync",
  "copyFileSync",
  "truncateSync",
] as const;
const ON_FILES = ["writeSync", "fsyncSync", "ftruncateSync"] as const;
const REMOVES = ["rmSync", "unlinkSync", "rmdirSync"] as const;

export interface Faulty<Result> {
  /** Writes that were asked for. */
  readonly writes: number;
  readonly result: Result;
}

/**
 * Does something while the file system fails at the n-th call that writes below a folder (or to temporary files of mdp), counted
 * from 1; at none with 0. ENOSPC and EIO take turns. Only this thread's calls, and only Node's synchronous ones, which are
 * all that src/ uses.
 */
export async function withFault<Result>(
  folder: string,
  at: number,
  kind: FaultKind,
  act: () => Promise<Result>,
): Promise<Faulty<Result>> {
  const calls = fs as unknown as Record<string, Call>;
  const before = new Map<string, Call>();
  let writes = 0;
  const isOurs = (path: unknown): boolean =>
    typeof path === "string" &&
    (path.startsWith(folder + sep) || path === folder || path.startsWith(`${tmpdir()}${sep}mdp-`));
  const files = new Set<unknown>();
  const fail = (call: string): void => {
    writes += 1;
    const isNow = at > 0 && (kind === "once" ? writes === at : writes >= at);
    if (!isNow) return;
    const code = at % 2 === 0 ? "ENOSPC" : "EIO";
    throw Object.assign(new Error(`${code}: made to fail, ${call}`), { code });
  };
  const patch = (name: string, around: (original: Call) => Call): void => {
    const original = calls[name];
    if (original === undefined) return;
    before.set(name, original);
    calls[name] = around(original);
  };
  for (const name of WRITES) {
    patch(name, (original) => (...args) => {
      if (isOurs(args[0])) fail(name);
      return original(...args);
    });
  }
  for (const name of ON_FILES) {
    patch(name, (original) => (...args) => {
      if (files.has(args[0])) fail(name);
      return original(...args);
    });
  }
  for (const name of REMOVES) {
    patch(name, (original) => (...args) => {
      if (kind === "from" && at > 0 && writes >= at && isOurs(args[0]))
        throw new Error("EIO: the run is dead");
      return original(...args);
    });
  }
  patch("openSync", (original) => (...args) => {
    const isWriting = isOurs(args[0]) && typeof args[1] === "string" && args[1] !== "r";
    if (isWriting) fail("openSync");
    const file = original(...args);
    if (isWriting) files.add(file);
    return file;
  });
  patch("closeSync", (original) => (...args) => {
    files.delete(args[0]);
    return original(...args);
  });
  syncBuiltinESMExports();
  try {
    return { result: await act(), writes };
  } finally {
    for (const [name, original] of before) calls[name] = original;
    syncBuiltinESMExports();
  }
}
