import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { SILENT } from "../../src/core/progress.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { DEFAULT_RECIPE, type Recipe } from "../../src/training/recipe.ts";
import type { TrainingJob } from "../../src/training/train.ts";
import { randomImages, tinyNetwork } from "./images.ts";

const root = mkdtempSync(join(tmpdir(), "mdp-train-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let folders = 0;
const folder = (): string => {
  folders += 1;
  return join(root, String(folders));
};

export const RECIPE: Recipe = {
  ...DEFAULT_RECIPE,
  epochs: 4,
  batch: [8],
  schedule: { kind: "cosine", rate: 0.05, warmupEpochs: 0, finalShare: 0 },
};

/** A run of a tiny network on sixteen random images, in a folder of its own that goes when the tests are over. */
export function jobOf(recipe: Partial<Recipe> = {}, rest: Partial<TrainingJob> = {}): TrainingJob {
  const graph = tinyNetwork();
  return {
    model: modelOf(graph),
    teacher: null,
    data: randomImages(4, 4, [3, 8, 8]),
    recipe: { ...RECIPE, ...recipe },
    folder: folder(),
    threads: 1,
    validate: null,
    key: "test",
    progress: SILENT,
    ...rest,
  };
}
