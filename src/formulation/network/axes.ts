import type { AxisCount } from "../../structure/structure.ts";
import type { AxisRef, ProblemDim, ProblemSum } from "../problem/problem.ts";

/** One axis of a table in the program: null where no choice shapes it. */
export interface ResolvedAxis {
  readonly ref: AxisRef | null;
  /** Channels on the axis for each option; one entry where `ref` is null. */
  readonly channels: readonly number[];
}

/** Turns linear forms over dims into references that tables can be indexed by. */
export interface AxisResolver {
  readonly resolve: (count: AxisCount) => ResolvedAxis;
  /** The sums that were needed so far; longer ones are chains of pairs, shared by their beginnings. */
  readonly sums: readonly ProblemSum[];
}

interface Part {
  readonly ref: AxisRef;
  readonly perUnit: number;
}

/**
 * `dims` by index as in the structure. Dims with a single option count as constants.
 * @param variables per dim, the one whose option decides it; itself unless dims are kept equal
 */
export function axisResolver(
  dims: readonly ProblemDim[],
  variables: readonly number[] = dims.map((_, dim) => dim),
): AxisResolver {
  const sums: ProblemSum[] = [];
  const known = new Map<string, AxisRef>();

  const unitsOf = (ref: AxisRef): readonly number[] =>
    (ref.kind === "dim" ? dims[ref.index]?.counts : sums[ref.index]?.values) ?? [];

  const add = (left: Part, right: Part): Part => {
    const key = `${left.ref.kind}${left.ref.index}*${left.perUnit}+${right.ref.kind}${right.ref.index}*${right.perUnit}`;
    const present = known.get(key);
    if (present !== undefined) return { ref: present, perUnit: 1 };
    const values = new Set<number>();
    for (const a of unitsOf(left.ref)) {
      for (const b of unitsOf(right.ref)) values.add(a * left.perUnit + b * right.perUnit);
    }
    const ref: AxisRef = { kind: "sum", index: sums.length };
    sums.push({
      name: key,
      left: left.ref,
      right: right.ref,
      leftUnits: left.perUnit,
      rightUnits: right.perUnit,
      values: [...values].sort((a, b) => a - b),
    });
    known.set(key, ref);
    return { ref, perUnit: 1 };
  };

  const resolve = (count: AxisCount): ResolvedAxis => {
    let fixed = count.fixed;
    const perUnits = new Map<number, number>();
    for (const { dim, perUnit } of count.parts) {
      const variable = variables[dim] ?? dim;
      const counts = dims[variable]?.counts ?? [];
      if (counts.length === 1) fixed += (counts[0] ?? 0) * perUnit;
      else perUnits.set(variable, (perUnits.get(variable) ?? 0) + perUnit);
    }
    const parts = [...perUnits].map(
      ([index, perUnit]): Part => ({ ref: { kind: "dim", index }, perUnit }),
    );
    const [first, ...rest] = parts;
    if (first === undefined) return { ref: null, channels: [fixed] };
    const total = rest.reduce(add, first);
    return {
      ref: total.ref,
      channels: unitsOf(total.ref).map((units) => fixed + units * total.perUnit),
    };
  };

  return { resolve, sums };
}
