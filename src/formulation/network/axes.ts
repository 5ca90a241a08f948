import { dimsOf } from "../../structure/counts.ts";
import type { AxisCount } from "../../structure/structure.ts";
import type { AxisRef, ProblemDim, ProblemSum } from "../problem/problem.ts";
import { sumValue } from "../problem/problem-axes.ts";

/** One axis of a table in the program: null where no choice shapes it. */
export interface ResolvedAxis {
  readonly ref: AxisRef | null;
  /** Channels on the axis for each option; one entry where `ref` is null. */
  readonly channels: readonly number[];
}

/** Turns sums and products of dims into references that tables can be indexed by. */
export interface AxisResolver {
  readonly resolve: (count: AxisCount) => ResolvedAxis;
  /** The sums that were needed so far; longer ones are chains of pairs, shared by their beginnings. */
  readonly sums: readonly ProblemSum[];
}

interface Part {
  readonly ref: AxisRef;
  readonly perUnit: number;
}

/** A product of the units of dims that have a choice, times a number. */
interface Monomial {
  /** Increasing; empty for a plain number. */
  readonly dims: readonly number[];
  readonly factor: number;
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

  const combine = (sum: Omit<ProblemSum, "values">): AxisRef => {
    const present = known.get(sum.name);
    if (present !== undefined) return present;
    const values = new Set<number>();
    for (const a of unitsOf(sum.left)) {
      for (const b of unitsOf(sum.right)) values.add(sumValue(sum, a, b));
    }
    const ref: AxisRef = { kind: "sum", index: sums.length };
    sums.push({ ...sum, values: [...values].sort((a, b) => a - b) });
    known.set(sum.name, ref);
    return ref;
  };

  const add = (left: Part, right: Part): Part => {
    const name = `${left.ref.kind}${left.ref.index}*${left.perUnit}+${right.ref.kind}${right.ref.index}*${right.perUnit}`;
    const units = { leftUnits: left.perUnit, rightUnits: right.perUnit };
    return { ref: combine({ name, left: left.ref, right: right.ref, ...units }), perUnit: 1 };
  };

  /** left * (right + fixed) */
  const multiply = (left: AxisRef, right: Part, fixed: number): Part => {
    const name = `${left.kind}${left.index}*(${right.ref.kind}${right.ref.index}*${right.perUnit}+${fixed})`;
    const units = { leftUnits: fixed, rightUnits: 0, productUnits: right.perUnit };
    return { ref: combine({ name, left, right: right.ref, ...units }), perUnit: 1 };
  };

  /** What all monomials have in common is a factor of the sum of the rest: heads * (2 * qk + v). */
  const build = (monomials: readonly Monomial[]): Part | null => {
    const [first, ...rest] = monomials;
    const shared = first?.dims.find((dim) => rest.every(({ dims: own }) => own.includes(dim)));
    if (first === undefined) return null;
    if (shared !== undefined) {
      const ref: AxisRef = { kind: "dim", index: shared };
      const divided = monomials.map((monomial) => without(monomial, shared));
      const inner = build(divided.filter(({ dims: own }) => own.length > 0));
      const fixed = numberIn(divided);
      return inner === null ? { ref, perUnit: fixed } : multiply(ref, inner, fixed);
    }
    // Those with a dim in common belong together, so that each group can be factored.
    const [lead = -1] = first.dims;
    const together = monomials.filter(({ dims: own }) => own.includes(lead));
    const others = monomials.filter(({ dims: own }) => !own.includes(lead));
    const [left, right] = [build(together), build(others)];
    return left === null || right === null ? (left ?? right) : add(left, right);
  };

  const resolve = (count: AxisCount): ResolvedAxis => {
    const merged = new Map<string, Monomial>();
    for (const part of count.parts) {
      const own = dimsOf(part).map((dim) => variables[dim] ?? dim);
      const chosen = own.filter((dim) => (dims[dim]?.counts.length ?? 0) > 1);
      const factor = own
        .filter((dim) => !chosen.includes(dim))
        .reduce((product, dim) => product * (dims[dim]?.counts[0] ?? 0), part.perUnit);
      const key = chosen.sort((a, b) => a - b).join();
      merged.set(key, { dims: chosen, factor: factor + (merged.get(key)?.factor ?? 0) });
    }
    const all = [...merged.values()];
    const fixed = count.fixed + numberIn(all);
    const total = build(all.filter(({ dims: own }) => own.length > 0));
    if (total === null) return { ref: null, channels: [fixed] };
    return {
      ref: total.ref,
      channels: unitsOf(total.ref).map((units) => fixed + units * total.perUnit),
    };
  };

  return { resolve, sums };
}

/** The monomial divided by one of its dims. */
function without({ dims, factor }: Monomial, dim: number): Monomial {
  const at = dims.indexOf(dim);
  return { dims: dims.filter((_, index) => index !== at), factor };
}

/** The plain numbers among monomials, summed. */
function numberIn(monomials: readonly Monomial[]): number {
  return monomials.reduce((sum, { dims, factor }) => sum + (dims.length === 0 ? factor : 0), 0);
}
