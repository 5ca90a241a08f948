/**
 * What dims of one product are worth together. A head's columns count for less where half of the heads are gone, so that scores of
 * heads and of columns can't just be added. With S(k) the summed scores of a dim's k best units and G the gain of a joint table, a
 * block's units are worth
 *
 *     S_heads(k) + S_columns(c) + G(k, c)
 *
 * G is 0 where either dim is whole: scores alone say what one cut does, and joint tables what two at once do beyond that.
 */
import { z } from "zod";
import { at } from "../core/at.ts";
import type { InputError } from "../core/errors.ts";
import type { Structure } from "../structure/structure.ts";

/** A table over how many units of some dims stay. */
export interface JointImportance {
  /** Layer whose block it is lost with. */
  readonly layer: string;
  readonly block: string | null;
  /** Names of dims; none for a number that counts while the block stays. */
  readonly dims: readonly string[];
  /** Per dim, numbers of units, increasing; the last is all of them. */
  readonly counts: readonly (readonly number[])[];
  /** Row-major over the counts; added to what the units' scores say. */
  readonly gains: readonly number[];
}

export const JOINT = z.object({
  layer: z.string(),
  block: z.string().nullable(),
  dims: z.array(z.string()).max(3),
  counts: z.array(z.array(z.int().positive()).min(1)).max(3),
  gains: z.array(z.number()),
});

/**
 * The gain at numbers of units, by straight lines along each dim between those of the table; below the least of them, as there.
 * @param units one number per dim of the table
 */
export function jointGain({ counts, gains }: JointImportance, units: readonly number[]): number {
  // Corners of the cell around the point, as position in the table and weight.
  let corners: readonly (readonly [cell: number, weight: number])[] = [[0, 1]];
  for (const [axis, list] of counts.entries()) {
    const [low, share] = between(list, at(units, axis));
    corners = corners.flatMap(([cell, weight]) => [
      [cell * list.length + low, weight * (1 - share)] as const,
      [cell * list.length + Math.min(low + 1, list.length - 1), weight * share] as const,
    ]);
  }
  return corners.reduce(
    (sum, [cell, weight]) => (weight === 0 ? sum : sum + weight * at(gains, cell)),
    0,
  );
}

/** Position of the last count that is at most `units`, and how far it is from there to the next one. */
function between(list: readonly number[], units: number): readonly [number, number] {
  const low = Math.max(
    0,
    list.findLastIndex((count) => count <= units),
  );
  const from = at(list, low);
  const to = list[low + 1];
  return [low, to === undefined ? 0 : Math.max(0, (units - from) / (to - from))];
}

/** What is wrong with a joint table, for people; null where nothing is. */
export function jointFault({ dims, counts, gains }: JointImportance): string | null {
  const of = `The joint table of ${dims.map((dim) => `'${dim}'`).join(" and ") || "no dims"}`;
  const cells = counts.reduce((product, list) => product * list.length, 1);
  if (counts.length !== dims.length || new Set(dims).size !== dims.length) {
    return `${of} has ${counts.length} lists of counts.`;
  }
  if (gains.length !== cells) return `${of} has ${gains.length} gains instead of ${cells}.`;
  const falls = counts.some((list) => list.some((count, index) => count <= (list[index - 1] ?? 0)));
  return falls ? `${of} has counts that do not increase.` : null;
}

/**
 * Checks that joint tables speak of this network: its layers, and dims of one block with the counts that they have.
 * @throws InputError `importance/other-network`
 */
export function checkJoint(
  joint: readonly JointImportance[],
  structure: Structure,
  refuse: (reason: string) => InputError,
): void {
  const dims = new Map(structure.dims.map((dim) => [dim.name, dim]));
  const layers = new Map(structure.layers.map((layer) => [layer.name, layer]));
  for (const { layer, dims: named, counts } of joint) {
    const home = layers.get(layer);
    if (home === undefined) throw refuse(`the network has no layer '${layer}'`);
    for (const [axis, name] of named.entries()) {
      const dim = dims.get(name);
      if (dim === undefined) throw refuse(`the network has no dim '${name}'`);
      const all = counts[axis]?.at(-1);
      if (all !== dim.size) {
        throw refuse(`dim '${name}' has ${dim.size} units in the network and ${all} in it`);
      }
      if (dim.block !== null && !home.blocks.includes(dim.block)) {
        throw refuse(`dim '${name}' does not outlive the block of layer '${layer}'`);
      }
    }
  }
}
