import type { Subject } from "./subject.ts";

/** What was chosen, by the answer of `mdp solve` or, without one, by the subnet's file. */
export interface Chosen {
  /** Kept channels per dim, by name; a dim that is missing is whole. */
  readonly kept: ReadonlyMap<string, number>;
  /** Kept units per dim of the structure, in its order. */
  readonly units: readonly number[];
  readonly droppedBlocks: ReadonlySet<string>;
  readonly droppedLayers: ReadonlySet<string>;
}

/** Null without a structure, or where nothing was chosen. */
export function chosenOf({ structure, subnet, solve }: Subject): Chosen | null {
  if (structure === null || (subnet === null && solve === null)) return null;
  const units = structure.dims.map((dim) => {
    const solved = solve?.dims.find(({ name }) => name === dim.name);
    if (solved !== undefined) return solved.kept / dim.unitChannels;
    return subnet?.dims.find((each) => each.dim === dim.name)?.kept ?? dim.units;
  });
  return {
    kept: new Map(
      structure.dims.map(({ name, unitChannels }, at) => [name, (units[at] ?? 0) * unitChannels]),
    ),
    units,
    droppedBlocks: new Set(solve?.droppedBlocks ?? subnet?.droppedBlocks ?? []),
    droppedLayers: new Set(solve?.droppedLayers ?? subnet?.droppedLayers ?? []),
  };
}

/** Ids of the operations that the chosen subnet doesn't have, the Adds of dropped blocks included. */
export function goneOps(
  structure: NonNullable<Subject["structure"]>,
  { droppedBlocks, droppedLayers }: Pick<Chosen, "droppedBlocks" | "droppedLayers">,
): ReadonlySet<string> {
  const parents = new Map(structure.blocks.map(({ name, parent }) => [name, parent]));
  const isGone = (block: string | null): boolean => {
    for (let at = block; at !== null; at = parents.get(at) ?? null) {
      if (droppedBlocks.has(at)) return true;
    }
    return false;
  };
  return new Set([
    ...structure.layers
      .filter(({ name, blocks }) => droppedLayers.has(name) || isGone(blocks.at(-1) ?? null))
      .flatMap(({ node, normalisation }) =>
        typeof normalisation === "string" ? [node, normalisation] : [node],
      ),
    ...(structure.ops ?? []).filter(({ block }) => isGone(block)).map(({ id }) => id),
    ...structure.blocks.filter(({ name }) => isGone(name)).map(({ add }) => add),
  ]);
}
