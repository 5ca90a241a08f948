import { readdir, readFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { InputError } from "../core/errors.ts";
import { isImageName, type Source, type SourceImage } from "./source.ts";

/** Images in a folder and the folders below it, in the order of their paths. */
export async function folderSource(folder: string): Promise<Source> {
  const names = await imageNames(folder);
  return {
    count: names.length,
    name: (index) => names[index] ?? String(index),
    labels: null,
    read: (indices) => readFiles(folder, names, indices),
  };
}

async function imageNames(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() || entry.isSymbolicLink())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .filter(isImageName)
    .sort();
}

async function* readFiles(
  folder: string,
  names: readonly string[],
  indices: readonly number[],
): AsyncGenerator<SourceImage> {
  for (const index of indices) {
    const path = join(folder, names[index] ?? "");
    try {
      yield { image: { kind: "encoded", bytes: await readFile(path) }, index };
    } catch (cause) {
      throw new InputError({
        code: "data/broken-image",
        message: `Can't read the image: ${cause instanceof Error ? cause.message : String(cause)}.`,
        where: path,
        hint: "Repair or remove the file.",
        cause,
      });
    }
  }
}
