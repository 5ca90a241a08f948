import { type Random, randomFrom } from "../../core/random.ts";

/** A drawn set: which samples it consists of. */
export interface DrawnSet {
  readonly seed: number;
  readonly split: "train" | "test";
}

/** The source of chance of one sample: a pure function of the set and the index, so that samples are drawn in any order. */
export function randomOf(set: DrawnSet, index: number): Random {
  return randomFrom(Math.imul(streamOf(set), 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca77));
}

/** A number of its own for every seed and split. */
export function streamOf({ seed, split }: DrawnSet): number {
  return Math.imul(seed, 2) + (split === "train" ? 0 : 1);
}
