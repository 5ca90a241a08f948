import { expect, test } from "vitest";
import { kindOfRule } from "../../src/gradients/rules.ts";
import { graphBuilder } from "../../src/graph/build.ts";
import { input } from "../../src/graph/graph.ts";
import { dataInputs, hasTrait, KNOWN_OPS, traitsOf } from "../../src/graph/op-traits.ts";
import { opOf } from "../../src/graph/read-op.ts";
import { canLower } from "../../src/pytorch/module/lower/lower.ts";
import { kindOfFlow } from "../../src/structure/flow.ts";

const nodeOf = (opType: string, domain = "") => {
  const b = graphBuilder();
  for (const name of ["a", "b", "c"]) b.input(name, [1, 4, 4, 4]);
  b.node(opType, ["a", "b", "c"], { domain });
  const graph = b.graph();
  const [node] = graph.nodes;
  if (node === undefined) throw new Error("no node");
  return { graph, node };
};

test("every known op is read as its kind, and every room has an answer for that kind", () => {
  for (const [opType, traits] of KNOWN_OPS) {
    const { graph, node } = nodeOf(opType);
    const op = opOf(node, graph);
    expect(op.kind, opType).toBe(traits.kind);
    expect(["rule", "pin", "size"], opType).toContain(kindOfFlow(op.kind));
    expect(["rule", "none", "constant"], opType).toContain(kindOfRule(op));
    expect([true, false], opType).toContain(canLower(op.kind));
  }
});

test("an op of another domain shares no facts with its namesake", () => {
  const { graph, node } = nodeOf("Conv", "com.example");
  expect(traitsOf(node)).toBeNull();
  expect(hasTrait(node, "layer")).toBe(false);
  expect(opOf(node, graph).kind).toBe("opaque");
});

test("facts agree with each other", () => {
  for (const [opType, traits] of KNOWN_OPS) {
    // A view computes nothing, so it can neither work nor normalise; a layer is where the work is.
    if (traits.view)
      expect([traits.layer, traits.heavy, traits.normalises], opType).toEqual([
        undefined,
        undefined,
        undefined,
      ]);
    if (traits.layer)
      expect([traits.heavy, traits.weights?.includes(1)], opType).toEqual([true, true]);
    if (traits.activation) expect(["unary", "elementwise"], opType).toContain(traits.kind);
    if (traits.bool) expect(traits.step, opType).toBe(true);
    const settings = traits.settingsFrom ?? Number.POSITIVE_INFINITY;
    for (const weight of traits.weights ?? []) expect(weight, opType).toBeLessThan(settings);
  }
});

test("settings are no data, and an input that must be there is named or refused", () => {
  expect(dataInputs(nodeOf("Clip").node)).toEqual(["a"]);
  expect(dataInputs(nodeOf("Add").node)).toEqual(["a", "b", "c"]);
  expect(dataInputs(nodeOf("Add", "com.example").node)).toEqual(["a", "b", "c"]);
  expect(input(nodeOf("Add").node, 1)).toBe("b");
  expect(() => input(nodeOf("Add").node, 3)).toThrow(/Add 'Add0' has no input 3/);
});
