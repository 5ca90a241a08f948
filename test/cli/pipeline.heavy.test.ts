import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { SolveReport } from "../../src/documents/solve.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { writeModel } from "../../src/onnx/write.ts";
import { mdp } from "../helpers/cli.ts";
import { bottleneckResnet } from "../helpers/networks.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "mdp-pipeline-"));
  writeModel(modelOf(bottleneckResnet(1)), join(folder, "net.onnx"));
  writeFileSync(join(folder, "text.onnx"), "this is no network");
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

test("inspect, score, solve, export and eval hand their files on", async () => {
  const inspect = await mdp(["inspect", "net.onnx", "--json"], folder);
  expect(inspect.code, inspect.stderr).toBe(0);
  expect(JSON.parse(inspect.stdout)).toMatchObject({ schema: "mdp-structure/1" });

  const score = await mdp(["score", "net.onnx", "--out", "importance.json"], folder);
  expect(score.code, score.stderr).toBe(0);

  const solve = await mdp(
    [
      ...["solve", "net.onnx", "--importance", "importance.json", "--json"],
      ...["--device", "jetson", "--multiple-of", "4", "--budget", "90%", "--out", "subnet.json"],
    ],
    folder,
  );
  expect(solve.code, solve.stderr).toBe(0);
  const report = JSON.parse(solve.stdout) as SolveReport;
  expect(report.answer).toMatchObject({ status: "optimal", gap: 0 });
  expect(report.latencyMs.chosen).toBeLessThanOrEqual(report.latencyMs.budget ?? 0);
  expect(report.importanceKept.chosen).toBeLessThan(report.importanceKept.dense);

  const exported = await mdp(
    ["export", "net.onnx", "--subnet", "subnet.json", "--out", "small.onnx", "--json"],
    folder,
  );
  expect(exported.code, exported.stderr).toBe(0);
  expect(JSON.parse(exported.stdout).proof.maxRelative).toBeLessThanOrEqual(1e-5);

  const evaluated = await mdp(
    ["eval", "net.onnx", "small.onnx", "--repeats", "5", "--json"],
    folder,
  );
  expect(evaluated.code, evaluated.stderr).toBe(0);
  expect(JSON.parse(evaluated.stdout).results).toHaveLength(2);
});

test("prune runs the whole pipeline into one folder and resumes where it stopped", async () => {
  const command = [
    ...["prune", "net.onnx", "--device", "jetson", "--multiple-of", "4", "--budget", "90%"],
    ...["--out", "run", "--json"],
  ];
  const first = await mdp(command, folder);
  expect(first.code, first.stderr).toBe(0);
  const files = readdirSync(join(folder, "run"));
  for (const file of ["config.json", "structure.json", "importance.json", "table.json"]) {
    expect(files).toContain(file);
  }
  for (const file of ["subnet.json", "pruned.onnx", "proof.json", "eval.json", "summary.json"]) {
    expect(files).toContain(file);
  }
  const config = JSON.parse(readFileSync(join(folder, "run", "config.json"), "utf8"));
  expect(config.options).toMatchObject({ budget: "90%", "multiple-of": 4, "max-prune": 0.95 });
  const record = readFileSync(join(folder, "run", "run.json"), "utf8");
  const explained = readExplained();
  for (const file of ["pruned.onnx", "explain.json"]) rmSync(join(folder, "run", file));
  const second = await mdp(command, folder);
  expect(second.code, second.stderr).toBe(0);
  const stages = (text: string): Record<string, { date: string }> => JSON.parse(text).stages;
  const before = stages(record);
  const after = stages(readFileSync(join(folder, "run", "run.json"), "utf8"));
  expect(after["solve"]?.date).toBe(before["solve"]?.date);
  expect(after["export"]?.date).not.toBe(before["export"]?.date);
  // Explained again from the files of the run, the reasons are those of the answer itself.
  expect(readExplained()).toEqual(explained);
  const { dims } = JSON.parse(readFileSync(join(folder, "run", "solve.json"), "utf8"));
  expect(explained.map(([name, , kept]) => [name, kept])).toEqual(
    dims.map((dim: { name: string; kept: number }) => [dim.name, dim.kept]),
  );
});

/** Name, reason, kept units, of every dim that the run explains. */
function readExplained(): readonly (readonly [string, string, number])[] {
  const { explanation } = JSON.parse(readFileSync(join(folder, "run", "explain.json"), "utf8"));
  return explanation.dims.map((dim: { name: string; why: string; kept: number }) => [
    ...[dim.name, dim.why, dim.kept],
  ]);
}

test("prune refuses images that it can't judge by before it begins", async () => {
  mkdirSync(join(folder, "photos"));
  writeFileSync(join(folder, "photos", "cat.png"), "");
  const command = ["prune", "net.onnx", "--device", "jetson", "--data", "photos", "--out", "none"];
  const { code, stderr } = await mdp(command, folder);
  expect(code).toBe(3);
  expect(stderr).toContain("no labels");
  expect(existsSync(join(folder, "none"))).toBe(false);
});

test.each([
  ["an unknown command", ["fly"], 2, "cli/usage"],
  ["no device", ["solve", "--model", "net.onnx"], 2, "cli/no-table"],
  [
    "a budget that is none",
    ["solve", "--model", "net.onnx", "--device", "jetson", "--budget", "quick"],
    2,
    "formulation/budget",
  ],
  ["a file that is no network", ["inspect", "text.onnx"], 3, null],
  ["a file that isn't there", ["inspect", "missing.onnx"], 3, null],
  [
    "an unknown device",
    ["solve", "--model", "net.onnx", "--device", "toaster"],
    3,
    "latency/unknown-device",
  ],
  [
    "a budget that nothing meets",
    ["solve", "--model", "net.onnx", "--device", "jetson", "--budget", "0.0001us"],
    4,
    "formulation/infeasible",
  ],
] as const)(
  "%s ends with a message and exit code, in JSON too",
  async (_, args, exitCode, code) => {
    const {
      code: actual,
      stdout,
      stderr,
    } = await mdp([...args, "--json", "--out", "never.json"], folder);
    expect(actual, stderr).toBe(exitCode);
    const { error } = JSON.parse(stdout);
    expect(error.exitCode).toBe(exitCode);
    if (code !== null) expect(error.code).toBe(code);
    expect(stderr).toMatch(/^error: /m);
    expect(existsSync(join(folder, "never.json"))).toBe(false);
  },
);
