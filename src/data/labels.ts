import { parse } from "csv-parse/sync";
import { InputError } from "../core/errors.ts";
import { readFileBytes } from "../core/files.ts";
import type { DatasetConfig } from "./config.ts";
import type { Source } from "./source.ts";

/** Label of every image, as the network counts classes, and the classes' names where there are any. */
export interface Labels {
  readonly ofImage: Int32Array;
  readonly classes: readonly string[] | null;
}

/**
 * Labels of all images of a source, by the config's rule. Without a rule: the data's own, or the folders where images lie in
 * folders, or the numbers where all names begin with digits.
 * @param path of the data, for messages.
 * @param optional images may have no labels: then all are -1. With `ignored` nothing is asked for them.
 * @throws InputError `data/bad-label`, `data/no-labels`
 */
export function labelsOf(
  source: Source,
  config: DatasetConfig,
  path: string,
  optional: boolean | "ignored" = false,
): Labels {
  if (optional === "ignored") return noLabels(source);
  const found = optional
    ? foundOrNone(source, config, path)
    : countedFromZero(source, config, path);
  if (found === null) return noLabels(source);
  const offset = config.classOffset ?? 0;
  const limit = found.classes?.length ?? Number.POSITIVE_INFINITY;
  const wrong = found.ofImage.findIndex((label) => label < 0 || label >= limit);
  if (wrong >= 0) {
    throw badLabel(
      `Label ${found.ofImage[wrong]} of '${source.name(wrong)}' is not among the ${limit} classes.`,
      path,
    );
  }
  return { ofImage: found.ofImage.map((label) => label + offset), classes: found.classes };
}

function noLabels({ count }: Source): Labels {
  return { ofImage: new Int32Array(count).fill(-1), classes: null };
}

function foundOrNone(source: Source, config: DatasetConfig, path: string): Labels | null {
  try {
    return countedFromZero(source, config, path);
  } catch (error) {
    if (error instanceof InputError && error.code === "data/no-labels") return null;
    throw error;
  }
}

function countedFromZero(source: Source, config: DatasetConfig, path: string): Labels {
  if (source.labels !== null) return { ofImage: source.labels, classes: config.classes ?? null };
  const names = Array.from({ length: source.count }, (_, index) => source.name(index));
  const rule = config.labels ?? guessRule(names, path);
  if (rule === "folder") {
    if (config.classes === undefined) refuseEmptyClass(names, source.emptyFolders ?? [], path);
    return byFolder(names, config, path);
  }
  if (rule === "number") {
    const numbers = names.map((name) => leadingNumber(name) ?? missingNumber(name, path));
    return { ofImage: Int32Array.from(numbers), classes: config.classes ?? null };
  }
  return byTable(names, rule.csv, config, path);
}

function guessRule(names: readonly string[], path: string): "folder" | "number" {
  const folders = new Set(names.map(folderOf));
  if (folders.size > 1 || (folders.size === 1 && !folders.has(null))) {
    const [only] = folders;
    // One folder around everything is how archives are packed, not a class.
    const numbered = names.every((name) => leadingNumber(name) !== null);
    if (folders.size > 1 || !numbered) return only === null && numbered ? "number" : "folder";
  }
  if (names.every((name) => leadingNumber(name) !== null)) return "number";
  throw new InputError({
    code: "data/no-labels",
    message:
      "The images have no labels: they lie in no class folders and their names don't begin with numbers.",
    where: path,
    hint: 'Put them into a folder per class, or give "labels": {"csv": "labels.csv"} in the config.',
  });
}

function byFolder(names: readonly string[], config: DatasetConfig, path: string): Labels {
  const folders = names.map((name) => {
    const folder = folderOf(name);
    if (folder !== null) return folder;
    throw badLabel(`Image '${name}' lies in no class folder.`, path);
  });
  return named(names, folders, config, path);
}

/** A class folder without images would shift the numbers of all classes behind it. */
function refuseEmptyClass(
  names: readonly string[],
  emptyFolders: readonly string[],
  path: string,
): void {
  const parentOf = (folder: string): string => folder.slice(0, folder.lastIndexOf("/") + 1);
  const parents = new Set(names.map((name) => parentOf(parentOf(name).slice(0, -1))));
  const isHidden = (folder: string): boolean => folder.slice(parentOf(folder).length)[0] === ".";
  const empty = emptyFolders.find((folder) => parents.has(parentOf(folder)) && !isHidden(folder));
  if (empty === undefined) return;
  throw badLabel(
    `The folder '${empty}' lies among the class folders and holds no image, so that classes can't be counted.`,
    path,
  );
}

function named(
  images: readonly string[],
  labels: readonly string[],
  config: DatasetConfig,
  path: string,
): Labels {
  const classes = config.classes ?? [...new Set(labels)].sort();
  const index = new Map(classes.map((name, at) => [name, at]));
  const ofImage = labels.map((label, at) => {
    const found = index.get(label);
    if (found !== undefined) return found;
    throw badLabel(`Class '${label}' of '${images[at]}' is not among the config's classes.`, path);
  });
  return { ofImage: Int32Array.from(ofImage), classes };
}

function byTable(
  names: readonly string[],
  csv: string,
  config: DatasetConfig,
  path: string,
): Labels {
  const table = readTable(csv);
  const labels = names.map((name) => {
    const label = table.get(name) ?? table.get(name.slice(name.lastIndexOf("/") + 1));
    if (label !== undefined) return label;
    throw badLabel(`Image '${name}' is not in '${csv}'.`, path);
  });
  if (labels.every((label) => /^\d+$/.test(label))) {
    return { ofImage: Int32Array.from(labels, Number), classes: config.classes ?? null };
  }
  return named(names, labels, config, path);
}

/** File names and labels of a table: columns `file` and `label`, or the first two where there is no such header. */
function readTable(csv: string): Map<string, string> {
  let rows: string[][];
  try {
    rows = parse(new TextDecoder().decode(readFileBytes(csv)), {
      bom: true,
      skip_empty_lines: true,
      trim: true,
    });
  } catch (cause) {
    if (cause instanceof InputError) throw cause;
    throw badLabel(`It is no CSV: ${cause instanceof Error ? cause.message : String(cause)}.`, csv);
  }
  const header = rows[0]?.map((cell) => cell.toLowerCase()) ?? [];
  const hasHeader = header.includes("file") && header.includes("label");
  const file = hasHeader ? header.indexOf("file") : 0;
  const label = hasHeader ? header.indexOf("label") : 1;
  return new Map(
    rows.slice(hasHeader ? 1 : 0).map((row) => [row[file] ?? "", row[label] ?? ""] as const),
  );
}

function folderOf(name: string): string | null {
  return name.split("/").at(-2) ?? null;
}

function leadingNumber(name: string): number | null {
  const digits = /^\d+/.exec(name.slice(name.lastIndexOf("/") + 1));
  return digits === null ? null : Number(digits[0]);
}

function missingNumber(name: string, path: string): never {
  throw badLabel(`The name of '${name}' doesn't begin with a number.`, path);
}

function badLabel(message: string, where: string): InputError {
  return new InputError({
    code: "data/bad-label",
    message,
    where,
    hint: "Check 'labels', 'classes' and 'classOffset' in the data set's config.",
  });
}
