import { InputError } from "../core/errors.ts";
import type { Dim, Structure } from "../structure/structure.ts";

/** What stays of a network. */
export interface Subnet {
  /** Per dim of the structure: kept unit indices, ascending; all units of a pinned dim. Ignored where the dim's block is dropped. */
  readonly kept: readonly (readonly number[])[];
  /** Indices of dropped blocks, ascending; a nested block of a dropped one need not be listed. */
  readonly droppedBlocks: readonly number[];
  /** Indices of dropped layers, ascending. */
  readonly droppedLayers: readonly number[];
}

/** The subnet that is the whole network. */
export function keepAll(structure: Structure): Subnet {
  return {
    kept: structure.dims.map((dim) => allUnits(dim)),
    droppedBlocks: [],
    droppedLayers: [],
  };
}

/** 0, 1, ... up to the dim's size. */
export function allUnits(dim: Dim): readonly number[] {
  return Array.from({ length: dim.size }, (_, unit) => unit);
}

/** Units kept per dim, as counts. */
export function unitCounts(subnet: Subnet): readonly number[] {
  return subnet.kept.map((units) => units.length);
}

/** Whether a block or one around it is dropped. */
export function isBlockGone(structure: Structure, subnet: Subnet, block: number | null): boolean {
  for (let at = block; at !== null; at = structure.blocks[at]?.parent ?? null) {
    if (subnet.droppedBlocks.includes(at)) return true;
  }
  return false;
}

/**
 * Refuses a subnet that the structure has no network for.
 * @throws InputError `subnet/wrong-structure`, `subnet/bad-units`, `subnet/pinned-dim`, `subnet/empty-dim`, `subnet/bad-drop`,
 * `subnet/untied`
 */
export function checkSubnet(structure: Structure, subnet: Subnet): void {
  const { dims, blocks, layers } = structure;
  if (subnet.kept.length !== dims.length) {
    throw refuse(
      "subnet/wrong-structure",
      `The subnet has ${subnet.kept.length} dims, the network has ${dims.length}.`,
      "subnet",
      "Use the subnet with the network that it was made for.",
    );
  }
  checkIndices(subnet.droppedBlocks, blocks.length, "droppedBlocks");
  checkIndices(subnet.droppedLayers, layers.length, "droppedLayers");
  for (const dim of dims) checkDim(structure, subnet, dim);
  for (const index of subnet.droppedLayers) checkDrop(structure, subnet, index);
}

function checkIndices(indices: readonly number[], bound: number, where: string): void {
  const wrong = indices.find(
    (index, at) =>
      !Number.isInteger(index) || index < 0 || index >= bound || index <= (indices[at - 1] ?? -1),
  );
  if (wrong === undefined) return;
  throw refuse(
    "subnet/bad-units",
    `Indices must be whole numbers below ${bound} in ascending order, each once; found ${wrong}.`,
    where,
    "Sort the list and remove what repeats.",
  );
}

function checkDim(structure: Structure, subnet: Subnet, dim: Dim): void {
  const kept = subnet.kept[dim.index] ?? [];
  const where = `dim '${dim.name}'`;
  checkIndices(kept, dim.size, where);
  if (isBlockGone(structure, subnet, dim.block)) return;
  if (dim.pinned !== null && kept.length < dim.size) {
    throw refuse(
      "subnet/pinned-dim",
      `${kept.length} of ${dim.size} units are kept, but the dim can't be pruned: ${dim.pinned}.`,
      where,
      "Keep all its units.",
    );
  }
  if (kept.length === 0 && !dim.isUnread) {
    throw refuse(
      "subnet/empty-dim",
      `None of ${dim.size} units is kept.`,
      where,
      "Keep at least one unit, or drop the whole block.",
    );
  }
}

function checkDrop(structure: Structure, subnet: Subnet, index: number): void {
  const layer = structure.layers[index];
  if (layer === undefined || isBlockGone(structure, subnet, layer.blocks.at(-1) ?? null)) return;
  const where = `layer '${layer.name}'`;
  if (layer.drop === null) {
    throw refuse(
      "subnet/bad-drop",
      "The layer is dropped, but its input can't stand for its output.",
      where,
      "Keep the layer. `mdp inspect --layers` shows which ones can be dropped.",
    );
  }
  if (layer.drop.kind !== "tie") return;
  const { outlives, tied } = layer.drop;
  const [left, right] = [subnet.kept[outlives] ?? [], subnet.kept[tied] ?? []];
  if (left.length === right.length && left.every((unit, at) => unit === right[at])) return;
  throw refuse(
    "subnet/untied",
    `The layer is dropped, so the dims on its two sides must keep the same units, but '${structure.dims[outlives]?.name}' keeps ${left.length} and '${structure.dims[tied]?.name}' keeps ${right.length} units, or other ones.`,
    where,
    "Keep the same unit indices in both dims, or keep the layer.",
  );
}

function refuse(code: string, message: string, where: string, hint: string): InputError {
  return new InputError({ code, message, where, hint });
}
