import type { NodeId } from "../../graph/graph.ts";
import type { Layer, Structure } from "../../structure/structure.ts";
import type { ProblemBlock } from "../problem/problem.ts";

/** Where a node stands: its innermost block and the droppable layer (of the problem) that takes it along. */
export interface Place {
  readonly block: number | null;
  readonly layer: number | null;
}

/** Outside of all that can be dropped. */
export const OUTSIDE: Place = { block: null, layer: null };

/** Where each node of a network stands. */
export interface Places {
  readonly of: (node: NodeId) => Place;
}

/** @param droppable the layers of the problem, by index */
export function placesOf(
  structure: Structure,
  droppable: readonly Layer[],
  blocks: boolean,
): Places {
  const blockOf = new Map<NodeId, number>();
  if (blocks) {
    // Outer blocks first, so that an inner one has the last word.
    const depth = (index: number): number => {
      const parent = structure.blocks[index]?.parent ?? null;
      return parent === null ? 0 : 1 + depth(parent);
    };
    const outerFirst = [...structure.blocks].sort((a, b) => depth(a.index) - depth(b.index));
    for (const block of outerFirst) for (const node of block.nodes) blockOf.set(node, block.index);
  }
  const layerOf = new Map<NodeId, number>();
  for (const [index, layer] of droppable.entries()) {
    layerOf.set(layer.id, index);
    if (layer.normalisation !== null) layerOf.set(layer.normalisation, index);
  }
  return {
    of: (node) => ({ block: blockOf.get(node) ?? null, layer: layerOf.get(node) ?? null }),
  };
}

/** Whether what is at `outer` is there whenever what is at `inner` is. */
export function holds(blocks: readonly ProblemBlock[], outer: Place, inner: Place): boolean {
  if (outer.layer !== null) return outer.layer === inner.layer;
  return outer.block === null || chainOf(blocks, inner.block).includes(outer.block);
}

/** The innermost place that holds both. */
export function placeAround(blocks: readonly ProblemBlock[], left: Place, right: Place): Place {
  if (holds(blocks, left, right)) return left;
  if (holds(blocks, right, left)) return right;
  const around = chainOf(blocks, left.block);
  const block = chainOf(blocks, right.block).find((index) => around.includes(index)) ?? null;
  return { block, layer: null };
}

/** The block and those around it, innermost first. */
function chainOf(blocks: readonly ProblemBlock[], block: number | null): number[] {
  const chain: number[] = [];
  for (let at = block; at !== null; at = blocks[at]?.parent ?? null) chain.push(at);
  return chain;
}
