/**
 * Trains a network at half its latency on the JPEG images for an epoch with two processes, undisturbed and with one of them killed in
 * the middle, and takes it back into ONNX. Needs the shared test data and a Python with PyTorch.
 *
 *     npx tsx scripts/check-training.ts [IMAGES [EPOCHS [NETWORK]]]     5000 1 resnet20
 *
 * NETWORK is resnet20, or default: the embedded network, which gets the images at its own 64 pixels.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packageRoot, readJson, writeJson } from "../src/core/files.ts";
import { defaultNetwork } from "../src/pipeline/open/default-network.ts";
import { sharedPath } from "../test/helpers/shared.ts";
import { torchPython } from "../test/helpers/torch.ts";
import { csvRows, lossCurve, startTraining, untilStep } from "../test/helpers/training-job.ts";
import { runMdp } from "./mdp-steps.ts";

const [images = "5000", epochs = "1", network = "resnet20"] = process.argv.slice(2);
const isDefault = network === "default";
const python = await torchPython();
const model = isDefault
  ? defaultNetwork().model
  : sharedPath(`models/cifar10_${network}_op13_bn.onnx`);
const [train, held] = ["train", "test-a"].map((part) =>
  sharedPath(`datasets/cifar10-jpeg-${part}.tar.gz`),
);
if (python === null || model === null || train == null || held == null) {
  throw new Error("needs the shared test data and a Python with PyTorch");
}
const folder = mkdtempSync(join(tmpdir(), "mdp-check-training-"));
const config = join(folder, "data.json");
const cifar = readJson(join(packageRoot(), "docs", "examples", "cifar10.json"));
// Numbers as the embedded network was trained with.
const drawn = { size: [64, 64], mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] };
writeJson(config, { ...(cifar as object), ...(isDefault ? drawn : {}) });
const mdp = (...words: readonly string[]): string => runMdp(words);

try {
  const subnet = join(folder, "subnet.json");
  const project = join(folder, "project");
  mdp("solve", model, "--device", "jetson", "--budget", "50%", "--out", subnet, "--quiet");
  const to = ["--to", "pytorch", "--out", project, "--data-config", config];
  mdp("export", model, "--subnet", subnet, ...to, "--quiet");
  const data = ["--data", train, "--val-data", held, "--limit", images, "--epochs", epochs];
  const recipe = ["--recipe", "repair", "--batch", "128", "--lr", "0.05"];
  const options = (run: string): string[] => [
    ...[...data, ...recipe, "--out", join(project, run), "--checkpoint-steps", "5"],
  ];
  const started = performance.now();
  const whole = await startTraining(python.path, project, options("run"), 2);
  for (const { code, output } of await whole.ended) {
    if (code !== 0) throw new Error(output);
  }
  const seconds = (performance.now() - started) / 1000;
  const killed = await startTraining(python.path, project, options("disturbed"), 2);
  const half = Math.floor((Number(images) / 128) * Number(epochs) * 0.5);
  await untilStep(join(project, "disturbed"), half, 36_000);
  killed.processes[1]?.kill("SIGKILL");
  for (const { output } of await killed.ended) process.stdout.write(output);
  const resumed = await startTraining(python.path, project, options("disturbed"), 2);
  for (const { code, output } of await resumed.ended) {
    if (code !== 0) throw new Error(output);
  }
  const [wanted, found] = ["run", "disturbed"].map((run) => lossCurve(join(project, run)));
  const apart = wanted?.map((loss, at) => Math.abs(loss - (found?.[at] ?? Number.NaN)) / loss);
  const trained = join(folder, "trained.onnx");
  const weights = ["--weights", join(project, "disturbed", "last.safetensors")];
  process.stdout.write(mdp("import-weights", project, ...weights, "--out", trained));
  const figures = csvRows(join(project, "disturbed", "metrics.csv")).at(-1);
  process.stdout.write(`steps ${wanted?.length} and ${found?.length}, killed after ${half}\n`);
  process.stdout.write(`largest relative difference of a loss ${Math.max(...(apart ?? []))}\n`);
  process.stdout.write(
    `top-1 ${figures?.["val_top1"]} by train.py; ${seconds.toFixed(0)} s undisturbed\n`,
  );
  const cases = ["--data", held, "--data-config", config, "--no-latency"];
  process.stdout.write(mdp("eval", model, trained, ...cases));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
