import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { SILENT } from "../../src/core/progress.ts";
import { randomFrom } from "../../src/core/random.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { type SampleBatch, type Target, UNNAMED } from "../../src/runtime/batches.ts";
import type { Feed } from "../../src/runtime/session.ts";
import { targetLossOf } from "../../src/tasks/target-losses.ts";
import type { TrainingData } from "../../src/training/batches.ts";
import { DEFAULT_RECIPE } from "../../src/training/recipe.ts";
import { train } from "../../src/training/train.ts";
import { networkBuilder } from "../helpers/networks.ts";

/** Two classes per pixel at half the resolution of the picture. */
function segmenter() {
  const b = networkBuilder(5);
  const x = b.relu(
    b.conv("stem", b.input("input", ["batch", 3, 8, 8]), { from: 3, to: 8, stride: 2, bn: false }),
  );
  b.output(b.conv("head", x, { from: 8, to: 2, kernel: 1, bn: false }));
  return b.graph();
}

const batchOf = (targets: readonly Target[]): SampleBatch => ({
  ...{ size: targets.length, feeds: {}, targets },
  labels: new Int32Array(targets.length).fill(-1),
});

test("masks are brought to the output's resolution; pixels that count for nothing get no label", () => {
  const graph = segmenter();
  const loss = targetLossOf("segmentation", graph);
  const labels = new Int32Array(64).map((_, at) => (at % 8 < 4 ? 0 : 1));
  // Under the middle of the output's first position lies the pixel (1, 1).
  labels[9] = -1;
  const target: Target = { kind: "mask", height: 8, width: 8, labels, ignore: -1 };
  const [feed] = Object.values(loss?.feeds(batchOf([target])) ?? {});
  expect(feed?.shape).toEqual([1, 4, 4]);
  expect(Array.from(feed?.data as BigInt64Array, Number).slice(0, 8)).toEqual([
    ...[-1, 0, 1, 1, 0, 0, 1, 1],
  ]);
  expect(() => loss?.feeds(batchOf([{ kind: "none" }]))).toThrowError(
    expect.objectContaining({ code: "tasks/bad-target", exitCode: 3 }),
  );
});

test("several labels and given numbers become tensors; a network without maps has no loss of boxes", () => {
  const b = networkBuilder(1);
  b.output(b.node("Sigmoid", [b.gemm("fc", b.input("x", ["batch", 4]), 4, 3)]));
  const graph = b.graph();
  const tags = targetLossOf("multi-label", graph);
  expect(tags?.reads).not.toEqual([graph.outputs[0]?.name]);
  const [tagged] = Object.values(
    tags?.feeds(
      batchOf([
        { kind: "classes", labels: [0, 2] },
        { kind: "classes", labels: [] },
      ]),
    ) ?? {},
  );
  expect(tagged?.data).toEqual(Float32Array.of(1, 0, 1, 0, 0, 0));
  const value = (data: readonly number[]): Target => ({
    kind: "values",
    values: { [UNNAMED]: { type: "float32", shape: [3], data: Float32Array.from(data) } },
  });
  const [numbers] = Object.values(
    targetLossOf("regression", graph)?.feeds(batchOf([value([1, 2, 3]), value([4, 5, 6])])) ?? {},
  );
  expect(numbers).toEqual({
    ...{ type: "float32", shape: [2, 3] },
    data: Float32Array.of(1, 2, 3, 4, 5, 6),
  });
  expect(targetLossOf("detection", graph)).toBeNull();
});

