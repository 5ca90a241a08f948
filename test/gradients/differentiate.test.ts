import { expect, test } from "vitest";
import { randomFrom } from "../../src/core/random.ts";
import { checkDifferentiable, differentiate } from "../../src/gradients/differentiate.ts";
import {
  crossEntropy,
  distillation,
  logitsOf,
  meanSquare,
  softCrossEntropy,
  weightedSum,
} from "../../src/gradients/losses.ts";
import { parametersAsInputs, trainableParameters } from "../../src/gradients/parameters.ts";
import { staticGraph } from "../../src/gradients/static-graph.ts";
import { trainingMode } from "../../src/gradients/training-mode.ts";
import { graphBuilder } from "../../src/graph/build.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { floatTensor, intTensor, tensorFromBytes } from "../../src/graph/tensor.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { type Feeds, openSession } from "../../src/runtime/session.ts";
import { bottleneckResnet, networkBuilder } from "../helpers/networks.ts";
import { bytesOfModel } from "../helpers/ort.ts";

async function run(graph: Graph, feeds: Feeds): Promise<Record<string, readonly number[]>> {
  const session = await openSession(bytesOfModel(modelOf(graph)));
  const results = await session.run(feeds);
  await session.close();
  return Object.fromEntries(
    Object.entries(results).map(([name, { data }]) => [name, Array.from(data, Number)]),
  );
}

const floats = (shape: readonly number[], values: readonly number[]): Feeds[string] => ({
  type: "float32",
  shape,
  data: Float32Array.from(values),
});

const codeOf = (attempt: () => unknown): unknown => {
  try {
    attempt();
  } catch (error) {
    return error instanceof Error && "code" in error ? error.code : error;
  }
  return null;
};

/** A network whose output is its input: logits are fed. */
function identity(batch: number, classes: number): Graph {
  const b = graphBuilder();
  b.output(b.node("Identity", [b.input("x", [batch, classes])], { outputs: ["logits"] }));
  return b.graph();
}

const LOGITS = [0.5, -1, 2, 0, 0.25, 1];

function softmax(row: readonly number[]): number[] {
  const sum = row.reduce((total, value) => total + Math.exp(value), 0);
  return row.map((value) => Math.exp(value) / sum);
}

test("cross entropy and its gradient are the textbook's", async () => {
  const labels = [2, 1];
  const { graph: lossy, loss } = crossEntropy(identity(2, 3), {
    logits: "logits",
    labels: "labels",
  });
  const { graph, gradients } = differentiate(lossy, { loss, withRespectTo: ["x"] });
  const results = await run(graph, {
    x: floats([2, 3], LOGITS),
    labels: { type: "int64", shape: [2], data: BigInt64Array.from(labels.map(BigInt)) },
  });
  const rows = [softmax(LOGITS.slice(0, 3)), softmax(LOGITS.slice(3))];
  const surprise = rows.map((row, i) => -Math.log(row[labels[i] ?? 0] ?? 0));
  expect(results[loss]?.[0]).toBeCloseTo(((surprise[0] ?? 0) + (surprise[1] ?? 0)) / 2, 6);
  const expected = rows.flatMap((row, i) =>
    row.map((share, k) => (share - (k === labels[i] ? 1 : 0)) / 2),
  );
  results[gradients.get("x") ?? ""]?.forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i] ?? Number.NaN, 6);
  });
});

test("smoothed labels are the same as soft targets", async () => {
  const hard = crossEntropy(identity(2, 3), {
    logits: "logits",
    labels: "labels",
    labelSmoothing: 0.3,
  });
  const both = softCrossEntropy(hard.graph, { logits: "logits", targets: "targets" });
  const { graph } = weightedSum(both.graph, [
    { loss: hard.loss, weight: 1 },
    { loss: both.loss, weight: -1 },
  ]);
  const outputs = [hard.loss, both.loss].map((name) => ({ name, type: null, shape: null }));
  const results = await run(
    { ...graph, outputs },
    {
      x: floats([2, 3], LOGITS),
      labels: { type: "int64", shape: [2], data: BigInt64Array.from([2n, 1n]) },
      targets: floats([2, 3], [0.1, 0.1, 0.8, 0.1, 0.8, 0.1]),
    },
  );
  expect(results[hard.loss]?.[0]).toBeCloseTo(results[both.loss]?.[0] ?? Number.NaN, 6);
});

