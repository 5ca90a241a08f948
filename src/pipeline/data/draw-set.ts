import { join } from "node:path";
import { UsageError } from "../../core/errors.ts";
import type { Progress } from "../../core/progress.ts";
import { DRAWN_SETS, type DrawnFiles, type DrawnName } from "../../data/drawn/files.ts";
import { writeDocuments, writeDrawnSet, writeScenes } from "../../data/drawn/write-set.ts";
import { writeShapeSet } from "../../data/shape-files.ts";
import { SHAPE_NAMES } from "../../data/shapes.ts";
import { checkWhole } from "../checks.ts";

export interface DrawOptions {
  readonly set: DrawnName | "shapes";
  /** Folder to write to. */
  readonly out: string;
  readonly seed: number;
  /** Samples per split; the set's own number where left out. */
  readonly train?: number | undefined;
  readonly test?: number | undefined;
  /** Of shapes only: pixels per side, and how pictures are written. */
  readonly size?: number | undefined;
  readonly format?: "records" | "png" | undefined;
}

/** What was drawn. */
export interface DrawnReport {
  readonly set: string;
  readonly out: string;
  /** Files that say how the set is read. */
  readonly configs: readonly string[];
  readonly size: number | null;
  readonly train: number;
  readonly test: number;
  readonly seed: number;
  readonly format: string;
  readonly classes: readonly string[] | null;
}

/**
 * Draws a set into a folder.
 * @throws UsageError `cli/not-for-this-set`, `cli/not-whole`; InputError `core/write-failed`
 */
export async function drawSet(options: DrawOptions, progress: Progress): Promise<DrawnReport> {
  checkWhole(options.seed, "--seed", 0);
  return options.set === "shapes"
    ? drawShapes(options, progress)
    : drawFiles(options.set, options, progress);
}

async function drawShapes(options: DrawOptions, progress: Progress): Promise<DrawnReport> {
  const { out, seed, size = 64, train = 12000, test = 2000, format = "records" } = options;
  checkWhole(size, "--size", 8);
  checkCounts({ train, test });
  await writeShapeSet(out, { size, train, test, seed, format }, progress);
  const configs = [join(out, "dataset.json")];
  return { set: "shapes", out, configs, size, train, test, seed, format, classes: SHAPE_NAMES };
}

async function drawFiles(
  set: DrawnName,
  options: DrawOptions,
  progress: Progress,
): Promise<DrawnReport> {
  for (const option of ["size", "format"] as const) {
    if (options[option] !== undefined) throw notForThisSet(option, set);
  }
  const files: DrawnFiles = DRAWN_SETS[set];
  const { out, seed } = options;
  const counts = {
    train: options.train ?? files.counts.train,
    test: options.test ?? files.counts.test,
  };
  checkCounts(counts);
  if (set === "scenes") {
    for (const split of ["train", "test"] as const) {
      await writeScenes(join(out, split), { seed, split }, counts[split], progress);
    }
    writeDocuments(out, files);
  } else {
    writeDrawnSet(out, files, { seed, ...counts }, progress);
  }
  return {
    ...{ set, out, seed, ...counts, classes: null },
    configs: Object.keys(files.documents).map((name) => join(out, name)),
    size: files.picture?.size ?? null,
    format: set === "scenes" ? "png" : files.picture === null ? "arrays" : "records",
  };
}

function checkCounts({ train, test }: { readonly train: number; readonly test: number }): void {
  checkWhole(train, "--train", 0);
  checkWhole(test, "--test", 0);
}

function notForThisSet(option: string, set: string): UsageError {
  return new UsageError({
    code: "cli/not-for-this-set",
    message: `--${option} is an option of the shapes; '${set}' has one size and form.`,
    where: `--${option}`,
    hint: `Leave --${option} out.`,
  });
}
