import { at } from "../../core/at.ts";
/**
 * What a subnet uses, counted on the network that it is: the graph after surgery, its own structure, the device's table.
 * Nothing here knows the program, so that it can prove the program's sums.
 */
import type { Graph } from "../../graph/graph.ts";
import type { Importance } from "../../importance/importance.ts";
import { jointGain } from "../../importance/joint.ts";
import { findStructure } from "../../structure/find-structure.ts";
import type { Structure } from "../../structure/structure.ts";
import { cutGraph } from "../../subnet/cut.ts";
import { isBlockGone, keepAll, type Subnet } from "../../subnet/subnet.ts";

/** A subnet with the network that it is; made when it is first asked for. */
export interface MeasuredSubnet {
  readonly structure: Structure;
  readonly subnet: Subnet;
  readonly graph: () => Graph;
  readonly own: () => Structure;
  /** Share of elements that stays of the weights that are sparse, by the initializer's name; all others are whole. */
  readonly densities?: ReadonlyMap<string, number> | undefined;
}

export function measuredSubnet(structure: Structure, subnet: Subnet): MeasuredSubnet {
  const graph = once(() => cutGraph(structure, subnet));
  // The structure of the whole network is known already.
  const own = once(() =>
    graph() === structure.graph ? structure : findStructure(graph(), { bind: structure.bind }),
  );
  return { structure, subnet, graph, own };
}

/** The whole network. */
export function measuredWhole(structure: Structure): MeasuredSubnet {
  return measuredSubnet(structure, keepAll(structure));
}

function once<Result>(make: () => Result): () => Result {
  let made: { readonly result: Result } | null = null;
  return () => {
    made ??= { result: make() };
    return made.result;
  };
}

/** Channels that are left of a dim; none where it went with its block. */
export function keptChannels({ structure, subnet }: MeasuredSubnet, index: number): number {
  const dim = structure.dims[index];
  if (dim === undefined || isBlockGone(structure, subnet, dim.block)) return 0;
  return (subnet.kept[index]?.length ?? 0) * dim.unitChannels;
}

/** Importance of the kept units in the layers that are left, of those that are meant. */
export function keptImportance(
  { structure, subnet }: MeasuredSubnet,
  importance: Importance,
  isMeant: (layer: string, dim: number) => boolean,
): number {
  const layers = new Map(structure.layers.map((layer) => [layer.name, layer]));
  const isGone = (name: string): boolean => {
    const layer = layers.get(name);
    if (layer === undefined) return false;
    const block = layer.blocks.at(-1) ?? null;
    return isBlockGone(structure, subnet, block) || subnet.droppedLayers.includes(layer.index);
  };
  let sum = 0;
  for (const dim of structure.dims) {
    const scored = importance.dims.find((candidate) => candidate.dim === dim.name);
    const kept = isBlockGone(structure, subnet, dim.block) ? [] : (subnet.kept[dim.index] ?? []);
    for (const { layer, scores } of scored?.layers ?? []) {
      if (!isMeant(layer, dim.index) || isGone(layer)) continue;
      for (const unit of kept) sum += at(scores, unit);
    }
  }
  const indexOf = new Map(structure.dims.map(({ name, index }) => [name, index]));
  for (const table of importance.joint ?? []) {
    const dims = table.dims.map((name) => indexOf.get(name) ?? -1);
    const isAsked =
      dims.length === 0 ? isMeant(table.layer, -1) : dims.every((dim) => isMeant(table.layer, dim));
    if (!isAsked || isGone(table.layer)) continue;
    const units = dims.map((dim) => subnet.kept[dim]?.length ?? 0);
    sum += jointGain(table, units);
  }
  return sum;
}

/** Blocks that are gone, those inside dropped ones among them, of those that are meant. */
export function goneBlocks(
  { structure, subnet }: MeasuredSubnet,
  isMeant: (block: number) => boolean,
): number {
  return structure.blocks.filter(
    ({ index }) => isMeant(index) && isBlockGone(structure, subnet, index),
  ).length;
}

/** Layers that were dropped by themselves, not with their block. */
export function goneLayers({ structure, subnet }: MeasuredSubnet): number {
  return subnet.droppedLayers.filter((index) => {
    const block = structure.layers[index]?.blocks.at(-1) ?? null;
    return !isBlockGone(structure, subnet, block);
  }).length;
}
