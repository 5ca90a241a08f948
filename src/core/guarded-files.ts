import { statSync } from "node:fs";
import { UsageError } from "./errors.ts";

/**
 * The files that a run reads and must not write over, by device and inode, so that links to them are known too. One set per
 * process: whoever writes asks here, whatever command, option or part of the library it is.
 */
const guarded = new Map<string, string>();

/** Guards the files that are there under these paths; folders and what isn't there are passed over. */
export function guardInputs(paths: Iterable<string>): void {
  for (const path of paths) {
    const key = identityOf(path);
    if (key !== null) guarded.set(key, path);
  }
}

/** Guards what belongs to a guarded file (the weights beside a model) as well; nothing where the file itself is not guarded. */
export function guardAlong(path: string, parts: Iterable<string>): void {
  if (guarded.size > 0 && guarded.has(identityOf(path) ?? "")) guardInputs(parts);
}

/** Forgets all guarded files. */
export function unguardInputs(): void {
  guarded.clear();
}

/**
 * Refuses to write where a guarded file lies.
 * @throws UsageError `core/overwrites-input`
 */
export function refuseGuarded(path: string): void {
  const input = guarded.size === 0 ? undefined : guarded.get(identityOf(path) ?? "");
  if (input === undefined) return;
  throw new UsageError({
    code: "core/overwrites-input",
    message:
      input === path
        ? "This file is read by the same command, and would be written over."
        : `This is the same file as '${input}', which the command reads, and it would be written over.`,
    where: path,
    hint: "Choose another name, or give --force to replace what was read.",
  });
}

/** Whether two paths lead to one file, links included. */
export function isSameFile(one: string, other: string): boolean {
  const identity = identityOf(one);
  return identity !== null && identity === identityOf(other);
}

function identityOf(path: string): string | null {
  // Node reports a path that can't be looked at by an error, whatever throwIfNoEntry says.
  try {
    const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
    return stat?.isFile() === true ? `${stat.dev}:${stat.ino}` : null;
  } catch {
    return null;
  }
}