/** Pictures whose left or right half is bright, and masks of what is bright. */
function halves(count: number): TrainingData {
  const random = randomFrom(2);
  const samples = Array.from({ length: count }, () => {
    const right = random.next() < 0.5;
    const labels = new Int32Array(64).map((_, at) => (at % 8 >= 4 === right ? 1 : 0));
    const data = Float32Array.from({ length: 192 }, (_, at) => {
      return (labels[at % 64] ?? 0) + 0.1 * random.normal();
    });
    return { labels, data };
  });
  return {
    count,
    classes: null,
    shapes: { [UNNAMED]: [3, 8, 8] },
    epoch: async function* (_epoch, size, from) {
      for (let at = from; at < Math.floor(count / size); at += 1) {
        await Promise.resolve();
        const part = samples.slice(at * size, (at + 1) * size);
        const data = Float32Array.from(part.flatMap((sample) => [...sample.data]));
        const feed: Feed = { type: "float32", shape: [size, 3, 8, 8], data };
        const targets = part.map(
          ({ labels }): Target => ({ kind: "mask", height: 8, width: 8, labels, ignore: -1 }),
        );
        yield { ...batchOf(targets), feeds: { [UNNAMED]: feed }, mix: null };
      }
    },
  };
}

test("a segmenter learns from its masks: the loss falls to a tenth", async () => {
  const folder = mkdtempSync(join(tmpdir(), "mdp-segmenter-"));
  const graph = segmenter();
  const loss = { ...DEFAULT_RECIPE.loss, labels: 1 };
  const result = await train({
    model: modelOf(graph),
    teacher: null,
    data: halves(64),
    recipe: {
      ...{ ...DEFAULT_RECIPE, epochs: 12, batch: [16], loss },
      schedule: { kind: "constant", rate: 0.1, warmupEpochs: 0, finalShare: 0 },
    },
    ...{ folder, threads: 1, validate: null, key: "test", progress: SILENT },
    target: targetLossOf("segmentation", graph),
  });
  rmSync(folder, { recursive: true, force: true });
  const [first, last] = [result.history[0]?.loss ?? 0, result.history.at(-1)?.loss ?? 1];
  expect(last).toBeLessThan(first / 10);
});

/** Maps of two classes, behind a sigmoid, and of four distances, at half the resolution of the picture. */
function detector() {
  const b = networkBuilder(6);
  const x = b.relu(
    b.conv("stem", b.input("input", ["batch", 3, 8, 8]), { from: 3, to: 8, stride: 2, bn: false }),
  );
  b.output(b.node("Sigmoid", [b.conv("heat", x, { from: 8, to: 2, kernel: 1, bn: false })]));
  b.output(b.relu(b.conv("sides", x, { from: 8, to: 4, kernel: 1, bn: false })));
  return b.graph();
}

test("boxes become centres and distances where the picture lies in the input; labels beyond the classes are refused", () => {
  const loss = targetLossOf("detection", detector());
  // The original is 16 x 8 (wide x high); at half its size it lies two rows below the input's top.
  const placement = { height: 8, width: 16, scale: [0.5, 0.5], offset: [2, 0] } as const;
  const box = { left: 4, top: 0, right: 12, bottom: 4, label: 1 };
  const target: Target = { kind: "boxes", boxes: [box], placement };
  const feeds = Object.values(loss?.feeds(batchOf([target])) ?? {});
  const [centres, distances] = feeds.map(({ data }) => Array.from(data as Float32Array));
  // In the input: 2 to 6 and 2 to 4, whose middle (4, 3) lies in column 2 and row 1 of cells of two pixels.
  const cell = 1 * 4 + 2;
  expect(feeds.map(({ shape }) => shape)).toEqual([
    [1, 2, 4, 4],
    [1, 4, 4, 4],
  ]);
  expect(centres?.indexOf(1)).toBe(16 + cell);
  expect(centres?.filter((value) => value === 1)).toHaveLength(1);
  expect([0, 1, 2, 3].map((side) => distances?.[16 * side + cell])).toEqual([1.5, 0.5, 0.5, 0.5]);
  expect(distances?.filter((value) => value >= 0)).toHaveLength(4);
  const wrong: Target = { kind: "boxes", boxes: [{ ...box, label: 2 }], placement };
  expect(() => loss?.feeds(batchOf([wrong]))).toThrowError(
    expect.objectContaining({ code: "data/bad-label", exitCode: 3 }),
  );
});
