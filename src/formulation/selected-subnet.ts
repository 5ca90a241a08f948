import type { Subnet } from "../subnet/subnet.ts";
import type { NetworkProblem } from "./network-problem.ts";
import type { Selection } from "./problem.ts";

/**
 * Selection -> Subnet: the best units of every dim; where a layer was dropped, its tied dim follows the other's ranking.
 * Dims that went with their block keep nothing.
 */
export function selectedSubnet(network: NetworkProblem, selection: Selection): Subnet {
  const { structure, rankings, problem, layerIndices } = network;
  const follows = new Map<number, number>();
  for (const layer of selection.droppedLayers) {
    const tie = problem.layers[layer]?.tie;
    if (tie) follows.set(tie.tied, tie.outlives);
  }
  const kept = structure.dims.map((dim) => {
    const option = selection.options[dim.index] ?? -1;
    if (option < 0) return [];
    const count = problem.dims[dim.index]?.counts[option] ?? dim.size;
    return rankings[follows.get(dim.index) ?? dim.index]?.best(count) ?? [];
  });
  return {
    kept,
    droppedBlocks: [...selection.droppedBlocks].sort((a, b) => a - b),
    droppedLayers: [...selection.droppedLayers]
      .map((layer) => layerIndices[layer] ?? -1)
      .sort((a, b) => a - b),
  };
}
