import { describe, expect, test } from "vitest";
import { staticGraph } from "../../src/gradients/static-graph.ts";
import { graphBuilder } from "../../src/graph/build.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { floatTensor } from "../../src/graph/tensor.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { type Feed, openSession } from "../../src/runtime/session.ts";
import { featurePairs } from "../../src/training/features.ts";
import { addLoss } from "../../src/training/loss-terms.ts";
import { objectiveOf } from "../../src/training/objective.ts";
import type { LossSpec } from "../../src/training/recipe.ts";
import { hitsOf, softTargets } from "../../src/training/targets.ts";
import { bytesOfModel } from "../helpers/ort.ts";
import { tinyNetwork } from "./images.ts";

const NOTHING: LossSpec = {
  labelSmoothing: 0,
  labels: 0,
  scores: 0,
  temperature: 4,
  features: 0,
  outputs: 0,
};

const floats = (shape: readonly number[], data: readonly number[]): Feed => ({
  type: "float32",
  shape,
  data: Float32Array.from(data),
});

/** A network that gives back what it is fed, by Relu where it is images. */
function echo(shape: readonly number[]): Graph {
  const b = graphBuilder();
  const op = shape.length === 2 ? "Identity" : "Relu";
  b.output(b.node(op, [b.input("x", shape)], { outputs: ["y"] }), shape);
  return b.graph();
}

/** The loss of an answer beside a teacher's, both [batch, classes] or images. */
async function lossOf(
  loss: LossSpec,
  x: Feed,
  teacher: Feed,
  targets: Feed | null,
): Promise<number> {
  const graph = echo(x.shape);
  const objective = objectiveOf(graph, echo(teacher.shape), loss);
  const lossy = addLoss(graph, objective, () => teacher.shape);
  const outputs = [{ name: lossy.loss, type: "float32" as const, shape: null }];
  const session = await openSession(bytesOfModel(modelOf({ ...lossy.graph, outputs })));
  const feeds: Record<string, Feed> = { x };
  for (const name of lossy.fromTeacher.values()) feeds[name] = teacher;
  if (lossy.targets !== null && targets !== null) feeds[lossy.targets] = targets;
  const result = await session.run(feeds);
  await session.close();
  return Number(result[lossy.loss]?.data[0]);
}

// The figures are PyTorch 1.13's: cross_entropy, kl_div (batchmean, times T^2), and sums of squares.
describe("losses have PyTorch's values", () => {
  const scores = floats([2, 3], [1, -0.5, 0.25, 0.2, 0.1, -1]);
  const teacher = floats([2, 3], [0.3, 0.9, -0.7, 2, -1, 0.5]);
  const labels = Int32Array.of(2, 0);
  const batch = { size: 2, labels, mix: null };

  test.each([
    [0, 1.0345854759],
    [0.1, 1.0562521219],
  ])("cross entropy with smoothing %d", async (smoothing, wanted) => {
    const targets = floats([2, 3], [...softTargets(batch, 3, smoothing)]);
    expect(await lossOf({ ...NOTHING, labels: 1 }, scores, teacher, targets)).toBeCloseTo(
      wanted,
      5,
    );
  });

  test("softened scores", async () => {
    expect(await lossOf({ ...NOTHING, scores: 1 }, scores, teacher, null)).toBeCloseTo(
      0.6548849344,
      5,
    );
  });

  test("all outputs, relative to the teacher's", async () => {
    expect(await lossOf({ ...NOTHING, outputs: 1 }, scores, teacher, null)).toBeCloseTo(
      1.5139305592,
      5,
    );
  });

  test("where inner values are large, for networks of different widths", async () => {
    const rising = Array.from({ length: 12 }, (_, at) => at / 10);
    const falling = Array.from({ length: 8 }, (_, at) => (7 - at) / 5);
    const own = floats([2, 3, 2, 2], [...rising, ...rising]);
    const wanted = floats([2, 2, 2, 2], [...falling, ...falling]);
    expect(await lossOf({ ...NOTHING, features: 1 }, own, wanted, null)).toBeCloseTo(
      0.4759923816,
      5,
    );
  });
});

