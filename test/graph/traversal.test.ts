import { expect, test } from "vitest";
import { randomFrom, shuffled } from "../../src/core/random.ts";
import { graphBuilder } from "../../src/graph/build.ts";
import { checkGraph } from "../../src/graph/check.ts";
import { constantIntegers, constantOf } from "../../src/graph/constants.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { floatTensor, intTensor } from "../../src/graph/tensor.ts";
import {
  ancestors,
  consumersOf,
  producerOf,
  removeDeadNodes,
  topologicalOrder,
} from "../../src/graph/traversal.ts";

/** x -> a -> (b, c) -> d, with a dead branch a -> e that has a weight of its own. */
function diamond(): Graph {
  const b = graphBuilder();
  b.input("x", ["batch", 4]);
  b.tensor("unused", floatTensor([1], [1]));
  b.node("Relu", ["x"], { outputs: ["a"] });
  b.node("Sqrt", ["a"], { outputs: ["b"] });
  b.node("Tanh", ["a"], { outputs: ["c"] });
  b.node("Add", ["b", "c"], { outputs: ["d"] });
  b.node("Mul", ["a", "unused"], { outputs: ["e"] });
  b.output("d");
  return b.graph();
}

test("producers and consumers are found by the name of the value", () => {
  const graph = diamond();
  expect(producerOf(graph).get("d")?.opType).toBe("Add");
  expect(producerOf(graph).has("x")).toBe(false);
  expect(
    consumersOf(graph)
      .get("a")
      ?.map((node) => node.opType),
  ).toEqual(["Sqrt", "Tanh", "Mul"]);
  expect(consumersOf(graph).has("d")).toBe(false);
});

test("a shuffled graph comes back in an order where every node follows what it reads", () => {
  const seed = 3;
  const random = randomFrom(seed);
  const b = graphBuilder();
  const values = [b.input("x", [4])];
  for (let index = 0; index < 200; index += 1) {
    const pick = (): string => values[random.integer(values.length)] ?? "x";
    values.push(b.node("Add", [pick(), pick()]));
  }
  b.output(values.at(-1) ?? "x");
  const graph = b.graph();
  const ordered = topologicalOrder(shuffled(graph.nodes, random));
  expect(new Set(ordered)).toEqual(new Set(graph.nodes));
  const seen = new Set(["x"]);
  for (const node of ordered) {
    expect(
      node.inputs.every((name) => seen.has(name)),
      `seed ${seed}`,
    ).toBe(true);
    for (const name of node.outputs) seen.add(name);
  }
});

test("nodes that are in order keep their order", () => {
  const graph = diamond();
  expect(topologicalOrder(graph.nodes)).toEqual(graph.nodes);
});

test("a chain of 20,000 nodes is ordered without running out of stack", () => {
  const b = graphBuilder();
  let last = b.input("x", [1]);
  for (let index = 0; index < 20_000; index += 1) last = b.node("Relu", [last]);
  b.output(last);
  const reversed = [...b.graph().nodes].reverse();
  expect(topologicalOrder(reversed)[0]?.inputs).toEqual(["x"]);
});

test("ancestors are what a value depends on", () => {
  const labels = ancestors(diamond(), ["b"]).map((node) => node.opType);
  expect(labels).toEqual(["Relu", "Sqrt"]);
});

test("dead nodes go with their weights, and a graph without any is returned as it is", () => {
  const { graph, changed } = removeDeadNodes(diamond());
  expect(changed).toBe(true);
  expect(graph.nodes.map((node) => node.opType)).toEqual(["Relu", "Sqrt", "Tanh", "Add"]);
  expect(graph.initializers.size).toBe(0);
  expect(removeDeadNodes(graph)).toEqual({ graph, changed: false });
});

test("what a subgraph takes from outside is neither dead nor undefined", () => {
  const inner = graphBuilder();
  const body = { ...inner.graph(), outputs: [{ name: "c", type: null, shape: null }] };
  const b = graphBuilder();
  b.input("flag", []);
  b.input("x", [4]);
  b.node("Relu", ["x"], { outputs: ["c"] });
  const attributes = { then_branch: { graph: body }, else_branch: { graph: body } };
  b.output(b.node("If", ["flag"], { attributes }));
  const { graph, changed } = removeDeadNodes(b.graph());
  expect([graph.nodes.length, changed]).toEqual([2, false]);
  const without = { ...graph, nodes: graph.nodes.filter((node) => node.opType === "If") };
  expect(() => checkGraph(without)).toThrowError(
    expect.objectContaining({ code: "graph/undefined-value" }),
  );
});

test("constants are seen as initializers, as Constant nodes of every form, and through Identity", () => {
  const b = graphBuilder();
  b.tensor("i", intTensor([2], [3, -1]));
  b.node("Constant", [], { attributes: { value: intTensor([], [7]) }, outputs: ["t"] });
  b.node("Constant", [], { attributes: { value_int: 5 }, outputs: ["int"] });
  b.node("Constant", [], { attributes: { value_ints: [1, 2] }, outputs: ["ints"] });
  b.node("Constant", [], { attributes: { value_float: 0.5 }, outputs: ["float"] });
  b.node("Constant", [], { attributes: { value_floats: [0.5, 2] }, outputs: ["floats"] });
  b.node("Identity", ["ints"], { outputs: ["same"] });
  b.node("Relu", ["float"], { outputs: ["computed"] });
  const graph = b.graph();
  expect(["i", "t", "int", "ints", "same"].map((name) => constantIntegers(graph, name))).toEqual([
    [3, -1],
    [7],
    [5],
    [1, 2],
    [1, 2],
  ]);
  expect(constantOf(graph, "floats")?.shape).toEqual([2]);
  expect(constantOf(graph, "float")).toBe(constantOf(graph, "float"));
  expect([
    constantOf(graph, "computed"),
    constantOf(graph, ""),
    constantIntegers(graph, "float"),
  ]).toEqual([null, null, null]);
});
