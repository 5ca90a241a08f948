import type { AxisCount, AxisUnits, UnitLevel } from "./structure.ts";

/** Elements of an axis whose units are of the same dims, in whatever order. */
interface Kind {
  /** Increasing. */
  readonly dims: readonly number[];
  /** How often each combination of units is there. */
  readonly combinations: Map<string | number, number>;
}

/**
 * The length of an axis as kept units: all combinations of units of the dims on an element appear equally often (`isGrid`), so
 * that one of them is counted.
 */
export function countOf(units: AxisUnits): AxisCount {
  const { fixed, kinds } = kindsOf(units);
  return {
    fixed,
    parts: kinds.map(({ dims, combinations }) => {
      const [dim = 0, ...times] = dims;
      const [perUnit = 0] = combinations.values();
      return times.length === 0 ? { dim, perUnit } : { dim, perUnit, times };
    }),
  };
}

/**
 * Whether every product on the axis is a full one: all combinations of its dims' units are there, each equally often. A part of
 * a product (a diagonal, say) would not be as long as the units kept say.
 * @param sizes units per dim
 */
export function isGrid(units: AxisUnits, sizes: readonly number[]): boolean {
  return kindsOf(units).kinds.every(({ dims, combinations }) => {
    const all = dims.reduce((product, dim) => product * (sizes[dim] ?? 0), 1);
    return combinations.size === all && new Set(combinations.values()).size === 1;
  });
}

function kindsOf({ length, levels }: AxisUnits): {
  readonly fixed: number;
  readonly kinds: readonly Kind[];
} {
  const kinds = new Map<string | number, Kind>();
  let fixed = 0;
  for (let index = 0; index < length; index += 1) {
    const own = levels.filter(({ dims }) => (dims[index] ?? -1) !== -1);
    if (own.length === 0) {
      fixed += 1;
      continue;
    }
    // The same dims in another order are the same product.
    if (own.length > 1) own.sort((a, b) => (a.dims[index] ?? 0) - (b.dims[index] ?? 0));
    const key = keyOf(own, "dims", index);
    const kind = kinds.get(key) ?? {
      dims: own.map(({ dims }) => dims[index] ?? 0),
      combinations: new Map<string | number, number>(),
    };
    kinds.set(key, kind);
    const combination = keyOf(own, "units", index);
    kind.combinations.set(combination, (kind.combinations.get(combination) ?? 0) + 1);
  }
  return { fixed, kinds: [...kinds.values()] };
}

/** A number where it is exact: up to two levels. */
function keyOf(levels: readonly UnitLevel[], of: "dims" | "units", index: number): string | number {
  const [first, second, third] = levels;
  const one = first?.[of][index] ?? 0;
  if (second === undefined) return one;
  if (third === undefined) return -(one * 2 ** 26 + (second[of][index] ?? 0) + 1);
  return levels.map((level) => level[of][index]).join();
}
