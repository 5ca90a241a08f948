import { existsSync, readdirSync, renameSync, rmdirSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { InputError, MdpError } from "./errors.ts";
import { checkWritable, makeFolder } from "./files.ts";
import { removeLeftovers, removeQuietly, temporaryIn } from "./temporary.ts";

/**
 * Refuses a folder that can't be made, or that holds something, before long work for it begins. Writes nothing.
 * @throws InputError `core/folder-not-empty`, `core/write-failed`
 */
export function checkNewFolder(path: string): void {
  if (!existsSync(path)) {
    checkWritable(resolve(path));
    return;
  }
  const holds = statSync(path).isDirectory() ? readdirSync(path).length : null;
  if (holds === 0) {
    checkWritable(join(path, "file"));
    return;
  }
  throw new InputError({
    code: "core/folder-not-empty",
    message:
      holds === null
        ? "A folder is to be written, and this is a file."
        : `The folder is there already and holds ${holds} ${holds === 1 ? "entry" : "entries"}.`,
    where: path,
    hint: "Name a new folder, or remove this one if nothing in it is needed.",
  });
}

/**
 * Writes a whole folder or nothing: under a temporary name beside it, then a rename.
 * @param fill writes the content into the folder that it is given.
 * @throws InputError `core/folder-not-empty`, `core/write-failed`, and whatever `fill` throws
 */
export async function writeFolderAtomic<Result>(
  path: string,
  fill: (folder: string) => Promise<Result>,
): Promise<Result> {
  checkNewFolder(path);
  const target = resolve(path);
  const temporary = temporaryIn(dirname(target));
  try {
    makeFolder(temporary);
    removeLeftovers(dirname(target));
    const result = await fill(temporary);
    // An empty folder is replaced by a rename on POSIX systems only.
    if (existsSync(target)) rmdirSync(target);
    renameSync(temporary, target);
    return result;
  } catch (cause) {
    removeQuietly(temporary);
    if (cause instanceof MdpError) throw cause;
    throw new InputError({
      code: "core/write-failed",
      message: `Can't write the folder: ${cause instanceof Error ? cause.message : String(cause)}.`,
      where: path,
      hint: "Nothing was left half written. Check the path, the permissions and the free space on the disk.",
      cause,
    });
  }
}
