import type { QuantityKind } from "./form.ts";

/** What a unit's name stands for: so much of something that quantities are counted in, or a plain number. */
export interface UnitMeaning {
  readonly amount: number;
  readonly kind: QuantityKind | null;
}

const PREFIXES: ReadonlyMap<string, number> = new Map([
  ["k", 1e3],
  ["M", 1e6],
  ["G", 1e9],
]);
const TIME = /^(?:[mun]?s|seconds?|milliseconds?|microseconds?)$/;
const ENERGY = /^(?:[mukn]?J|joules?|millijoules?)$/;
// Lower-case letters would be bits, and their prefixes thousandths.
const BYTES = /^(?:(?:k|M|G|Ki|Mi|Gi)?B|bytes?)$/;

/** Names of units, for suggestions. */
export const UNIT_NAMES = [
  "k",
  "M",
  "G",
  "ms",
  "us",
  "s",
  "mJ",
  "J",
  "B",
  "kB",
  "MB",
  "GB",
  "KiB",
  "MiB",
  "GiB",
];

/** @param unit mathjs' function of that name */
export function meaningOfUnit(
  name: string,
  unit: (value: number, unit: string) => { toNumber: (unit: string) => number },
): UnitMeaning | null {
  const prefix = PREFIXES.get(name);
  if (prefix !== undefined) return { amount: prefix, kind: null };
  if (TIME.test(name)) return { amount: unit(1, name).toNumber("ms"), kind: "milliseconds" };
  if (ENERGY.test(name)) return { amount: unit(1, name).toNumber("mJ"), kind: "millijoules" };
  if (BYTES.test(name)) return { amount: unit(1, name).toNumber("B"), kind: "bytes" };
  return null;
}

/** How to write an amount of a kind. */
export function exampleOf(kind: QuantityKind | null): string {
  switch (kind) {
    case "milliseconds":
      return "3 ms";
    case "millijoules":
      return "20 mJ";
    case "bytes":
      return "8 MiB";
    case "parameters":
    case "nonzeros":
    case "MACs":
      return "2M";
    default:
      return "4";
  }
}
