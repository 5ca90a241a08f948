import type { Random } from "../../src/core/random.ts";

/** Something that reads what users give. */
export interface FuzzTarget {
  readonly name: string;
  /** Makes what the reader needs around its input in a folder of its own, and gives the reader. */
  readonly open: (folder: string) => Promise<FuzzReader> | FuzzReader;
}

export interface FuzzReader {
  /** An input by chance: a right one that was changed. */
  readonly input: (random: Random) => FuzzInput;
  /** Reads the input as a command would. Errors of the family MdpError but the internal ones are its right to throw. */
  readonly read: (input: FuzzInput) => unknown;
}

export interface FuzzInput {
  readonly bytes: Uint8Array;
  /** Which right input it was made of, where the reader must know. */
  readonly seed: number;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export const bytesOf = (text: string): Uint8Array => encoder.encode(text);
export const textOf = ({ bytes }: FuzzInput): string => decoder.decode(bytes);

/** Inputs made of one of the right ones by one of the ways to change it. */
export function mutations<Seed>(
  seeds: readonly Seed[],
  ...ways: readonly ((seed: Seed, random: Random) => Uint8Array | string)[]
): (random: Random) => FuzzInput {
  return (random) => {
    const seed = random.integer(seeds.length);
    const way = ways[random.integer(ways.length)];
    const right = seeds[seed];
    if (way === undefined || right === undefined) throw new RangeError("no seeds to change");
    const changed = way(right, random);
    return { bytes: typeof changed === "string" ? bytesOf(changed) : changed, seed };
  };
}
