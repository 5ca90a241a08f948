import { type Random, shuffled } from "../core/random.ts";
import type { Structure } from "../structure/structure.ts";
import { isBlockGone, type Subnet } from "./subnet.ts";

export interface RandomSubnetOptions {
  /** Smallest share of a dim's units that stays; 0 unless given. At least one unit stays. */
  readonly minKept?: number;
  /** Kept counts are multiples of this where the dim is that large; 1 unless given. */
  readonly multipleOf?: number;
  /** Chance that a block is dropped; 0.2 unless given. */
  readonly dropBlocks?: number;
  /** Chance that a layer that may be dropped is; 0.2 unless given. */
  readonly dropLayers?: number;
}

/** A valid subnet by chance: widths, blocks and layers. The same random source gives the same subnet. */
export function randomSubnet(
  structure: Structure,
  random: Random,
  options: RandomSubnetOptions = {},
): Subnet {
  const { minKept = 0, multipleOf = 1, dropBlocks = 0.2, dropLayers = 0.2 } = options;
  const kept: (readonly number[])[] = structure.dims.map((dim) => {
    const units = Array.from({ length: dim.size }, (_, unit) => unit);
    if (dim.pinned !== null) return units;
    const least = Math.max(1, Math.ceil(minKept * dim.size));
    const drawn = least + random.integer(dim.size - least + 1);
    const rounded = Math.max(multipleOf, Math.round(drawn / multipleOf) * multipleOf);
    const count = Math.min(dim.size, rounded);
    return shuffled(units, random)
      .slice(0, count)
      .sort((a, b) => a - b);
  });
  const blocks = structure.blocks.filter(() => random.next() < dropBlocks);
  const droppedBlocks = blocks.map((block) => block.index);
  const subnet = { kept, droppedBlocks, droppedLayers: [] };
  const droppedLayers: number[] = [];
  // A dim takes part in one tie only: a second one would change what the first one made equal.
  const tied = new Set<number>();
  for (const layer of structure.layers) {
    const wanted = random.next() < dropLayers;
    const gone = isBlockGone(structure, subnet, layer.blocks.at(-1) ?? null);
    if (!wanted || layer.drop === null || gone) continue;
    if (layer.drop.kind === "tie") {
      const { outlives, tied: follower } = layer.drop;
      if (tied.has(outlives) || tied.has(follower)) continue;
      tied.add(outlives).add(follower);
      kept[follower] = kept[outlives] ?? [];
    }
    droppedLayers.push(layer.index);
  }
  return { kept, droppedBlocks, droppedLayers };
}
