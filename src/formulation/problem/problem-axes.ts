import { at } from "../../core/at.ts";
import type { AxisRef, Problem, ProblemSum, ProblemTerm } from "./problem.ts";

/** The name of a dim or of a sum. */
export function axisName(problem: Problem, axis: AxisRef): string {
  const named = axis.kind === "dim" ? problem.dims[axis.index] : problem.sums[axis.index];
  return named?.name ?? `${axis.kind} ${axis.index}`;
}

/** Units per option of a dim or of a sum. */
export function axisCounts(problem: Problem, axis: AxisRef): readonly number[] {
  return axis.kind === "dim"
    ? (problem.dims[axis.index]?.counts ?? [])
    : (problem.sums[axis.index]?.values ?? []);
}

/** Units of a sum or product where its operands have these. */
export function sumValue(
  { leftUnits, rightUnits, productUnits = 0 }: Omit<ProblemSum, "values">,
  left: number,
  right: number,
): number {
  return leftUnits * left + rightUnits * right + productUnits * left * right;
}

/**
 * The block whose dropping takes the axis away, null where it outlives every block: a dim's own; for a sum the
 * deeper one of its operands'.
 */
export function axisHome(problem: Problem, axis: AxisRef): number | null {
  if (axis.kind === "dim") return problem.dims[axis.index]?.block ?? null;
  const sum = problem.sums[axis.index];
  if (sum === undefined) return null;
  const left = axisHome(problem, sum.left);
  const right = axisHome(problem, sum.right);
  return left !== null && isWithin(problem, left, right) ? left : right;
}

/** Whether `block` is `outer` or lies inside it; everything lies inside null, the whole network. */
export function isWithin(problem: Problem, block: number | null, outer: number | null): boolean {
  if (outer === null) return true;
  for (let at = block; at !== null; at = problem.blocks[at]?.parent ?? null) {
    if (at === outer) return true;
  }
  return false;
}

/** The block and those around it, innermost first. */
export function blockChain(problem: Problem, block: number | null): number[] {
  const chain: number[] = [];
  for (let at = block; at !== null; at = problem.blocks[at]?.parent ?? null) chain.push(at);
  return chain;
}

/** Number of cells of a table over these axes. */
export function tableSize(problem: Problem, axes: readonly AxisRef[]): number {
  return axes.reduce((size, axis) => size * axisCounts(problem, axis).length, 1);
}

/** A term whose axes are all different and have at least two options each; the same program. */
export function simplifyTerm(problem: Problem, term: ProblemTerm): ProblemTerm {
  const sizes = term.axes.map((axis) => axisCounts(problem, axis).length);
  const keys = term.axes.map((axis) => `${axis.kind}${axis.index}`);
  const kept = term.axes
    .map((_, axis) => axis)
    .filter((axis) => at(sizes, axis) > 1 && keys.indexOf(at(keys, axis)) === axis);
  if (kept.length === term.axes.length) return term;

  const axes = kept.map((axis) => at(term.axes, axis));
  const keptSizes = kept.map((axis) => at(sizes, axis));
  // Which kept axis stands for each old one; -1 for those with one option.
  const source = keys.map((key) => kept.findIndex((axis) => keys[axis] === key));
  const pick = (table: Float64Array | null): Float64Array | null => {
    if (table === null) return null;
    const size = keptSizes.reduce((product, length) => product * length, 1);
    return Float64Array.from({ length: size }, (_, cell) => {
      const index = unravel(cell, keptSizes);
      const old = source.map((from) => (from < 0 ? 0 : at(index, from)));
      return at(table, ravel(old, sizes));
    });
  };
  return { ...term, axes, gain: pick(term.gain), cost: term.cost.map(pick) };
}

/** Position in a row-major table. */
export function ravel(index: readonly number[], sizes: readonly number[]): number {
  return index.reduce((cell, at, axis) => cell * (sizes[axis] ?? 1) + at, 0);
}

/** Index per axis of a position in a row-major table. */
export function unravel(cell: number, sizes: readonly number[]): number[] {
  const index = new Array<number>(sizes.length).fill(0);
  let rest = cell;
  for (let axis = sizes.length - 1; axis >= 0; axis -= 1) {
    const size = sizes[axis] ?? 1;
    index[axis] = rest % size;
    rest = Math.floor(rest / size);
  }
  return index;
}
