import { createHash, randomUUID } from "node:crypto";
import { readdirSync, rmSync, statSync } from "node:fs";
import { hostname } from "node:os";
import { basename, join, resolve } from "node:path";

/** What one process leaves unfinished carries its host and its number: `.HOST-PID-UUID.tmp`. */
const NAME = /^\.([0-9a-f]{8})-(\d+)-[0-9a-f-]{36}\.tmp$/;
const HOST = createHash("sha256").update(hostname()).digest("hex").slice(0, 8);
/** Whatever is left is older than this, whoever left it: 24 hours. */
const OLD_MS = 24 * 60 * 60 * 1000;

/** Folders that this process has looked through. */
const tidied = new Set<string>();

/** A name for what is being written, beside where it will lie. */
export function temporaryIn(folder: string): string {
  return join(folder, `.${HOST}-${process.pid}-${randomUUID()}.tmp`);
}

/**
 * Removes what runs that were killed left unfinished in this folder, once per process and folder. What a running process
 * writes stays: one of this host by its number, one of another host for a day.
 */
export function removeLeftovers(folder: string): void {
  const key = resolve(folder);
  if (tidied.has(key)) return;
  tidied.add(key);
  for (const name of namesIn(key)) {
    const [, host, pid] = NAME.exec(name) ?? [];
    const path = join(key, basename(name));
    if (host === undefined || !isLeft(path, host, Number(pid))) continue;
    removeQuietly(path);
  }
}

/** Removes a file or folder, and says nothing where it can't be. */
export function removeQuietly(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // It was never there, or the disk fails: what matters is why it could not be written.
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function isLeft(path: string, host: string, pid: number): boolean {
  let modified: number;
  try {
    modified = statSync(path).mtimeMs;
  } catch {
    return false;
  }
  const now = Date.now();
  if (now - modified > OLD_MS) return true;
  if (host !== HOST) return false;
  // In a container every run may have the same number.
  if (pid === process.pid) return modified < now - 1000 * process.uptime();
  return !isRunning(pid);
}

/** Whether there is a process of this number on this machine. */
export function isRunning(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** Lets the next write look through its folder again. */
export function forgetTidied(): void {
  tidied.clear();
}
