import { randomFrom, shuffled } from "../core/random.ts";
import type { BatchOptions } from "./dataset.ts";

/** Which samples, in which order. */
export function choose(count: number, { limit, seed }: BatchOptions): number[] {
  const all = Array.from({ length: count }, (_, index) => index);
  const limited = limit !== undefined && limit < count;
  if (!limited && seed === undefined) return all;
  const mixed = shuffled(all, randomFrom(seed ?? 0)).slice(0, limit ?? count);
  return seed === undefined ? mixed.sort((a, b) => a - b) : mixed;
}
