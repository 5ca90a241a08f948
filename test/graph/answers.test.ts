import { expect, test } from "vitest";
import { answersOf, upToAnswers } from "../../src/graph/answers.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { floatTensor, intTensor } from "../../src/graph/tensor.ts";
import { producerOf } from "../../src/graph/traversal.ts";
import { NETWORKS, type NetworkBuilder, networkBuilder } from "../helpers/networks.ts";
import { TASK_NETWORKS } from "../helpers/task-networks.ts";

/** A convolution with two branches: boxes [1, 4, 16] and scores [1, 3, 16]. */
function branches(b: NetworkBuilder): { readonly boxes: string; readonly scores: string } {
  const x = b.relu(b.conv("stem", b.input("input", [1, 3, 4, 4]), { from: 3, to: 8 }));
  const flat = (name: string, to: number): string =>
    b.node("Reshape", [
      b.conv(name, x, { from: 8, to, bn: false }),
      b.ints(`${name}.shape`, [1, to, 16]),
    ]);
  return { boxes: flat("boxes", 4), scores: b.node("Sigmoid", [flat("scores", 3)]) };
}

test("a classifier is compared by its only output", () => {
  const graph = NETWORKS.bottleneckResnet();
  expect(answersOf(graph)).toEqual({ values: [graph.outputs[0]?.name], notes: [] });
});

test("all float outputs count where none is named, and the named ones where some are", () => {
  const b = networkBuilder(3);
  const { boxes, scores } = branches(b);
  b.output(boxes);
  b.output(scores);
  const graph = b.graph();
  expect(answersOf(graph).values).toEqual([boxes, scores]);
  expect(answersOf(graph, [scores]).values).toEqual([scores]);
  expect(() => answersOf(graph, ["nobody"])).toThrowError(
    expect.objectContaining({ code: "graph/no-such-output", exitCode: 3 }),
  );
});

test("an output that is put together counts part by part", () => {
  const b = networkBuilder(3);
  const { boxes, scores } = branches(b);
  const joined = b.node("Concat", [boxes, scores], { attributes: { axis: 1 } });
  b.output(b.node("Transpose", [joined], { attributes: { perm: [0, 2, 1] } }));
  const { values, notes } = answersOf(b.graph());
  // The reshaped boxes are the convolution's own values.
  expect(values).toHaveLength(2);
  expect(values[1]).toBe(scores);
  expect(notes).toEqual([expect.stringContaining("2 values")]);
});

/** NonMaxSuppression behind the branches, its picks gathered from the boxes. */
function suppressed(): { readonly graph: Graph; readonly boxes: string; readonly scores: string } {
  const b = networkBuilder(3);
  const { boxes: channels, scores } = branches(b);
  const boxes = b.node("Transpose", [channels], { attributes: { perm: [0, 2, 1] } });
  b.tensor("most", intTensor([1], [5]));
  b.tensor("iou", floatTensor([1], [0.5]));
  const picks = b.node("NonMaxSuppression", [boxes, scores, "most", "iou"]);
  b.tensor("column", intTensor([1], [2]));
  const index = b.node("Gather", [picks, "column"], { attributes: { axis: 1 } });
  b.output(picks, [null, 3], "int64");
  b.output(b.node("Gather", [boxes, index], { attributes: { axis: 1 } }));
  return { graph: b.graph(), boxes, scores };
}

test("what comes out of NonMaxSuppression is compared before it, in its first arrangement, and that is said", () => {
  const { graph, boxes, scores } = suppressed();
  const { values, notes } = answersOf(graph);
  const producers = producerOf(graph);
  const reshaped = producers.get(producers.get(boxes)?.inputs[0] ?? "");
  expect(new Set(values)).toEqual(new Set([reshaped?.inputs[0], scores]));
  expect(notes[0]).toContain("NonMaxSuppression");
  expect(notes[0]).toContain(reshaped?.inputs[0]);
});

test("boxes that are suppressed in one arrangement and gathered in another count once", () => {
  const graph = TASK_NETWORKS.nonMaxSuppression();
  const ops = answersOf(graph).values.map((name) => producerOf(graph).get(name)?.opType);
  expect(ops.sort()).toEqual(["Exp", "Sigmoid"]);
});

test("without post-processing smooth outputs stay, and others make way for what is compared", () => {
  const graph = TASK_NETWORKS.loopedFaces();
  const { outputs, nodes } = upToAnswers(graph);
  expect(outputs).toHaveLength(2);
  expect(outputs[0]).toEqual(graph.outputs[0]);
  expect(nodes.some(({ opType }) => opType === "Loop")).toBe(false);
  const plain = NETWORKS.bottleneckResnet();
  expect(upToAnswers(plain)).toBe(plain);
});

test("an index that only the tokens decide doesn't make what it picks jump", () => {
  const b = networkBuilder(3);
  b.input("tokens", [1, 6], "int64");
  b.weight("table", [10, 8]);
  const words = b.node("Gather", ["table", "tokens"]);
  const last = b.node("ArgMax", ["tokens"], { attributes: { axis: 1, keepdims: 0 } });
  const mixed = b.node("Tanh", [b.node("MatMul", [words, b.weight("w", [8, 8])])]);
  const picked = b.node("Gather", [mixed, last], { attributes: { axis: 1 } });
  b.output(picked);
  b.output(last, [1], "int64");
  const { values, notes } = answersOf(b.graph());
  expect(values).toEqual([picked]);
  expect(notes).toEqual([expect.stringContaining("does not depend on the weights")]);
});
