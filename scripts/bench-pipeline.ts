/**
 * Whole commands on trained networks and images: seconds of scoring ResNet-56, of `mdp prune` on ResNet-20 and of `mdp prune --finetune` on ResNet-56, stage by stage.
 *
 *   npm run build && npm run bench -- pipeline [score56|prune20|prune56 ...]
 *
 * Each runs the built command in a process of its own and a new folder for temporary files. Networks and images come from ../shared (MDP_SHARED names another
 * folder). Wants a machine that does nothing else; docs/results/speed.md holds what it printed.
 */
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { makeScratchFolder, readJson } from "../src/core/files.ts";
import { CIFAR } from "./accuracy-rows.ts";

const program = join(import.meta.dirname, "../dist/src/cli/main.js");
const images = ["--data", CIFAR.train, "--data-config", CIFAR.config];
const judged = [...images, "--test-data", CIFAR.test];
const resnet20 = CIFAR.resnet56.replace("resnet56", "resnet20");

/** Arguments by the name of a job; the folder for what it writes comes last. */
const JOBS: Readonly<Record<string, (out: string) => readonly string[]>> = {
  score56: (out) => [
    ...["score", CIFAR.resnet56, "--method", "sensitivity", ...images],
    ...["--out", join(out, "importance.json")],
  ],
  prune20: (out) => [
    ...["prune", resnet20, "--device", "jetson", "--budget", "60%", ...judged],
    ...["--out", join(out, "run")],
  ],
  prune56: (out) => [
    ...["prune", CIFAR.resnet56, "--device", "local", "--batch", "8", "--step", "4"],
    ...["--budget", "50%", "--finetune", ...judged, "--out", join(out, "run")],
  ],
};

/** Seconds of each stage, in order; none for a command without stages. */
function stagesOf(folder: string): string {
  const { stages } = readJson(join(folder, "run/run.json")) as {
    readonly stages: Readonly<Record<string, { readonly seconds: number }>>;
  };
  const texts = Object.entries(stages).map(
    ([name, { seconds }]) => `${name} ${seconds.toFixed(1)}`,
  );
  return texts.join(", ");
}

const asked = process.argv.slice(2);
for (const name of asked.length > 0 ? asked : Object.keys(JOBS)) {
  const job = JOBS[name];
  if (job === undefined)
    throw new Error(`no job ${name}; there are ${Object.keys(JOBS).join(", ")}`);
  const folder = makeScratchFolder("mdp-bench-pipeline-");
  try {
    const args = [program, ...job(folder), "--quiet"];
    const started = performance.now();
    const { status } = spawnSync(process.execPath, args, {
      stdio: ["ignore", "ignore", "inherit"],
    });
    const seconds = (performance.now() - started) / 1000;
    if (status !== 0) throw new Error(`${name} ended with ${status}`);
    console.log(`${name}: ${seconds.toFixed(1)} s`);
    if (name !== "score56") console.log(`  ${stagesOf(folder)}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
