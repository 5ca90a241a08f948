import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SILENT } from "../../src/core/progress.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { writeModel } from "../../src/onnx/write.ts";
import { drawSet } from "../../src/pipeline/data/draw-set.ts";
import { evaluate } from "../../src/pipeline/library.ts";
import { mdp } from "../helpers/cli.ts";
import { networkBuilder } from "../helpers/networks.ts";
import { lacksImages, torchPython } from "../helpers/torch.ts";

const python = await torchPython();
const folder = mkdtempSync(join(tmpdir(), "mdp-torch-samples-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const lacking = lacksImages(python);

/** Runs train_samples.py of a project. */
async function trained(
  project: string,
  ...args: readonly string[]
): Promise<{ readonly code: number; readonly text: string }> {
  const words = ["train_samples.py", "--threads", "1", "--out", join(project, "run"), ...args];
  try {
    const { stderr } = await promisify(execFile)(python?.path ?? "", words, { cwd: project });
    return { code: 0, text: stderr };
  } catch (error) {
    const { code, stderr } = error as { code: number; stderr: string };
    return { code, text: stderr };
  }
}

const metrics = (project: string): readonly (readonly number[])[] =>
  readFileSync(join(project, "run/metrics.csv"), "utf8")
    .trim()
    .split("\n")
    .slice(1)
    .map((row) => row.split(",").map(Number));

async function project(model: string, name: string): Promise<string> {
  const out = join(folder, name);
  const done = await mdp(["export", model, "--to", "pytorch", "--out", out, "--quiet"], folder);
  expect(done, done.stderr).toMatchObject({ code: 0 });
  return out;
}

async function backInOnnx(path: string): Promise<void> {
  const words = ["import-weights", path, "--weights", join(path, "run/last.safetensors")];
  const done = await mdp([...words, "--out", `${path}.onnx`, "--quiet"], folder);
  expect(done, done.stderr).toMatchObject({ code: 0 });
  expect(done.stdout).toContain("equal the module's");
}

describe.skipIf(lacking !== null)(
  `networks that are no classifiers are trained in PyTorch${lacking === null ? "" : ` (skipped: ${lacking})`}`,
  () => {
    beforeAll(async () => {
      const counts = { seed: 2, train: 32, test: 4 };
      await drawSet({ set: "scenes", out: join(folder, "scenes"), ...counts }, SILENT);
      await drawSet({ set: "pendulum", out: join(folder, "pendulum"), ...counts }, SILENT);
    });

    test("two inputs: the first loss is the error that mdp measures, and the run goes on where it ended", async () => {
      const path = await project(":agent", "agent");
      const data = join(folder, "pendulum/dataset.json");
      const still = ["--data", data, "--batch", "32", "--lr", "0", "--norms", "frozen"];
      const only = ["--target-weight", "1", "--output-weight", "0", "--epochs", "1"];
      expect(await trained(path, ...still, ...only)).toMatchObject({ code: 0 });
      const { results } = await evaluate({
        ...{ models: [":agent"], testData: data, split: "train", latency: false },
        outputs: "policy",
      });
      const wanted = results[0]?.metrics?.find(({ name }) => name === "MSE")?.value ?? Number.NaN;
      expect(metrics(path)[0]?.[3]).toBeCloseTo(wanted, 6);
      // The original is its own teacher: nothing lies between them.
      const moved = ["--data", data, "--batch", "16", "--lr", "0.001", "--epochs"];
      expect(await trained(path, ...moved, "2", "--restart")).toMatchObject({ code: 0 });
      expect(metrics(path)).toHaveLength(2);
      const other = await trained(path, ...moved, "3");
      expect(other).toMatchObject({ code: 3 });
      expect(other.text).toContain("--restart");
      await backInOnnx(path);
    });

    test("masks as targets: a small segmenter learns them, coarser than the pictures; wrong ones are refused", async () => {
      const b = networkBuilder(5);
      const stem = b.conv("stem", b.input("image", ["batch", 3, 64, 64]), {
        ...{ from: 3, to: 8, stride: 2 },
      });
      b.output(b.conv("head", b.relu(stem), { from: 8, to: 6, kernel: 1, bn: false }));
      const model = join(folder, "segmenter.onnx");
      writeModel(modelOf(b.graph()), model);
      const path = await project(model, "segmenter");
      const data = join(folder, "scenes/segmentation.json");
      const words = ["--batch", "8", "--lr", "0.01", "--epochs", "4", "--target-weight", "1"];
      const run = await trained(path, "--data", data, ...words, "--output-weight", "0");
      expect(run, run.text).toMatchObject({ code: 0 });
      const losses = metrics(path).map((row) => row[2] ?? Number.NaN);
      expect(losses.at(-1)).toBeLessThan((losses[0] ?? 0) / 1.2);
      await backInOnnx(path);
      const config = JSON.parse(readFileSync(data, "utf8")) as object;
      const fewer = join(folder, "scenes/fewer.json");
      writeFileSync(fewer, JSON.stringify({ ...config, classes: ["ground"] }));
      const refused = await trained(path, "--data", fewer, ...words, "--restart");
      expect(refused).toMatchObject({ code: 3 });
      expect(refused.text).toMatch(
        /\.png': row \d+, column \d+ has the value \d, which is no class/,
      );
    });
  },
);
