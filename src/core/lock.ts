import {
  closeSync,
  linkSync,
  openSync,
  readFileSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { InputError } from "./errors.ts";
import { makeFolder, writeFailed } from "./files.ts";
import { isRunning, removeQuietly, temporaryIn } from "./temporary.ts";

/** What a lock file says of the process that holds it. */
interface Owner {
  readonly pid: number | null;
  readonly host: string | null;
  readonly seconds: number;
}

/**
 * Takes a lock file that one process at a time can hold; returns what gives it back. A lock whose process on this machine is gone is
 * taken over. On another machine nobody can tell, so that lock is respected.
 * @param what the process does, after "Another process is": `releasing to this file`
 * @throws InputError `core/locked` with the owner's process, machine and the age of the lock; `core/write-failed`
 */
export function takeLock(path: string, what: string): () => void {
  makeFolder(dirname(path));
  for (let tries = 0; tries < 3; tries += 1) {
    if (create(path)) return () => removeQuietly(path);
    const owner = ownerOf(path);
    if (owner === null) continue;
    if (mayRun(owner)) throw locked(path, what, owner);
    removeQuietly(path);
  }
  throw locked(path, what, ownerOf(path) ?? { pid: null, host: null, seconds: 0 });
}

/**
 * False where the file is there. The lock is written beside its place and linked there, so that it has its owner's name from the first
 * moment on: a process that is killed meanwhile leaves no lock that nobody can be asked about.
 */
function create(path: string): boolean {
  const own = temporaryIn(dirname(path));
  try {
    writeFileSync(own, JSON.stringify({ pid: process.pid, host: hostname() }), { flag: "wx" });
    linkSync(own, path);
    return true;
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : null;
    if (code === "EEXIST") return false;
    if (WITHOUT_LINKS.has(code)) return createInPlace(path);
    throw writeFailed(path, cause);
  } finally {
    removeQuietly(own);
  }
}

/** What file systems say that know no hard links. */
const WITHOUT_LINKS: ReadonlySet<unknown> = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"]);

/** As `create`, but for the moment between making and writing. */
function createInPlace(path: string): boolean {
  let made = false;
  try {
    const file = openSync(path, "wx");
    made = true;
    try {
      writeSync(file, JSON.stringify({ pid: process.pid, host: hostname() }));
    } finally {
      closeSync(file);
    }
    return true;
  } catch (cause) {
    if (!made && cause instanceof Error && "code" in cause && cause.code === "EEXIST") return false;
    if (made) removeQuietly(path);
    throw writeFailed(path, cause);
  }
}

/** Null where the lock is gone meanwhile. */
function ownerOf(path: string): Owner | null {
  try {
    const seconds = Math.max(0, (Date.now() - statSync(path).mtimeMs) / 1000);
    return { ...namedIn(readFileSync(path, "utf8")), seconds };
  } catch {
    return null;
  }
}

function namedIn(text: string): Pick<Owner, "pid" | "host"> {
  try {
    const named: unknown = JSON.parse(text);
    // Locks of earlier versions are a number alone.
    if (typeof named === "number") return { pid: named, host: hostname() };
    if (typeof named !== "object" || named === null) return { pid: null, host: null };
    return {
      pid: "pid" in named && Number.isInteger(named.pid) ? Number(named.pid) : null,
      host: "host" in named && typeof named.host === "string" ? named.host : null,
    };
  } catch {
    // It was left between its making and its writing.
    return { pid: null, host: null };
  }
}

/** How long a lock without a name may be one that is just being written. */
const WRITING_SECONDS = 10;

function mayRun({ pid, host, seconds }: Owner): boolean {
  if (pid === null || host === null) return seconds < WRITING_SECONDS;
  if (host !== hostname()) return true;
  // In a container every run may have the same number.
  if (pid === process.pid) return seconds < process.uptime();
  return isRunning(pid);
}

function locked(path: string, what: string, { pid, host, seconds }: Owner): InputError {
  const who = pid === null ? "" : ` (${pid} on ${host ?? "an unknown machine"})`;
  return new InputError({
    code: "core/locked",
    message: `Another process${who} is ${what}, since ${ageText(seconds)}.`,
    where: path,
    hint: "Wait until it is done, or name another place. If no such process runs, remove the lock.",
  });
}

function ageText(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}
