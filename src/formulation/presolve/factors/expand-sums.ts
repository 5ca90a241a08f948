import { at, get } from "../../../core/at.ts";
import type { AxisRef, Problem, ProblemTerm } from "../../problem/problem.ts";
import { axisCounts, sumValue } from "../../problem/problem-axes.ts";
import { stridesOf } from "./factors.ts";
import { isLinear } from "./plan-sums.ts";

/** Cells of the largest table that a table over products may become. */
const MOST_CELLS = 2 ** 17;

/**
 * The same program with tables over the dims themselves where they were over products of dims (heads x columns): t(n) with n = a b becomes
 * t(a, b). The product is then no variable, and its rule no table. Null where there is nothing of the kind, or where a table would be
 * too large.
 */
export function expandSums(problem: Problem): Problem | null {
  const isMeant = (axis: AxisRef): boolean => axis.kind === "sum" && !isLinear(problem, axis);
  if (!problem.terms.some(({ axes }) => axes.some(isMeant))) return null;
  const terms: ProblemTerm[] = [];
  for (const term of problem.terms) {
    const expanded = term.axes.some(isMeant) ? expandTerm(problem, term, isMeant) : term;
    if (expanded === null) return null;
    terms.push(expanded);
  }
  return { ...problem, terms };
}

function expandTerm(
  problem: Problem,
  term: ProblemTerm,
  isMeant: (axis: AxisRef) => boolean,
): ProblemTerm | null {
  const parts = term.axes.map((axis) =>
    isMeant(axis) ? leavesOf(problem, axis, isMeant) : [axis],
  );
  const axes = unique(parts.flat());
  const sizes = axes.map((axis) => axisCounts(problem, axis).length);
  const cells = sizes.reduce((product, size) => product * size, 1);
  if (cells > MOST_CELLS) return null;
  const strides = stridesOf(sizes);
  const termStrides = stridesOf(term.axes.map((axis) => axisCounts(problem, axis).length));
  const positions = new Map(axes.map((axis, index) => [keyOf(axis), index]));
  // Per cell of the new table, the cell of the old one.
  const sources = new Int32Array(cells);
  for (const [index, axis] of term.axes.entries()) {
    const own = at(parts, index);
    const lookUp = optionTable(problem, axis, own);
    const ownStrides = stridesOf(own.map((each) => axisCounts(problem, each).length));
    const places = own.map((each) => get(positions, keyOf(each)));
    for (let cell = 0; cell < cells; cell += 1) {
      let place = 0;
      for (let part = 0; part < places.length; part += 1) {
        const position = places[part] as number;
        const option =
          Math.floor(cell / (strides[position] as number)) % (sizes[position] as number);
        place += option * (ownStrides[part] as number);
      }
      sources[cell] =
        (sources[cell] as number) + at(termStrides, index) * (lookUp[place] as number);
    }
  }
  const pick = (table: Float64Array | null): Float64Array | null =>
    table === null ? null : Float64Array.from(sources, (source) => at(table, source));
  return { ...term, axes, gain: pick(term.gain), cost: term.cost.map(pick) };
}

/** What a sum is made of: dims, and sums that stay. */
function leavesOf(
  problem: Problem,
  axis: AxisRef,
  isMeant: (axis: AxisRef) => boolean,
): readonly AxisRef[] {
  const sum = isMeant(axis) ? problem.sums[axis.index] : undefined;
  if (sum === undefined) return [axis];
  return unique([sum.left, sum.right].flatMap((each) => leavesOf(problem, each, isMeant)));
}

/** The option of an axis for every combination of what it is made of, row-major. */
function optionTable(problem: Problem, axis: AxisRef, leaves: readonly AxisRef[]): Int32Array {
  const counts = leaves.map((each) => axisCounts(problem, each));
  const strides = stridesOf(counts.map(({ length }) => length));
  const cells = counts.reduce((product, { length }) => product * length, 1);
  const optionOf = new Map(axisCounts(problem, axis).map((value, option) => [value, option]));
  const units = (each: AxisRef, cell: number): number => {
    const leaf = leaves.findIndex((other) => keyOf(other) === keyOf(each));
    if (leaf >= 0) {
      const own = at(counts, leaf);
      return at(own, Math.floor(cell / at(strides, leaf)) % own.length);
    }
    const sum = at(problem.sums, each.index);
    return sumValue(sum, units(sum.left, cell), units(sum.right, cell));
  };
  return Int32Array.from({ length: cells }, (_, cell) => get(optionOf, units(axis, cell)));
}

function unique(axes: readonly AxisRef[]): readonly AxisRef[] {
  const keys = axes.map(keyOf);
  return axes.filter((axis, index) => keys.indexOf(keyOf(axis)) === index);
}

function keyOf({ kind, index }: AxisRef): string {
  return `${kind} ${index}`;
}