test("distillation is nothing where student and teacher agree, and its gradient is the difference of their answers", async () => {
  const { graph: lossy, loss } = distillation(identity(2, 3), {
    logits: "logits",
    teacher: "teacher",
    temperature: 2,
  });
  const { graph, gradients } = differentiate(lossy, { loss, withRespectTo: ["x"] });
  const same = await run(graph, { x: floats([2, 3], LOGITS), teacher: floats([2, 3], LOGITS) });
  expect(same[loss]?.[0]).toBeCloseTo(0, 6);
  const teacher = [...LOGITS].reverse();
  const results = await run(graph, { x: floats([2, 3], LOGITS), teacher: floats([2, 3], teacher) });
  // T^2 / batch * (softmax(z / T) - softmax(t / T)) / T
  const soft = (values: readonly number[]): number[] =>
    [values.slice(0, 3), values.slice(3)].flatMap((row) => softmax(row.map((value) => value / 2)));
  const [student, wanted] = [soft(LOGITS), soft(teacher)];
  results[gradients.get("x") ?? ""]?.forEach((value, i) => {
    expect(value).toBeCloseTo((student[i] ?? 0) - (wanted[i] ?? 0), 6);
  });
});

test("the gradient of the mean square is twice the difference over the count", async () => {
  const { graph: lossy, loss } = meanSquare(identity(2, 3), { value: "logits", target: "wanted" });
  const weighted = weightedSum(lossy, [{ loss, weight: "strength" }]);
  const request = { loss: weighted.loss, withRespectTo: ["x"] };
  const { graph, gradients } = differentiate(weighted.graph, request);
  const results = await run(graph, {
    x: floats([2, 3], LOGITS),
    wanted: floats([2, 3], [0, 0, 0, 0, 0, 0]),
    strength: floats([], [3]),
  });
  results[gradients.get("x") ?? ""]?.forEach((value, i) => {
    expect(value).toBeCloseTo(LOGITS[i] ?? Number.NaN, 6);
  });
});

test("a step against the gradient lowers the loss of a network in training", async () => {
  const { graph: training, batchNorms } = trainingMode(
    staticGraph(bottleneckResnet(), { batch: 4 }),
  );
  const logits = logitsOf(training, training.outputs[0]?.name ?? "");
  const { graph: lossy, loss } = crossEntropy(training, { logits, labels: "labels" });
  const names = trainableParameters(lossy, loss);
  const fed = parametersAsInputs(lossy, names);
  const { graph, gradients } = differentiate(fed, { loss, withRespectTo: names });
  const random = randomFrom(3);
  const weights = new Map(
    names.map((name) => [
      name,
      new Float32Array(lossy.initializers.get(name)?.bytes().slice().buffer ?? new ArrayBuffer(0)),
    ]),
  );
  const batch: Feeds = {
    input: floats([4, 3, 12, 12], Array.from({ length: 4 * 3 * 144 }, random.normal)),
    labels: { type: "int64", shape: [4], data: BigInt64Array.from([0n, 1n, 2n, 3n]) },
  };
  const session = await openSession(bytesOfModel(modelOf(graph)));
  const losses: number[] = [];
  for (let step = 0; step < 4; step += 1) {
    const parameters = [...weights].map(([name, data]) => [
      name,
      { type: "float32", shape: lossy.initializers.get(name)?.shape ?? [], data },
    ]);
    const results = await session.run({ ...batch, ...Object.fromEntries(parameters) });
    losses.push(Number(results[loss]?.data[0]));
    for (const [name, data] of weights) {
      const gradient = results[gradients.get(name) ?? ""]?.data ?? [];
      data.forEach((value, i) => {
        data[i] = value - 0.02 * Number(gradient[i]);
      });
    }
    for (const { batchVariance } of batchNorms) {
      expect(Math.min(...Array.from(results[batchVariance]?.data ?? [], Number))).toBeGreaterThan(
        0,
      );
    }
  }
  await session.close();
  expect(losses).toEqual([...losses].sort((a, b) => b - a));
  expect(losses.at(-1)).toBeLessThan((losses[0] ?? 0) * 0.9);
});

test("the graph keeps what it had, and computes the same under the same names", async () => {
  const plain = staticGraph(bottleneckResnet(), { batch: 2 });
  const output = plain.outputs[0]?.name ?? "";
  const { graph } = differentiate(plain, { loss: output, withRespectTo: ["stem.weight"] });
  const random = randomFrom(1);
  const input = floats([2, 3, 12, 12], Array.from({ length: 864 }, random.normal));
  const [before, after] = [await run(plain, { input }), await run(graph, { input })];
  expect(after[output]).toEqual(before[output]);
  expect(graph.outputs.map(({ name }) => name)).toEqual([output, "grad/stem.weight/Identity"]);
});

test("weights are the stored tensors that a gradient reaches: no statistics, bounds or numbers", () => {
  const graph = staticGraph(bottleneckResnet(), { batch: 1 });
  const names = trainableParameters(graph, graph.outputs[0]?.name ?? "");
  const stored = [...graph.initializers.keys()].filter((name) => !name.includes("running"));
  expect([...names].sort()).toEqual(stored.sort());
});

