import type { Graph } from "../graph/graph.ts";
import { producerOf } from "../graph/traversal.ts";
import type { Structure } from "../structure/structure.ts";
import { keptAxes } from "../subnet/kept-axes.ts";
import type { Subnet } from "../subnet/subnet.ts";
import type { Layout } from "./parameters.ts";

/**
 * Which weights a subnet keeps: 1 where every unit on the weight's axes stays and its block does, else 0. With the others at
 * zero the whole network computes what the subnet computes, as long as units are forgotten on both sides: a removed unit's own
 * filter, scale and shift, and what reads it. Requires a subnet without dropped layers, which can't be forgotten that way.
 * @returns as long as the layout.
 */
export function keptWeights(structure: Structure, subnet: Subnet, layout: Layout): Uint8Array {
  const kept = keptAxes(structure, subnet);
  const gone = droppedWeights(structure, subnet);
  const mask = new Uint8Array(layout.length);
  for (const { name, start, end, shape } of layout.parts) {
    if (gone.has(name)) continue;
    mask.fill(1, start, end);
    for (let axis = 0; axis < shape.length; axis += 1) {
      const indices = kept(name, axis);
      if (indices !== null) forget(mask.subarray(start, end), shape, axis, new Set(indices));
    }
  }
  return mask;
}

/** Makes weights zero that the mask doesn't keep, in place. */
export function applyMask(weights: Float32Array, mask: Uint8Array): void {
  for (let at = 0; at < weights.length; at += 1) if (mask[at] === 0) weights[at] = 0;
}

function forget(
  mask: Uint8Array,
  shape: readonly number[],
  axis: number,
  kept: ReadonlySet<number>,
): void {
  const length = shape[axis] ?? 1;
  const inner = shape.slice(axis + 1).reduce((product, extent) => product * extent, 1);
  for (let row = 0; row * inner < mask.length; row += 1) {
    if (!kept.has(row % length)) mask.fill(0, row * inner, (row + 1) * inner);
  }
}

/** Weights that only nodes of dropped blocks read. */
function droppedWeights(structure: Structure, subnet: Subnet): ReadonlySet<string> {
  const { graph } = structure;
  const nodes = producerOf(graph);
  const dropped = new Set(
    subnet.droppedBlocks.flatMap((index) => {
      const block = structure.blocks[index];
      return block === undefined ? [] : block.nodes.filter((id) => id !== block.add);
    }),
  );
  const inside = new Set([...dropped].flatMap((id) => nodes.get(id)?.inputs ?? []));
  const elsewhere = new Set(readOutside(graph, dropped));
  return new Set([...inside].filter((name) => !elsewhere.has(name)));
}

function readOutside(graph: Graph, dropped: ReadonlySet<string>): readonly string[] {
  return graph.nodes
    .filter(({ outputs }) => !outputs.some((name) => dropped.has(name)))
    .flatMap(({ inputs }) => inputs);
}
