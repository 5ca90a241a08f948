import { describe, expect, test } from "vitest";
import { type Graph, nodeId } from "../../src/graph/graph.ts";
import { attentionsOf } from "../../src/latency/predict/attention.ts";
import { runObservation } from "../../src/latency/predict/observations.ts";
import { publishedNetwork } from "../../src/networks/published/published.ts";
import { findStructure } from "../../src/structure/find-structure.ts";

const RUN = { network: "vit", batch: 1, precision: "float16", ms: 1 } as const;
const { graph } = publishedNetwork("vit-tiny@64");
const LAYERS = 12;
const [TOKENS, WIDTH] = [17, 192];

const ofType = (of: Graph, opType: string): string[] =>
  of.nodes.filter((node) => node.opType === opType).map(nodeId);

describe("an attention", () => {
  test("takes its Softmax and the Transposes beside its products along, and no other", () => {
    const { absorbed, held } = attentionsOf(graph);
    const turns = ofType(graph, "Transpose");
    // Query, key, value and the heads' results; the Transpose of the patches is a kernel of its own.
    expect(turns).toHaveLength(4 * LAYERS + 1);
    expect(absorbed.size).toBe(LAYERS + 4 * LAYERS);
    for (const softmax of ofType(graph, "Softmax")) expect(absorbed).toContain(softmax);
    // Scores, scaled scores, shares.
    expect(held.size).toBe(3 * LAYERS);
  });

  test("reads queries, keys and values, writes its result, and moves no scores", () => {
    const { works } = runObservation(findStructure(graph), RUN);
    const products = works.filter(({ family }) => family === "attention");
    expect(products).toHaveLength(2 * LAYERS);
    const elements = products.reduce((sum, { bytes }) => sum + bytes / 2, 0);
    expect(elements).toBe(LAYERS * 4 * TOKENS * WIDTH);
    expect(works.some(({ family }) => family === "Softmax")).toBe(false);
  });

  test("whose scores somebody reads besides is not one kernel", () => {
    const [first = ""] = graph.nodes
      .filter(({ opType }) => opType === "Softmax")
      .flatMap(({ inputs }) => inputs);
    const seen = { ...graph, outputs: [...graph.outputs, { ...graph.outputs[0], name: first }] };
    const { absorbed, held } = attentionsOf(seen as Graph);
    expect(held).not.toContain(first);
    expect(held.size).toBe(3 * (LAYERS - 1));
    expect(absorbed.size).toBe(5 * (LAYERS - 1));
  });

  test("a Softmax without products on both sides is a kernel of its own", () => {
    const detector = publishedNetwork("yolov8n@64").graph;
    expect(attentionsOf(detector).absorbed.size).toBe(0);
    const { works } = runObservation(findStructure(detector), RUN);
    expect(works.filter(({ family }) => family === "Softmax")).toHaveLength(1);
  });
});
