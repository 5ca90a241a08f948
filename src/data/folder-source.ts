import { readdir, readFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { InputError } from "../core/errors.ts";
import { isImageName, type Source, type SourceImage } from "./source.ts";

/** Images in a folder and the folders below it, in the order of their paths. */
export async function folderSource(folder: string): Promise<Source> {
  const { names, folders } = await listed(folder);
  return {
    count: names.length,
    emptyFolders: folders,
    name: (index) => names[index] ?? String(index),
    labels: null,
    read: (indices) => readFiles(folder, names, indices),
  };
}

/** Paths of images, and of folders without any below them. */
async function listed(
  folder: string,
): Promise<{ readonly names: readonly string[]; readonly folders: readonly string[] }> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const pathOf = ({ parentPath, name }: (typeof entries)[number]): string =>
    relative(folder, join(parentPath, name)).split(sep).join("/");
  const names = entries
    .filter((entry) => entry.isFile() || entry.isSymbolicLink())
    .map(pathOf)
    .filter(isImageName)
    .sort();
  const filled = new Set<string>();
  for (const name of names) {
    for (let at = name.lastIndexOf("/"); at > 0; at = name.lastIndexOf("/", at - 1)) {
      filled.add(name.slice(0, at));
    }
  }
  const folders = entries.filter((entry) => entry.isDirectory()).map(pathOf);
  return { names, folders: folders.filter((path) => !filled.has(path)).sort() };
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
