import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SILENT } from "../../src/core/progress.ts";
import { randomFrom } from "../../src/core/random.ts";
import { writeShapeSet } from "../../src/data/shape-files.ts";
import type { CorrectReport } from "../../src/documents/correct.ts";
import { readModel } from "../../src/onnx/read.ts";
import { defaultNetwork } from "../../src/pipeline/open/default-network.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import { randomSubnet } from "../../src/subnet/random-subnet.ts";
import { subnetJson } from "../../src/subnet/subnet-file.ts";
import { mdp } from "../helpers/cli.ts";

let folder = "";
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "mdp-correct-"));
  const structure = findStructure(readModel(defaultNetwork().model).graph);
  const subnet = randomSubnet(structure, randomFrom(2), { minKept: 0.7, multipleOf: 8 });
  writeFileSync(join(folder, "subnet.json"), JSON.stringify(subnetJson(structure, subnet)));
  const drawn = { size: 64, train: 30, test: 20, seed: 3, format: "records" } as const;
  await writeShapeSet(join(folder, "shapes"), drawn, SILENT);
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

test("correct proves the surgery, repairs on the training split, and judges on the test split", async () => {
  const command = ["correct", "--subnet", "subnet.json", "--data", "shapes", "--images", "20"];
  const result = await mdp([...command, "--out", "corrected.onnx", "--json"], folder);
  expect(result.code, result.stderr).toBe(0);
  const report = JSON.parse(result.stdout) as CorrectReport;
  expect(report).toMatchObject({ schema: "mdp-correct/1", images: 20, method: "least-squares" });
  expect(report.proof.maxRelative).toBeLessThanOrEqual(1e-5);
  expect(report.accuracy?.map(({ count }) => count)).toEqual([20, 20, 20]);
  expect(report.judgedOn).toContain("test.bin");
  expect(readModel(join(folder, "corrected.onnx")).graph.nodes.length).toBeGreaterThan(20);
});

test("repairing on the test split it judges on the images that the repair left over", async () => {
  const data = ["--data", "shapes", "--split", "test", "--method", "bn"];
  const command = ["correct", "--subnet", "subnet.json", ...data, "--images", "15"];
  const result = await mdp([...command, "--out", "bn.onnx"], folder);
  expect(result.code, result.stderr).toBe(0);
  expect(result.stdout).toMatch(/normalisations on 15 images without labels/);
  expect(result.stdout).toMatch(/on 5 images that the correction did not see \(the rest of/);
});

test("repairing takes a folder of images that nobody labelled, and judges on none of them", async () => {
  mkdirSync(join(folder, "photos"));
  for (let image = 0; image < 6; image += 1) {
    const create = { width: 70, height: 64, channels: 3, background: "black" } as const;
    const noise = { type: "gaussian", mean: 128, sigma: 40 } as const;
    const path = join(folder, "photos", `photo${String.fromCharCode(97 + image)}.png`);
    await sharp({ create: { ...create, noise } }).toFile(path);
  }
  const command = ["correct", "--subnet", "subnet.json", "--data", "photos", "--json"];
  const result = await mdp([...command, "--out", "unlabelled.onnx"], folder);
  expect(result.code, result.stderr).toBe(0);
  expect(JSON.parse(result.stdout)).toMatchObject({ images: 6, accuracy: null, judgedOn: null });
  const judged = await mdp([...command, "--test", "photos", "--out", "never.onnx"], folder);
  expect(judged.code).toBe(3);
  expect(judged.stderr).toContain("no labels");
});

test.each([
  ["no such data", ["--data", "nowhere"], 3],
  ["a ridge below zero", ["--data", "shapes", "--ridge=-1"], 2],
  ["no images", ["--data", "shapes", "--images", "0"], 2],
  ["an unknown method", ["--data", "shapes", "--method", "magic"], 2],
  ["a subnet that isn't there", ["--data", "shapes", "--subnet", "missing.json"], 3],
] as const)("%s ends with a message, and nothing is written", async (_, args, exitCode) => {
  const given: readonly string[] = args;
  const subnet = given.includes("--subnet") ? [] : ["--subnet", "subnet.json"];
  const result = await mdp(["correct", ...args, ...subnet, "--out", "never.onnx"], folder);
  expect(result.code, result.stderr).toBe(exitCode);
  expect(result.stderr).toMatch(/^error: /m);
  expect(existsSync(join(folder, "never.onnx"))).toBe(false);
});
