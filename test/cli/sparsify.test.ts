import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SILENT } from "../../src/core/progress.ts";
import { writeShapeSet } from "../../src/data/shape-files.ts";
import type { KnowledgeReport } from "../../src/documents/knowledge.ts";
import type { SparsifyReport } from "../../src/documents/sparsify.ts";
import { floatsOf } from "../../src/graph/tensor.ts";
import { readModel } from "../../src/onnx/read.ts";
import { mdp } from "../helpers/cli.ts";

let folder = "";
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "mdp-sparsify-"));
  const drawn = { size: 64, train: 60, test: 20, seed: 3, format: "records" } as const;
  await writeShapeSet(join(folder, "shapes"), drawn, SILENT);
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

async function sparsify(...args: string[]): Promise<SparsifyReport> {
  const result = await mdp(["sparsify", ...args, "--json"], folder);
  expect(result.code, result.stderr).toBe(0);
  return JSON.parse(result.stdout) as SparsifyReport;
}

test("rates are proven, kept weights are fitted without labels, and the file holds the zeros", async () => {
  const report = await sparsify(
    ...["--sparsity", "80%", "--data", "shapes", "--images", "60", "--damage-images", "20"],
    ...["--out", "s.onnx"],
  );
  expect(report).toMatchObject({ schema: "mdp-sparsify/1", rates: "program", images: 60 });
  expect(report.program).toMatchObject({ status: "optimal", gap: 0 });
  const { total, proof } = report;
  expect(total.nonzeros).toBeLessThanOrEqual(0.2 * total.weights);
  expect(total.nonzeros).toBeGreaterThan(0.19 * total.weights);
  expect(proof.zeros).toBeGreaterThanOrEqual(0.8 * total.weights);
  expect(total.knowledgeOfOutputs).toBeLessThanOrEqual(1);
  expect(report.accuracy?.map(({ name }) => name)).toEqual(["dense", "zeros alone", "sparse"]);
  expect(report.accuracy?.map(({ count }) => count)).toEqual([20, 20, 20]);
  const graph = readModel(join(folder, "s.onnx")).graph;
  let zeros = 0;
  for (const tensor of graph.initializers.values())
    if (tensor.type === "float32" && tensor.shape.length > 1)
      zeros += floatsOf(tensor).filter((value) => value === 0).length;
  expect(zeros).toBeGreaterThanOrEqual(proof.zeros);
});

test("training on keeps the zeros exactly, and knowledge compares any two networks, with a figure", async () => {
  const tuned = ["finetune", "s.onnx", "--keep-zeros", "--data", "shapes", "--epochs", "1"];
  const run = await mdp(
    [...tuned, "--batch", "20", "--limit", "40", "--out", "tuned", "--json"],
    folder,
  );
  expect(run.code, run.stderr).toBe(0);
  const [before, after] = ["s.onnx", "tuned/last.onnx"].map(
    (name) => readModel(join(folder, name)).graph,
  );
  let moved = 0;
  for (const [name, tensor] of before?.initializers ?? []) {
    const other = after?.initializers.get(name);
    if (tensor.type !== "float32" || tensor.shape.length < 2 || other === undefined) continue;
    const values = floatsOf(other);
    for (const [at, value] of floatsOf(tensor).entries()) {
      if (value === 0) expect(values[at]).toBe(0);
      else if (values[at] !== value) moved += 1;
    }
  }
  expect(moved).toBeGreaterThan(1000);
  const command = ["knowledge", "s.onnx", "tuned/last.onnx", "--data", "shapes", "--images", "20"];
  const result = await mdp([...command, "--batch", "10", "--figure", "k.svg", "--json"], folder);
  expect(result.code, result.stderr).toBe(0);
  const report = JSON.parse(result.stdout) as KnowledgeReport;
  expect(report.outputs?.kept).toBeGreaterThan(0.5);
  expect(report.outputs?.kept).toBeLessThanOrEqual(1);
  expect(report.weights.layers.length).toBe(report.outputs?.layers.length);
  expect(readFileSync(join(folder, "k.svg"), "utf8")).toContain("<svg");
});

test("without images the rates come from the weights' own singular values; a sparse format is smaller and read by eval", async () => {
  const sparse = ["--sparsity", "90%", "--format", "sparse", "--out", "f.onnx"];
  const report = await sparsify(...sparse, "--score", "singular");
  expect(report).toMatchObject({ repair: "none", data: null });
  expect(report.total.bytes.sparse).toBeLessThan(0.6 * report.total.bytes.dense);
  const graph = readModel(join(folder, "f.onnx")).graph;
  expect([...graph.initializers.values()].some((tensor) => tensor.sparse === true)).toBe(true);
  for (const command of [
    ["eval", "f.onnx", "--data", "shapes", "--split", "test", "--json"],
    ["inspect", "f.onnx", "--json"],
  ]) {
    const result = await mdp(command, folder);
    expect(result.code, result.stderr).toBe(0);
  }
});

test("2:4 is given to every layer that can have it, and the others are named with the reason", async () => {
  const report = await sparsify(
    "--pattern",
    "2:4",
    "--repair",
    "none",
    "--score",
    "magnitude",
    "--out",
    "p.onnx",
  );
  expect(report.left.length).toBeGreaterThan(0);
  expect(report.left.every(({ reason }) => reason !== "")).toBe(true);
  const masked = report.layers.filter((layer) => layer.masked);
  expect(masked.length).toBeGreaterThan(2);
  for (const layer of masked) expect(layer.nonzeros / layer.count).toBe(0.5);
});

test("a share that no rates meet ends with exit code 4 and writes nothing", async () => {
  const args = ["sparsify", "--sparsity", "99.9%", "--out", "no.onnx", "--json"];
  const result = await mdp(args, folder);
  expect(result.code, result.stderr).toBe(4);
  expect(result.stdout).toContain("formulation/infeasible");
  expect(existsSync(join(folder, "no.onnx"))).toBe(false);
});
