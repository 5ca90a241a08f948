import { at, get } from "../../core/at.ts";
import { isWithinLimit } from "../problem/evaluate.ts";
import type { AxisRef, Problem, ProblemTerm, Selection } from "../problem/problem.ts";
import { axisCounts, ravel, sumValue } from "../problem/problem-axes.ts";

/** Usage of a problem of which nothing is dropped, kept up to date while one dim after the other changes. */
export interface Meter {
  readonly options: readonly number[];
  /** One number per resource. */
  readonly usage: readonly number[];
  readonly set: (dim: number, option: number) => void;
}

/** Starts with every dim at the given options. */
export function meterOf(problem: Problem, start: readonly number[]): Meter {
  const options = [...start];
  const reader = cellReader(problem);
  const terms = termsOfDims(problem);
  const usage = problem.resources.map(() => 0);
  const add = (term: ProblemTerm, sign: 1 | -1): void => {
    const cell = reader(term, options);
    term.cost.forEach((table, resource) => {
      if (table !== null) usage[resource] = at(usage, resource) + sign * at(table, cell);
    });
  };
  for (const term of problem.terms) add(term, 1);
  const set = (dim: number, option: number): void => {
    const changed = terms[dim] ?? [];
    for (const term of changed) add(term, -1);
    options[dim] = option;
    for (const term of changed) add(term, 1);
  };
  return { options, usage, set };
}

/**
 * Position of a term's cell at given options of all dims. Every dim has one: nothing is dropped. The axes at the positions of
 * `except` are looked up with options of its own.
 */
export type CellReader = (
  term: ProblemTerm,
  options: readonly number[],
  except?: { readonly positions: readonly number[]; readonly options: readonly number[] },
) => number;

export function cellReader(problem: Problem): CellReader {
  const optionOfSum = problem.sums.map(
    ({ values }) => new Map(values.map((value, s) => [value, s])),
  );
  const units = (axis: AxisRef, options: readonly number[]): number => {
    if (axis.kind === "dim")
      return at(at(problem.dims, axis.index).counts, at(options, axis.index));
    const sum = at(problem.sums, axis.index);
    return sumValue(sum, units(sum.left, options), units(sum.right, options));
  };
  const optionOf = (axis: AxisRef, options: readonly number[]): number =>
    axis.kind === "dim"
      ? at(options, axis.index)
      : get(at(optionOfSum, axis.index), units(axis, options));
  const sizes = new Map(
    problem.terms.map((term) => [term, term.axes.map((axis) => axisCounts(problem, axis).length)]),
  );
  return (term, options, except) =>
    ravel(
      term.axes.map((axis, position) =>
        optionOf(axis, except?.positions.includes(position) ? except.options : options),
      ),
      sizes.get(term) ?? [],
    );
}

/** The dims that an axis is made of. */
export function dimsOfAxis(problem: Problem, axis: AxisRef): readonly number[] {
  if (axis.kind === "dim") return [axis.index];
  const sum = problem.sums[axis.index];
  if (sum === undefined) return [];
  return [...new Set([...dimsOfAxis(problem, sum.left), ...dimsOfAxis(problem, sum.right)])];
}

/** Terms that cost something, by the dims that they depend on. */
function termsOfDims(problem: Problem): readonly (readonly ProblemTerm[])[] {
  const lists = problem.dims.map((): ProblemTerm[] => []);
  for (const term of problem.terms) {
    if (term.cost.every((table) => table === null)) continue;
    const dims = new Set(term.axes.flatMap((axis) => dimsOfAxis(problem, axis)));
    for (const dim of dims) lists[dim]?.push(term);
  }
  return lists;
}

/** A selection that drops nothing. */
export function keeping(options: readonly number[]): Selection {
  return { options: [...options], droppedBlocks: new Set(), droppedLayers: new Set() };
}

/** Every dim at its widest. */
export function widest(problem: Problem): number[] {
  return problem.dims.map(({ counts }) => counts.length - 1);
}

/** Whether a usage meets every limit that must be met. */
export function fits(problem: Problem, usage: readonly number[]): boolean {
  return problem.resources.every(
    ({ limit, penalty }, resource) =>
      (penalty ?? null) !== null || isWithinLimit(usage[resource] ?? Number.NaN, limit),
  );
}

/** What each option of a dim earns by itself: the sum of the gain tables over that dim alone. */
export function gainsOfDims(problem: Problem): readonly Float64Array[] {
  const gains = problem.dims.map(({ counts }) => new Float64Array(counts.length));
  for (const { gain, axes } of problem.terms) {
    const [axis, more] = axes;
    if (gain === null || axis === undefined || axis.kind !== "dim" || more !== undefined) continue;
    const sum = gains[axis.index];
    if (sum === undefined) continue;
    for (let option = 0; option < sum.length; option += 1) {
      sum[option] = at(sum, option) + at(gain, option);
    }
  }
  return gains;
}
