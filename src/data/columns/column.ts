import { InputError } from "../../core/errors.ts";
import type { Feed } from "../../runtime/session.ts";

/** One input of every sample. */
export interface Column {
  readonly count: number;
  /** Names of the samples, by which columns are joined; null: they are joined row by row. */
  readonly names: readonly string[] | null;
  /** File or folder, for messages. */
  readonly path: string;
  /** Values of the named samples; the first axis counts them. */
  readonly read: (indices: readonly number[]) => Promise<Feed>;
}

type Joined = Pick<Column, "count" | "names" | "path">;

/** A file's name without its folder and ending: what belongs together is called the same. */
export function stemOf(name: string): string {
  const base = name.slice(name.lastIndexOf("/") + 1);
  const dot = base.lastIndexOf(".");
  return dot > 0 ? base.slice(0, dot) : base;
}

/**
 * For every sample of the first column its index in another one: by name where both have names, else row by row. -1 where it has none.
 * @throws InputError `data/missing-pair` where rows differ in number, or two samples bear one name
 */
export function joinedIndices(first: Joined, other: Joined): readonly number[] {
  if (first.names !== null && other.names !== null) {
    const index = new Map<string, number>();
    for (const [at, name] of other.names.entries()) {
      const stem = stemOf(name);
      if (index.has(stem)) throw twice(stem, other.path);
      index.set(stem, at);
    }
    return first.names.map((name) => index.get(stemOf(name)) ?? -1);
  }
  if (first.count === other.count) return Array.from({ length: first.count }, (_, row) => row);
  throw new InputError({
    code: "data/missing-pair",
    message: `'${first.path}' has ${first.count} samples, '${other.path}' ${other.count}; they are joined row by row.`,
    where: other.path,
    hint: "Give both as many rows, or name files alike so that they are joined by name.",
  });
}

function twice(stem: string, where: string): InputError {
  return new InputError({
    code: "data/missing-pair",
    message: `Two files are called '${stem}', so that it isn't clear which one belongs to a sample.`,
    where,
    hint: "Rename one of them.",
  });
}

export function missingPair(name: string, missing: number, where: string): InputError {
  return new InputError({
    code: "data/missing-pair",
    message: `There is nothing for sample '${name}'${missing > 1 ? `, nor for ${missing - 1} others` : ""}.`,
    where,
    hint: 'Add the missing files, or leave such samples out with "unpaired": "skip" in the data set\'s config.',
  });
}
