import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { modelOf } from "../../src/onnx/model.ts";
import { writeModel } from "../../src/onnx/write.ts";
import { checkSolveOptions } from "../../src/pipeline/solve/solve-settings.ts";
import { mdp } from "../helpers/cli.ts";
import { bottleneckResnet } from "../helpers/networks.ts";

const folder = mkdtempSync(join(tmpdir(), "mdp-options-"));
beforeAll(() => {
  writeModel(modelOf(bottleneckResnet(1)), join(folder, "net.onnx"));
  writeFileSync(join(folder, "broken.json"), '{"budget":');
  writeFileSync(join(folder, "list.json"), "[1]");
  writeFileSync(join(folder, "unknown.json"), '{"budgett":"50%"}');
  mkdirSync(join(folder, "folder"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const fine = { budget: "50%", maxPrune: 0.95, blocks: true, layers: true, gap: 0 };

test.each([
  ["a negative step", { step: -8 }, "cli/not-a-count"],
  ["half a channel", { multipleOf: 2.5 }, "cli/not-a-count"],
  ["no images", { batch: 0 }, "cli/not-a-count"],
  ["no time", { timeLimit: 0 }, "cli/not-positive"],
  ["a negative gap", { gap: -1 }, "cli/share"],
  ["more than all pruned", { maxPrune: 2 }, "cli/share"],
  ["half a regular expression", { protect: "(" }, "cli/regular-expression"],
  ["a budget of nothing", { budget: "0%" }, "formulation/budget"],
])("%s is refused before any work", async (_, wrong, code) => {
  await expect(checkSolveOptions({ ...fine, ...wrong })).rejects.toThrow(
    expect.objectContaining({ code, exitCode: 2 }),
  );
});

const solve = ["solve", "--model", "net.onnx", "--device", "jetson"];
const score = ["score", "net.onnx"];

test.each([
  ["a number that is none", [...score, "--seed", "three"], 2, "cli/not-a-number"],
  ["an empty text", [...solve, "--protect", ""], 2, "cli/empty-option"],
  ["an option given twice", [...solve, "--budget=40%", "--budget=50%"], 2, "cli/given-twice"],
  ["an option without its value", [...solve, "--max-prune"], 2, "cli/usage"],
  ["an unknown option in a config", [...solve, "--config", "unknown.json"], 2, "cli/usage"],
  ["a config that is cut off", [...solve, "--config", "broken.json"], 2, "cli/usage"],
  ["a config that isn't there", [...solve, "--config", "none.json"], 2, "cli/usage"],
  ["a config that is a list", [...solve, "--config", "list.json"], 2, "cli/usage"],
  ["an axis that isn't there", ["inspect", "net.onnx", "--bind", "depth=3"], 2, "cli/bind"],
  ["an output that is a folder", [...score, "--out", "folder"], 3, "core/write-failed"],
  [
    "a run folder that is a file",
    ["prune", "net.onnx", "--device", "jetson", "--out", "net.onnx"],
    3,
    "cli/run-folder",
  ],
  [
    "missing data of a long road",
    ["prune", "net.onnx", "--device", "jetson", "--out", "run", "--data", "none"],
    3,
    "cli/no-data",
  ],
] as const)(
  "%s ends with a message, an exit code and nothing written",
  async (_, args, exitCode, code) => {
    const before = readdirSync(folder);
    const result = await mdp([...args, "--json"], folder);
    expect(JSON.parse(result.stdout).error).toMatchObject({ code, exitCode });
    expect(result.code, result.stderr).toBe(exitCode);
    expect(result.stderr).not.toContain("a fault of mdp");
    expect(readdirSync(folder)).toEqual(before);
    expect(existsSync(join(folder, "run"))).toBe(false);
  },
);
