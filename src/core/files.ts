import { createHash } from "node:crypto";
import {
  accessSync,
  appendFileSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { InputError, InternalError, MdpError } from "./errors.ts";
import { refuseGuarded } from "./guarded-files.ts";
import { removeLeftovers, removeQuietly, temporaryIn } from "./temporary.ts";

/** SHA-256 of the bytes, as hexadecimal. */
export function sha256(data: Uint8Array | string): string {
  return createHash("sha256").update(data).digest("hex");
}

/** Writes the whole file or nothing: to a temporary name beside it, then a rename. */
export function writeFileAtomic(path: string, data: Uint8Array | string): void {
  writeChunksAtomic(path, [typeof data === "string" ? new TextEncoder().encode(data) : data]);
}

/**
 * As `writeFileAtomic`, for data that should not be held in memory at once.
 * @throws InputError `core/write-failed`; UsageError `core/overwrites-input`
 */
export function writeChunksAtomic(path: string, chunks: Iterable<Uint8Array>): void {
  refuseGuarded(path);
  const temporary = temporaryIn(dirname(path));
  try {
    makeFolder(dirname(path));
    removeLeftovers(dirname(path));
    const file = openSync(temporary, "wx");
    try {
      for (const chunk of chunks) {
        for (let done = 0; done < chunk.byteLength; ) {
          done += writeSync(file, chunk, done, chunk.byteLength - done);
        }
      }
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (cause) {
    removeQuietly(temporary);
    throw cause instanceof MdpError ? cause : writeFailed(path, cause);
  }
}

/**
 * Does what writes to a file in another way than whole, such as adding a line.
 * @throws InputError `core/write-failed`
 */
export function whileWriting<Result>(path: string, write: () => Result): Result {
  try {
    return write();
  } catch (cause) {
    throw cause instanceof MdpError ? cause : writeFailed(path, cause);
  }
}

/**
 * Adds a line to a file, which is made where it isn't there.
 * @throws InputError `core/write-failed`
 */
export function appendLine(path: string, line: string): void {
  whileWriting(path, () => appendFileSync(path, `${line}\n`));
}

/**
 * A new folder for what lives as long as one run, among the system's temporary files. Whoever makes it removes it.
 * @throws InputError `core/write-failed`
 */
export function makeScratchFolder(prefix: string): string {
  return whileWriting(tmpdir(), () => mkdtempSync(join(tmpdir(), prefix)));
}

/**
 * Refuses a path that can't be written to, before long work for it begins. Writes nothing.
 * @throws InputError `core/write-failed`; UsageError `core/overwrites-input`
 */
export function checkWritable(path: string): void {
  refuseGuarded(path);
  try {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
      throw new Error("It is a folder");
    }
    let folder = dirname(resolve(path));
    while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
    if (!statSync(folder).isDirectory()) throw new Error(`'${folder}' is no folder`);
    accessSync(folder, constants.W_OK);
  } catch (cause) {
    throw writeFailed(path, cause);
  }
}

/**
 * Makes a folder and those around it, unless they are there. One after the other: in file systems that refuse new folders,
 * Node's recursive mkdirSync never ends.
 * @throws InputError `core/write-failed`
 */
export function makeFolder(path: string): void {
  if (existsSync(path)) return;
  const parent = dirname(path);
  if (parent !== path) makeFolder(parent);
  try {
    mkdirSync(path);
  } catch (error) {
    // Another process may have made it meanwhile.
    if (!existsSync(path)) throw writeFailed(path, error);
  }
}

/** Why a file can't be written: code `core/write-failed`. */
export function writeFailed(path: string, cause: unknown): InputError {
  return new InputError({
    code: "core/write-failed",
    message: `Can't write the file: ${cause instanceof Error ? cause.message : String(cause)}.`,
    where: path,
    hint: "Nothing was left half written. Check the path, the folder's permissions and the free space on the disk.",
    cause,
  });
}

/** Why a file can't be read: code `core/read-failed`. */
export function readFailed(path: string, cause: unknown): InputError {
  return new InputError({
    code: "core/read-failed",
    message: `Can't read the file: ${cause instanceof Error ? cause.message : String(cause)}.`,
    where: path,
    hint: "Check the path.",
    cause,
  });
}

/**
 * Bytes of a file.
 * @throws InputError `core/read-failed`
 */
export function readFileBytes(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw readFailed(path, cause);
  }
}

/**
 * A JSON file, as `unknown`: the caller's parse function decides what it is.
 * @throws InputError `core/read-failed`, `core/not-json`
 */
export function readJson(path: string): unknown {
  return parseJson(new TextDecoder().decode(readFileBytes(path)), path);
}

/**
 * JSON that was read from the named file.
 * @throws InputError `core/not-json`
 */
export function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new InputError({
      code: "core/not-json",
      message: `The file is not JSON: ${cause instanceof Error ? cause.message : String(cause)}.`,
      where: path,
      hint: "Check that the path names the file you meant and that it was written completely.",
      cause,
    });
  }
}

/** JSON with a final newline, written whole or not at all. Keys keep the order they were built in. */
export function writeJson(path: string, value: unknown): void {
  writeFileAtomic(path, `${JSON.stringify(value, null, 1)}\n`);
}

/** The folder that holds package.json, latency-tables and the embedded default network. */
export function packageRoot(): string {
  return folderAbove("package.json");
}

/**
 * The nearest folder above this code that holds a file, which the package surely has: sources lie elsewhere than what is built of
 * them, and a bundler chooses the file that a function is in.
 * @param file path relative to the folder
 */
export function folderAbove(file: string): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, file))) {
    if (folder === dirname(folder)) {
      throw new InternalError({
        code: "core/package-incomplete",
        message: `No folder above the code of mdp holds ${file}.`,
        where: fileURLToPath(import.meta.url),
        hint: "Install the package again.",
      });
    }
    folder = dirname(folder);
  }
  return folder;
}
