import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { SILENT } from "../../src/core/progress.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { readModel } from "../../src/onnx/read.ts";
import { DEFAULT_RECIPE, DISTILLATION, type Recipe } from "../../src/training/recipe.ts";
import { type TrainingJob, train } from "../../src/training/train.ts";
import { bottleneckResnet } from "../helpers/networks.ts";
import { randomImages } from "./images.ts";

const root = mkdtempSync(join(tmpdir(), "mdp-train-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let folders = 0;
const folder = (): string => {
  folders += 1;
  return join(root, String(folders));
};

const RECIPE: Recipe = {
  ...DEFAULT_RECIPE,
  epochs: 4,
  batch: [8],
  schedule: { kind: "cosine", rate: 0.05, warmupEpochs: 0, finalShare: 0 },
};

function jobOf(recipe: Partial<Recipe> = {}, rest: Partial<TrainingJob> = {}): TrainingJob {
  const graph = bottleneckResnet();
  return {
    model: modelOf(graph),
    teacher: null,
    data: randomImages(4, 4, [3, 12, 12]),
    recipe: { ...RECIPE, ...recipe },
    folder: folder(),
    threads: 1,
    validate: null,
    key: "test",
    progress: SILENT,
    ...rest,
  };
}

test("sixteen images are learnt by heart", async () => {
  const job = jobOf({ epochs: 25 });
  const { history, end } = await train(job);
  expect(end).toBe("finished");
  expect(history.length).toBe(25);
  expect(history.at(-1)?.trainTop1).toBe(1);
  expect(history.at(-1)?.loss).toBeLessThan(0.2);
});
