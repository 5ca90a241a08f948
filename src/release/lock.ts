import { closeSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { InputError } from "../core/errors.ts";
import { makeFolder, writeFailed } from "../core/files.ts";
import { isRunning, removeQuietly } from "../core/temporary.ts";
import { archiveOf } from "./ledger.ts";

/**
 * Does something while nobody else releases to the same file. A lock whose process is gone is taken over.
 * @throws InputError `release/locked`, `core/write-failed`
 */
export async function whileLocked<Result>(
  live: string,
  act: () => Promise<Result> | Result,
): Promise<Result> {
  makeFolder(archiveOf(live));
  const path = join(archiveOf(live), "lock");
  take(path);
  try {
    return await act();
  } finally {
    rmSync(path, { force: true });
  }
}

function take(path: string): void {
  for (let tries = 0; tries < 3; tries += 1) {
    try {
      const file = openSync(path, "wx");
      try {
        writeSync(file, String(process.pid));
      } finally {
        closeSync(file);
      }
      return;
    } catch (error) {
      if (!isThere(error)) {
        removeQuietly(path);
        throw writeFailed(path, error);
      }
      const owner = ownerOf(path);
      if (owner === null || isRunning(owner)) throw locked(path, owner);
      rmSync(path, { force: true });
    }
  }
  throw locked(path, null);
}

const isThere = (error: unknown): boolean =>
  error instanceof Error && "code" in error && error.code === "EEXIST";

function ownerOf(path: string): number | null {
  try {
    const text = readFileSync(path, "utf8");
    // A lock without a number was left between its making and its writing.
    return text === "" ? 0 : Number(text);
  } catch {
    return null;
  }
}

function locked(path: string, owner: number | null): InputError {
  return new InputError({
    code: "release/locked",
    message: `Another process${owner === null || owner === 0 ? "" : ` (${owner})`} is releasing to this file.`,
    where: path,
    hint: "Wait until it is done and call again. If no such process runs, remove the lock.",
  });
}
