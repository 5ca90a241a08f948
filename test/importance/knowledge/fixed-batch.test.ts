import { describe, expect, test } from "vitest";
import type { Graph } from "../../../src/graph/graph.ts";
import { outputSpectra } from "../../../src/importance/knowledge/knowledge.ts";
import { modelOf } from "../../../src/onnx/model.ts";
import { findStructure } from "../../../src/structure/find-structure.ts";
import { flattenVgg } from "../../helpers/networks.ts";
import { normalImages } from "../../subnet/correct/helpers.ts";

/** The same network with its batch fixed by the file. */
function fixedAt(graph: Graph, batch: number): Graph {
  const inputs = graph.inputs.map((input) => ({
    ...input,
    shape: [batch, ...(input.shape ?? []).slice(1)],
  }));
  return { ...graph, inputs, values: [] };
}

describe("spectra of outputs", () => {
  const open = flattenVgg();
  const shape = (open.inputs[0]?.shape ?? []).slice(1).map(Number);
  const spectraOf = (graph: Graph) =>
    outputSpectra(modelOf(graph), findStructure(graph), normalImages(20, shape), 1);

  test.each([1, 2, 5])(
    "of a network whose batch is fixed at %i are those of the open one",
    async (batch) => {
      const [expected, found] = [await spectraOf(open), await spectraOf(fixedAt(open, batch))];
      expect(found.map(({ layer }) => layer)).toEqual(expected.map(({ layer }) => layer));
      expect(found.length).toBeGreaterThan(2);
      for (const [index, { values, mean }] of found.entries()) {
        expect(values.length).toBe(expected[index]?.values.length);
        expect(mean / (expected[index]?.mean ?? 0)).toBeCloseTo(1, 4);
      }
    },
  );

  test("leave out the samples that fill no run of a fixed batch", async () => {
    // The first layer's outputs have more columns than there are images.
    const [first] = await spectraOf(fixedAt(open, 4));
    expect(first?.values.length).toBe(8);
  });
});