test("a Dropout that drops passes the gradient where it let the value through, scaled alike", async () => {
  const b = graphBuilder();
  b.input("x", [4, 50]);
  b.tensor("ratio", floatTensor([], [0.25]));
  b.tensor("drops", tensorFromBytes("bool", [], Uint8Array.of(1)));
  b.output(b.node("Dropout", ["x", "ratio", "drops"], { outputs: ["y"] }));
  const { graph, gradients } = differentiate(b.graph(), { loss: "y", withRespectTo: ["x"] });
  const ones = floats([4, 50], new Array<number>(200).fill(1));
  const results = await run(graph, { x: ones });
  // Of ones, the output is the factor that the gradient must have.
  expect(results[gradients.get("x") ?? ""]).toEqual(results["y"]);
  expect(new Set(results["y"]).size).toBe(2);
});

test("gradients of inner values are those of each sample", async () => {
  const b = networkBuilder(4);
  const inner = b.conv("conv", b.input("input", ["batch", 2, 4, 4]), { from: 2, to: 3, bn: false });
  b.output(b.node("Tanh", [inner], { outputs: ["y"] }));
  const graph = staticGraph(b.graph(), { batch: 3 });
  const request = { loss: "y", withRespectTo: [inner, "conv.bias"] };
  const { graph: whole, gradients } = differentiate(graph, request);
  const random = randomFrom(1);
  const input = floats([3, 2, 4, 4], Array.from({ length: 96 }, random.normal));
  const results = await run(whole, { input });
  const each = results[gradients.get(inner) ?? ""] ?? [];
  expect(each).toHaveLength(3 * 3 * 16);
  const sums = [0, 1, 2].map((channel) =>
    each.reduce((sum, value, i) => sum + (Math.floor(i / 16) % 3 === channel ? value : 0), 0),
  );
  results[gradients.get("conv.bias") ?? ""]?.forEach((value, channel) => {
    expect(value).toBeCloseTo(sums[channel] ?? Number.NaN, 4);
  });
});

test("an op without a rule is an error that names it, before anything runs", () => {
  const b = networkBuilder(1);
  const conv = b.conv("conv", b.input("input", [1, 3, 4, 4]), { from: 3, to: 4, bn: false });
  const odd = b.node("LRN", [conv], { attributes: { size: 3 }, name: "odd" });
  b.output(b.node("Flatten", [odd], { outputs: ["y"] }));
  const graph = b.graph();
  const request = { loss: "y", withRespectTo: ["conv.weight"] };
  expect(codeOf(() => checkDifferentiable(graph, request))).toBe("gradients/no-rule");
  expect(() => differentiate(graph, request)).toThrow(/LRN 'odd'/);
  // What comes after it has gradients all the same.
  expect(() => checkDifferentiable(graph, { loss: "y", withRespectTo: [odd] })).not.toThrow();
});

test("asking for what isn't there says so", () => {
  const b = graphBuilder();
  b.input("x", ["batch", 3]);
  b.tensor("unused", floatTensor([2], [1, 2]));
  b.tensor("whole", intTensor([1], [1]));
  b.node("Identity", ["unused"], { outputs: ["aside"] });
  b.output(b.node("Floor", ["x"], { outputs: ["floor"] }));
  b.output(b.node("Exp", ["x"], { outputs: ["y"] }));
  b.output("aside");
  b.output("whole");
  const open = b.graph();
  const asked = (loss: string, name: string): unknown =>
    codeOf(() => differentiate(staticGraph(open, { batch: 2 }), { loss, withRespectTo: [name] }));
  expect(asked("y", "nothing")).toBe("gradients/unknown-value");
  expect(asked("y", "unused")).toBe("gradients/not-connected");
  expect(asked("floor", "x")).toBe("gradients/not-connected");
  expect(codeOf(() => differentiate(open, { loss: "y", withRespectTo: ["x"] }))).toBe(
    "gradients/open-shape",
  );
  expect(asked("whole", "x")).toBe("gradients/not-float");
  expect(codeOf(() => crossEntropy(open, { logits: "y", labels: "x" }))).toBe(
    "gradients/unknown-value",
  );
  const fixed = staticGraph(open, { batch: 2 });
  expect(codeOf(() => crossEntropy(fixed, { logits: "y", labels: "x" }))).toBe(
    "gradients/name-taken",
  );
  expect(codeOf(() => crossEntropy(fixed, { logits: "aside", labels: "l" }))).toBe(
    "gradients/not-logits",
  );
  expect(codeOf(() => parametersAsInputs(fixed, ["x"]))).toBe("gradients/unknown-value");
});

test("a network whose sizes stay open even at a fixed batch is refused", () => {
  const b = graphBuilder();
  b.output(b.node("Relu", [b.input("x", ["batch", 3, "height", 8])]));
  expect(codeOf(() => staticGraph(b.graph(), { batch: 2 }))).toBe("gradients/open-shape");
});
