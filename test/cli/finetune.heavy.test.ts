import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { EXIT } from "../../src/core/errors.ts";
import { SILENT } from "../../src/core/progress.ts";
import { writeShapeSet } from "../../src/data/shape-files.ts";
import type { TrainingReport } from "../../src/documents/training.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { readModel } from "../../src/onnx/read.ts";
import { writeModel } from "../../src/onnx/write.ts";
import { mdp, program } from "../helpers/cli.ts";
import { tinyNetwork } from "../training/images.ts";

const folder = mkdtempSync(join(tmpdir(), "mdp-finetune-"));
const network = join(folder, "net.onnx");
const data = join(folder, "data");
beforeAll(async () => {
  writeModel(modelOf(tinyNetwork({ classes: 10 })), network);
  const set = { size: 8, train: 120, test: 20, seed: 1, format: "records" } as const;
  await writeShapeSet(data, set, SILENT);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = (...args: string[]) =>
  mdp(["finetune", network, "--data", data, "--threads", "1", ...args], folder);

test("a network is trained with its original as teacher, and everything is written down", async () => {
  const out = join(folder, "run");
  const args = ["--teacher", network, "--epochs", "2", "--batch", "20", "--out", out];
  const { code, stdout, stderr } = await run(...args, "--json");
  expect(stderr).toContain("epoch 2/2: loss");
  expect(code).toBe(EXIT.done);
  const report = JSON.parse(stdout) as TrainingReport;
  expect(report).toMatchObject({
    schema: "mdp-training/1",
    end: "finished",
    features: [expect.any(String)],
  });
  expect(report.history.map(({ epoch, step }) => [epoch, step])).toEqual([
    [1, 6],
    [2, 12],
  ]);
  expect(report.validation).toMatchObject({ split: "test", images: 20 });
  expect(JSON.parse(readFileSync(join(out, "training.json"), "utf8"))).toEqual(report);
  for (const file of ["last.onnx", "best.onnx"]) {
    expect(readModel(join(out, file)).graph.nodes.length).toBe(
      readModel(network).graph.nodes.length,
    );
  }
});

test("a network is pruned in steps while it is trained, down to the budget", async () => {
  const out = join(folder, "steps");
  const schedule = ["--schedule", "2", "--budget", "85%", "--device", "jetson"];
  const recipe = ["--epochs", "2", "--batch", "40", "--lr", "0.01", "--out", out];
  const { code, stdout, stderr } = await run(...schedule, ...recipe, "--json");
  expect(code, stderr).toBe(EXIT.done);
  const report = JSON.parse(stdout) as TrainingReport;
  expect(report.end).toBe("finished");
  const weights = (path: string): number =>
    [...readModel(path).graph.initializers.values()].reduce((sum, { shape }) => {
      return sum + shape.reduce((product, extent) => product * extent, 1);
    }, 0);
  expect(weights(join(out, "last.onnx"))).toBeLessThan(weights(network));
});

test("a run that is killed goes on where it was, to the same bytes", async () => {
  const recipe = ["--epochs", "60", "--batch", "10", "--no-validate", "--quiet"];
  const [whole, killed] = [join(folder, "whole"), join(folder, "killed")];
  expect((await run(...recipe, "--out", whole)).code).toBe(EXIT.done);
  await killedAtFirstCheckpoint(
    ["finetune", network, "--data", data, "--threads", "1", ...recipe, "--out", killed],
    killed,
  );
  expect(readFileSync(join(killed, "metrics.csv"), "utf8").split("\n").length).toBeLessThan(60);
  expect((await run(...recipe, "--out", killed)).code).toBe(EXIT.done);
  expect(readFileSync(join(killed, "last.onnx"))).toEqual(readFileSync(join(whole, "last.onnx")));
});

/** Starts a command and kills it as soon as it has written its second epoch. */
function killedAtFirstCheckpoint(args: readonly string[], out: string): Promise<void> {
  const child = spawn(process.execPath, [program, ...args]);
  const timer = setInterval(() => {
    if (existsSync(join(out, "metrics.csv"))) child.kill("SIGKILL");
  }, 5);
  return new Promise((resolve) => {
    child.on("exit", () => {
      clearInterval(timer);
      resolve();
    });
  });
}

test("options that can't be meant and data that don't fit are refused before anything is written", async () => {
  const out = join(folder, "refused");
  const large = await run("--batch", "1000", "--out", out);
  expect([large.code, large.stderr]).toEqual([
    EXIT.input,
    expect.stringContaining("larger than the 120"),
  ]);
  const lonely = await run("--score-weight", "1", "--out", out);
  expect([lonely.code, lonely.stderr]).toEqual([EXIT.usage, expect.stringContaining("--teacher")]);
  expect(existsSync(out)).toBe(false);
});
