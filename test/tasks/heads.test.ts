import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { SILENT } from "../../src/core/progress.ts";
import { openDataset } from "../../src/data/dataset.ts";
import { graphBuilder } from "../../src/graph/build.ts";
import { floatTensor } from "../../src/graph/tensor.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { writeModel } from "../../src/onnx/write.ts";
import { drawSet } from "../../src/pipeline/data/draw-set.ts";
import { finetune } from "../../src/pipeline/library.ts";
import { type Target, targetOf, UNNAMED } from "../../src/runtime/batches.ts";
import { openSession } from "../../src/runtime/session.ts";
import { headLossOf } from "../../src/tasks/head-losses.ts";
import { measure, measureDifference } from "../../src/tasks/measure.ts";
import { planTask } from "../../src/tasks/plan.ts";
import { networkBuilder } from "../helpers/networks.ts";
import { bytesOfModel } from "../helpers/ort.ts";

const folder = mkdtempSync(join(tmpdir(), "mdp-heads-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const plates = join(folder, "plates");
await drawSet({ set: "plates", out: plates, seed: 3, train: 32, test: 24 }, SILENT);

const ofClass = (label: number): Target => ({ kind: "class", label });
const ofNumbers = (...data: number[]): Target => ({
  kind: "values",
  values: { [UNNAMED]: { type: "float32", shape: [data.length], data: Float32Array.from(data) } },
});
const heads = (kind: number, size: Target): Target => ({
  kind: "heads",
  heads: { kind: ofClass(kind), size },
});

test("a config gives every output its own target: labels of the records, and classes of an array", async () => {
  const data = await openDataset(join(plates, "heads.json"), { split: "train" });
  const labels = (await openDataset(plates, { split: "train" })).labels;
  const bytes = new Uint8Array(readFileSync(join(plates, "train/place.npy")));
  const places = new BigInt64Array(bytes.slice(-32 * 8).buffer);
  expect(data.heads).toEqual({
    defect: { classes: ["ok", "scratch", "dent", "hole"], weight: 1 },
    place: { classes: null, weight: 0.5 },
  });
  const indices = [0, 5, 31];
  const batch = await data.samples(indices);
  for (const [at, index] of indices.entries()) {
    expect(targetOf(batch, at)).toEqual({
      kind: "heads",
      heads: { defect: ofClass(labels[index] ?? -9), place: ofClass(Number(places[index])) },
    });
  }
  expect(new Set(Array.from(places, Number)).has(-1)).toBe(true);
});

test("every head is judged by its own task; samples without a class count for nothing, in intervals too", () => {
  const plan = planTask({
    ...{ target: heads(0, ofNumbers(1)), classes: null, input: null },
    outputs: [
      { name: "kind", shape: [3] },
      { name: "size", shape: [1] },
    ],
  });
  expect(plan.task).toBe("heads");
  expect(plan.metrics.map(({ name }) => name)).toEqual([
    ...["kind: top-1", "kind: macro f1", "kind: calibration error", "size: MSE", "size: MAE"],
  ]);
  const [top] = plan.metrics;
  if (top === undefined) throw new RangeError("no metric");
  const answer = (best: number) => ({
    kind: { type: "float32", shape: [3], data: new Float32Array(3).fill(0).with(best, 1) } as const,
  });
  const labels = [0, -1, 2, 1, -1];
  const evidence = (answers: readonly number[]): readonly unknown[] =>
    answers.map((best, at) => top.perItem(answer(best), heads(labels[at] ?? -1, ofNumbers(1))));
  const [first, second] = [evidence([0, 0, 2, 2, 1]), evidence([0, 2, 1, 2, 2])];
  // Of the three that have a class the first gets two, the second one.
  expect(measure(top, first)).toMatchObject({ value: 2 / 3, items: 3, by: "wilson" });
  expect(measureDifference(top, first, second)).toMatchObject({ value: -1 / 3, items: 3 });
  expect(measureDifference(top, first, second).value).toBeCloseTo(-1 / 3, 12);
});

/** Two outputs that are what the network is fed, times two matrices. */
function twoHeads() {
  const b = graphBuilder({ opset: 17, name: "heads" });
  const x = b.input("x", ["batch", 2]);
  b.tensor("k", floatTensor([2, 3], [1, 0, -1, 0.5, 2, 0]));
  b.tensor("s", floatTensor([2, 1], [2, -1]));
  b.output(b.node("MatMul", [x, "k"], { outputs: ["kind"] }), ["batch", 3]);
  b.output(b.node("MatMul", [x, "s"], { outputs: ["size"] }), ["batch", 1]);
  return b.graph();
}

test("the loss of several heads is the weighted sum of their own losses, and moves with each target", async () => {
  const graph = twoHeads();
  const x = [1, 0, 0, 1, 1, 1];
  const about = { kind: { weight: 1 }, size: { weight: 0.25 } };
  const lossOf = async (labels: readonly number[], sizes: readonly number[]): Promise<number> => {
    const targets = labels.map((label, at) => heads(label, ofNumbers(sizes[at] ?? 0)));
    const loss = headLossOf(graph, targets[0] ?? { kind: "none" }, about);
    const fixed = {
      ...graph,
      inputs: graph.inputs.map((input) => ({ ...input, shape: [3, 2] })),
    };
    const made = loss.append(fixed);
    const outputs = [{ name: made.loss, type: "float32" as const, shape: [] }];
    const session = await openSession(bytesOfModel(modelOf({ ...made.graph, outputs })));
    const batch = { size: 3, feeds: {}, labels: Int32Array.of(-1, -1, -1), targets };
    const found = await session.run({
      x: { type: "float32", shape: [3, 2], data: Float32Array.from(x) },
      ...loss.feeds(batch),
    });
    await session.close();
    return Number(found[made.loss]?.data[0]);
  };
  // By hand: rows of scores, and what they say against the classes 0, none, 1.
  const rows = [
    [1, 0, -1],
    [0.5, 2, 0],
    [1.5, 2, -1],
  ];
  const surprise = (row: readonly number[], label: number): number =>
    Math.log(row.reduce((sum, each) => sum + Math.exp(each), 0)) - (row[label] ?? Number.NaN);
  const classes = (surprise(rows[0] ?? [], 0) + surprise(rows[2] ?? [], 1)) / 2;
  const squares = ((2 - 1) ** 2 + (-1 - 0) ** 2 + (1 - 3) ** 2) / 3;
  expect(await lossOf([0, -1, 1], [1, 0, 3])).toBeCloseTo(classes + 0.25 * squares, 5);
  expect(await lossOf([0, -1, 2], [1, 0, 3])).not.toBeCloseTo(classes + 0.25 * squares, 2);
  expect(await lossOf([0, -1, 1], [1, 0, 4])).not.toBeCloseTo(classes + 0.25 * squares, 2);
});

test("heads that the network hasn't, or without any class, and a target beside heads are refused", async () => {
  const graph = twoHeads();
  const wrong: Target = { kind: "heads", heads: { colour: ofClass(0) } };
  const code = (name: string) => expect.objectContaining({ code: name, exitCode: 3 });
  expect(() => headLossOf(graph, wrong)).toThrowError(code("tasks/no-output"));
  const question = { target: wrong, classes: null, input: null };
  expect(() => planTask({ ...question, outputs: [{ name: "kind", shape: [3] }] })).toThrowError(
    code("tasks/no-output"),
  );
  const config = JSON.parse(readFileSync(join(plates, "heads.json"), "utf8")) as object;
  const both = join(plates, "both.json");
  writeFileSync(both, JSON.stringify({ ...config, target: { from: "labels" } }));
  await expect(openDataset(both, {})).rejects.toThrowError(code("data/bad-config"));
  const place = readFileSync(join(plates, "test/place.npy"));
  writeFileSync(
    join(plates, "test/none.npy"),
    Buffer.concat([place.subarray(0, place.length - 24 * 8), Buffer.alloc(24 * 8, 0xff)]),
  );
  const none = join(plates, "none.json");
  const only = { place: { target: { from: "array", path: "{split}/none.npy", as: "class" } } };
  writeFileSync(none, JSON.stringify({ ...config, heads: only }));
  await expect(openDataset(none, { split: "test" })).rejects.toThrowError(code("data/no-labels"));
});

/** Two heads on pictures of plates; the first ends with a softmax, so that its scores are no output. */
function inspector(): string {
  const b = networkBuilder(4);
  const seen = b.relu(
    b.conv("stem", b.input("image", ["batch", 1, 48, 48]), {
      from: 1,
      to: 4,
      stride: 4,
      bn: false,
    }),
  );
  const flat = b.node("Flatten", [b.node("GlobalAveragePool", [seen])]);
  const named = (name: string, value: string) => b.node("Identity", [value], { outputs: [name] });
  b.output(named("defect", b.node("Softmax", [b.gemm("defect.fc", flat, 4, 4)])));
  b.output(named("place", b.gemm("place.fc", flat, 4, 36)));
  const path = join(folder, "inspector.onnx");
  writeModel(modelOf(b.graph()), path);
  return path;
}

test("two heads are trained further; so is a softmax's output with the original's scores and inner values", async () => {
  const model = inspector();
  const shared = { model, epochs: 1, batch: "16", images: 16, threads: 1, lr: 0.0001 } as const;
  const both = await finetune({
    ...{ ...shared, data: join(plates, "heads.json"), validate: false },
    out: join(folder, "both"),
  });
  expect(both.history).toHaveLength(1);
  const mixed = await finetune({
    ...{ ...shared, data: plates, validate: false, teacher: model },
    out: join(folder, "mixed"),
  });
  expect(mixed.history).toHaveLength(1);
});
