import type { Structure } from "../../structure/structure.ts";
import { keptAxes } from "../../subnet/kept-axes.ts";
import type { Subnet } from "../../subnet/subnet.ts";

/**
 * Which of the original's channels a value of the smaller network has: along axis 1 of images, along the last axis of tokens.
 * null where all of them are there, or where the value is not in the original.
 */
export function keptChannels(structure: Structure, subnet: Subnet, value: string): number[] | null {
  const rank = structure.shapes.of(value)?.length ?? 0;
  if (rank < 2) return null;
  const kept = keptAxes(structure, subnet)(value, rank === 3 ? 2 : 1);
  return kept === null ? null : [...kept];
}
