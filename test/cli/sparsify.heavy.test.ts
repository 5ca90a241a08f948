import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { KnowledgeReport } from "../../src/documents/knowledge.ts";
import type { SparsifyReport } from "../../src/documents/sparsify.ts";
import { floatsOf } from "../../src/graph/tensor.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { readModel } from "../../src/onnx/read.ts";
import { writeModel } from "../../src/onnx/write.ts";
import { mdp } from "../helpers/cli.ts";
import { writeRecords } from "../helpers/drawn-records.ts";
import { groupedResidual } from "../helpers/networks.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "mdp-sparsify-"));
  writeModel(modelOf(groupedResidual()), join(folder, "net.onnx"));
  writeRecords(folder, 60, 3);
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const DATA = ["--data", "images.bin", "--data-config", "config.json"] as const;

async function sparsify(...args: string[]): Promise<SparsifyReport> {
  const result = await mdp(["sparsify", "net.onnx", ...args, "--json"], folder);
  expect(result.code, result.stderr).toBe(0);
  return JSON.parse(result.stdout) as SparsifyReport;
}

test("a sparse network is made, proven, judged, trained further and compared; its zeros stay", async () => {
  const report = await sparsify(
    ...["--sparsity", "70%", ...DATA, "--images", "40", "--damage-images", "16"],
    ...["--refine", "1", "--out", "s.onnx"],
  );
  expect(report).toMatchObject({ schema: "mdp-sparsify/1", rates: "program", images: 40 });
  const { total, proof, refinement } = report;
  expect(total.nonzeros).toBeLessThanOrEqual(0.3 * total.weights);
  expect(total.nonzeros).toBeGreaterThan(0.27 * total.weights);
  expect(proof.zeros).toBeGreaterThanOrEqual(0.7 * total.weights);
  expect(refinement?.starts.map(({ rates }) => rates)).toEqual(["program", "global"]);
  expect(report.accuracy?.map(({ name }) => name)).toEqual(["dense", "zeros alone", "sparse"]);
  expect(report.accuracy?.map(({ count }) => count)).toEqual([20, 20, 20]);

  const tuned = ["finetune", "s.onnx", "--keep-zeros", ...DATA, "--epochs", "1"];
  const run = await mdp([...tuned, "--batch", "20", "--out", "tuned", "--json"], folder);
  expect(run.code, run.stderr).toBe(0);
  const [before, after] = ["s.onnx", "tuned/last.onnx"].map(
    (name) => readModel(join(folder, name)).graph,
  );
  let [moved, zeros] = [0, 0];
  for (const [name, tensor] of before?.initializers ?? []) {
    const other = after?.initializers.get(name);
    if (tensor.type !== "float32" || tensor.shape.length < 2 || other === undefined) continue;
    const values = floatsOf(other);
    for (const [at, value] of floatsOf(tensor).entries()) {
      if (value === 0) zeros += 1;
      if (value === 0) expect(values[at]).toBe(0);
      else if (values[at] !== value) moved += 1;
    }
  }
  expect(zeros).toBe(total.weights - total.nonzeros);
  expect(moved).toBeGreaterThan(0.5 * total.nonzeros);

  const command = ["knowledge", "s.onnx", "tuned/last.onnx", ...DATA, "--images", "20"];
  const result = await mdp([...command, "--batch", "10", "--figure", "k.svg", "--json"], folder);
  expect(result.code, result.stderr).toBe(0);
  const knowledge = JSON.parse(result.stdout) as KnowledgeReport;
  expect(knowledge.outputs?.kept).toBeGreaterThan(0.3);
  expect(knowledge.weights.layers.length).toBe(knowledge.outputs?.layers.length);
  expect(readFileSync(join(folder, "k.svg"), "utf8")).toContain("<svg");
});

test("a network with sparse initializers, made without images, is read by every command that takes a network", async () => {
  const report = await sparsify(
    ...["--sparsity", "90%", "--format", "sparse", "--score", "singular", "--out", "f.onnx"],
  );
  expect(report).toMatchObject({ repair: "none", data: null, refinement: null });
  expect(report.total.bytes.sparse).toBeLessThan(report.total.bytes.dense);
  const { graph } = readModel(join(folder, "f.onnx"));
  expect([...graph.initializers.values()].some((tensor) => tensor.sparse === true)).toBe(true);
  for (const command of [
    ["eval", "f.onnx", ...DATA, "--json"],
    ["inspect", "f.onnx", "--json"],
    ["finetune", "f.onnx", "--keep-zeros", ...DATA, "--batch", "20", "--epochs", "1", "--out", "f"],
  ]) {
    const result = await mdp(command, folder);
    expect(result.code, `${command[0]}: ${result.stderr}`).toBe(0);
  }
});

test("a share that no rates meet ends with exit code 4 and writes nothing", async () => {
  const args = ["sparsify", "net.onnx", "--sparsity", "99.9%", "--out", "no.onnx", "--json"];
  const result = await mdp(args, folder);
  expect(result.code, result.stderr).toBe(4);
  expect(result.stdout).toContain("formulation/infeasible");
  expect(existsSync(join(folder, "no.onnx"))).toBe(false);
});