test("targets are smoothed, and mixed as their images are", () => {
  const labels = Int32Array.of(0, 2);
  const mix = { share: 0.75, labels: Int32Array.of(2, 0) };
  const batch = { size: 2, labels, mix };
  const rows = [...softTargets(batch, 4, 0.2)].map((value) => Number(value.toFixed(4)));
  expect(rows).toEqual([0.65, 0.05, 0.25, 0.05, 0.25, 0.05, 0.65, 0.05]);
});

test("a hit is a label whose score is the highest; the lower index wins a tie, and nothing wins against NaN", () => {
  const scores = Float32Array.of(1, 2, 2, 2, 2, 1, Number.NaN, 0, 0);
  expect(hitsOf(scores, Int32Array.of(1, 1, 0), 3)).toBe(1);
  expect(hitsOf(Float32Array.of(0, Number.NaN), Int32Array.of(0), 2)).toBe(0);
});

describe("inner values that two networks share", () => {
  test("are compared number by number where the widths are equal", () => {
    const pairs = featurePairs(tinyNetwork(), tinyNetwork({ width: 3 }));
    expect(pairs).toEqual([{ name: "/sum/Add_out", compare: "values" }]);
  });

  test("are compared by where they are large where only the channels differ", () => {
    const wide = (channels: number): Graph => {
      const b = graphBuilder();
      const x = b.input("x", ["batch", 3, 4, 4]);
      const weight = floatTensor([channels, 3, 1, 1], new Float32Array(3 * channels));
      b.output(b.node("Relu", [b.node("Conv", [x, b.tensor("w", weight)])], { outputs: ["r"] }));
      return b.graph();
    };
    expect(featurePairs(wide(2), wide(5))).toEqual([{ name: "r", compare: "attention" }]);
  });
});

/** Two towers of one product each: the embeddings of both, and the same with the second tower's answers in another order. */
function twoTowers(right: readonly number[], names: readonly string[] = ["a", "b"]): Graph {
  const b = graphBuilder();
  for (const [at, name] of names.entries()) {
    b.input(name, ["batch", 2]);
    b.tensor(`${name}.weight`, floatTensor([2, 2], at === 0 ? [1, 0, 0, 1] : right));
    const product = b.node("MatMul", [name, `${name}.weight`], { outputs: [`${name}_embed`] });
    b.output(product, ["batch", 2]);
  }
  return b.graph();
}

test("the cross-modal loss compares similarities of pairs: none where both agree, more where one tower is turned", async () => {
  const loss: LossSpec = { ...NOTHING, pairs: 1 };
  const teacher = twoTowers([1, 0, 0, 1]);
  const points = floats([4, 2], [1, 0, 0, 1, -1, 0, 0.6, 0.8]);
  const lossWith = async (right: readonly number[]): Promise<number> => {
    const open = twoTowers(right);
    const graph = staticGraph(open, { batch: 4 });
    const objective = objectiveOf(open, teacher, loss);
    expect(objective.pair).toEqual(["a_embed", "b_embed"]);
    expect(objective.fromTeacher).toEqual(["a_embed", "b_embed"]);
    const lossy = addLoss(graph, objective, () => [4, 2]);
    const outputs = [{ name: lossy.loss, type: "float32" as const, shape: null }];
    const session = await openSession(bytesOfModel(modelOf({ ...lossy.graph, outputs })));
    const feeds: Record<string, Feed> = { a: points, b: points };
    for (const name of lossy.fromTeacher.values()) feeds[name] = points;
    const result = await session.run(feeds);
    await session.close();
    return Number(result[lossy.loss]?.data[0]);
  };
  expect(await lossWith([1, 0, 0, 1])).toBeCloseTo(0, 5);
  const turned = await lossWith([0, 1, -1, 0]);
  expect(turned).toBeGreaterThan(1);
  expect(await lossWith([0.98, 0.2, -0.2, 0.98])).toBeLessThan(turned);
});

test("a network of one tower has no pairs to compare", () => {
  const graph = twoTowers([1, 0, 0, 1], ["a"]);
  expect(() => objectiveOf(graph, graph, { ...NOTHING, pairs: 1 })).toThrow(
    expect.objectContaining({ code: "importance/no-pair" }),
  );
});
