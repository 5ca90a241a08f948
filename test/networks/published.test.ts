import { describe, expect, test } from "vitest";
import type { Graph, Node } from "../../src/graph/graph.ts";
import { inferShapes } from "../../src/graph/shapes/infer.ts";
import { isPublished, publishedNetwork } from "../../src/networks/published/published.ts";

/**
 * Parameters in millions and multiply-accumulates in 10^9 as the authors or the public model pages print them (the half of
 * FLOPs where those are printed), at the usual picture size.
 */
const PRINTED: readonly (readonly [string, number, number])[] = [
  ["resnet18", 11.69, 1.81],
  ["resnet34", 21.8, 3.66],
  ["resnet50", 25.56, 4.09],
  ["resnet101", 44.55, 7.8],
  ["mobilenetv2", 3.5, 0.3],
  ["mobilenetv3-small", 2.54, 0.057],
  ["mobilenetv3-large", 5.48, 0.217],
  ["mixnet-small", 4.13, 0.25],
  ["mixnet-medium", 5.01, 0.36],
  ["mixnet-large", 7.33, 0.58],
  ["vit-tiny", 5.72, 1.26],
  ["segformer-b0", 3.75, 8.4],
  ["yoloxn@416", 0.91, 0.54],
  ["yoloxt@416", 5.06, 3.23],
  ["yoloxs", 8.97, 13.4],
  ["yoloxm", 25.3, 36.9],
  ["yolov5s", 7.2, 8.25],
  ["yolov7t", 6.2, 6.9],
  ["yolov7m", 36.9, 52.4],
  ["yolov8n", 3.16, 4.35],
  ["yolov8s", 11.2, 14.3],
  ["yolov8m", 25.9, 39.5],
  ["yolov9t", 2.0, 3.85],
  ["yolov9s", 7.1, 13.2],
  ["yolov9m", 20.0, 38.2],
  ["yolov10n", 2.3, 3.35],
  ["yolov10s", 7.2, 10.8],
  ["yolov10m", 15.4, 29.6],
];

describe("a published network", () => {
  test.each(PRINTED)(
    "%s has %d million parameters and %d GMACs, as printed",
    (name, params, macs) => {
      const { graph, parameters } = publishedNetwork(name);
      expect(parameters / 1e6 / params).toBeGreaterThan(0.98);
      expect(parameters / 1e6 / params).toBeLessThan(1.06);
      // Printed figures leave attention or small layers out, or count them twice.
      const ratio = multiplications(graph) / 1e9 / macs;
      expect(ratio).toBeGreaterThan(0.91);
      expect(ratio).toBeLessThan(1.1);
    },
  );

  test("is told from a file by its prefix, and refused under an unknown name or side", () => {
    expect(isPublished("published:resnet18@160")).toBe(true);
    expect(isPublished("resnet18.onnx")).toBe(false);
    for (const text of ["published:resnet19", "yolov8n@50", "yolov8n@x"]) {
      expect(() => publishedNetwork(text)).toThrow(
        expect.objectContaining({ code: "networks/unknown-published" }),
      );
    }
  });
});

/** Counted from the graph's shapes alone, apart from what predictions count. */
function multiplications(graph: Graph): number {
  const shapes = inferShapes(graph);
  const of = (name: string): readonly number[] =>
    graph.initializers.get(name)?.shape ?? shapes.resolved(name) ?? [];
  const product = (shape: readonly number[]): number => shape.reduce((all, one) => all * one, 1);
  const inNode = ({ opType, inputs, outputs }: Node): number => {
    const [left = "", right = ""] = inputs;
    const written = product(of(outputs[0] ?? ""));
    if (opType === "Conv") return written * product(of(right).slice(1));
    if (opType === "MatMul" || opType === "Gemm") return written * (of(left).at(-1) ?? 0);
    return 0;
  };
  return graph.nodes.reduce((sum, node) => sum + inNode(node), 0);
}
