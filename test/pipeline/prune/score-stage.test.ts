import { expect, test } from "vitest";
import type { Graph } from "../../../src/graph/graph.ts";
import { chooseScoring } from "../../../src/pipeline/score/choose-scoring.ts";
import { findStructure } from "../../../src/structure/find-structure.ts";
import type { Structure } from "../../../src/structure/structure.ts";
import { bottleneckResnet, networkBuilder } from "../../helpers/networks.ts";

/** The network's structure, as if it took as many operations as an ImageNet network. */
function large(graph: Graph): Structure {
  const structure = findStructure(graph);
  const layers = structure.layers.map((layer) => ({ ...layer, macs: 1e12 }));
  return { ...structure, layers };
}

test("where there are images the cuts of a small network are measured, and estimated on a large one", () => {
  const graph = bottleneckResnet(1);
  expect(chooseScoring(findStructure(graph), "own").method).toBe("sensitivity");
  expect(chooseScoring(findStructure(graph), "none").method).toBe("magnitude-l2");
  expect(chooseScoring(large(graph), "own")).toMatchObject({ method: "taylor-bn", labels: "data" });

  const mixed = networkBuilder(1);
  const first = mixed.conv("first", mixed.input("input", ["batch", 3, 4, 4]), { from: 3, to: 8 });
  const second = mixed.conv("second", mixed.relu(first), { from: 8, to: 8, bn: false });
  const pooled = mixed.node("GlobalAveragePool", [mixed.relu(second)]);
  mixed.output(mixed.gemm("fc", mixed.node("Flatten", [pooled]), 8, 5));
  expect(chooseScoring(large(mixed.graph()), "own").method).toBe("fisher");
});

test("labels of the images that judge the result don't teach", () => {
  const structure = findStructure(bottleneckResnet(1));
  expect(chooseScoring(structure, "judged").labels).toBe("self");
});
