import type { Subnet } from "../../subnet/subnet.ts";
import type { Problem, Selection } from "../problem/problem.ts";
import { blockChain } from "../problem/problem-axes.ts";
import type { NetworkProblem } from "./network-problem.ts";

/**
 * Selection -> Subnet: the best units of every dim; where a layer was dropped, its tied dim follows the other's ranking.
 * Dims that went with their block keep nothing.
 */
export function selectedSubnet(network: NetworkProblem, selection: Selection): Subnet {
  const { structure, rankings, choices, variables, layerIndices } = network;
  const follows = new Map<number, number>();
  for (const layer of selection.droppedLayers) {
    const drop = structure.layers[layerIndices[layer] ?? -1]?.drop;
    if (drop?.kind === "tie") follows.set(drop.tied, drop.outlives);
  }
  const kept = structure.dims.map((dim) => {
    const option = selection.options[variables[dim.index] ?? dim.index] ?? -1;
    // Dims that are kept equal have one option, which may outlive the block of one of them.
    const isGone = isWithinDropped(network.problem, dim.block, selection.droppedBlocks);
    if (option < 0 || isGone) return [];
    const count = choices[dim.index]?.counts[option] ?? dim.size;
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

function isWithinDropped(
  problem: Problem,
  block: number | null,
  dropped: ReadonlySet<number>,
): boolean {
  return blockChain(problem, block).some((around) => dropped.has(around));
}
