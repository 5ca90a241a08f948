import { evaluate, penaltyOf } from "../problem/evaluate.ts";
import type { AxisRef, Problem, ProblemTerm, Selection } from "../problem/problem.ts";

/** What changes where one dim takes another option and everything else stays as it is. */
export interface AloneChange {
  /** In the objective. */
  readonly gain: number;
  /** Per resource, in its unit. */
  readonly usage: readonly number[];
}

/** The change for a dim's option; null where the dim is gone, or a dropped layer ties it to another. */
export type AloneChanges = (dim: number, option: number) => AloneChange | null;

export function aloneChanges(problem: Problem, selection: Selection): AloneChanges {
  const tied = new Set<number>();
  for (const layer of selection.droppedLayers) {
    const tie = problem.layers[layer]?.tie ?? null;
    if (tie !== null) tied.add(tie.outlives).add(tie.tied);
  }
  const termsOf = termsPerDim(problem);
  // Penalties are for the use of everything together.
  const resources = problem.resources.map((resource) => ({ ...resource, penalty: null }));
  const { usage } = evaluate(problem, selection);
  const paid = penaltyOf(problem.resources, usage);
  return (dim, option) => {
    if (tied.has(dim) || (selection.options[dim] ?? -1) < 0) return null;
    const local = { ...problem, resources, terms: termsOf[dim] ?? [] };
    const before = evaluate(local, selection);
    const after = evaluate(local, { ...selection, options: selection.options.with(dim, option) });
    const more = after.usage.map((used, r) => used - (before.usage[r] ?? 0));
    const pays = penaltyOf(
      problem.resources,
      usage.map((used, r) => used + (more[r] ?? 0)),
    );
    return { gain: after.objective - before.objective - (pays - paid), usage: more };
  };
}

/** The tables that each dim has a part in. */
function termsPerDim(problem: Problem): ProblemTerm[][] {
  const lists = problem.dims.map((): ProblemTerm[] => []);
  const dimsOf = (axis: AxisRef): readonly number[] => {
    if (axis.kind === "dim") return [axis.index];
    const sum = problem.sums[axis.index];
    return sum === undefined ? [] : [...dimsOf(sum.left), ...dimsOf(sum.right)];
  };
  for (const term of problem.terms) {
    for (const dim of new Set(term.axes.flatMap(dimsOf))) lists[dim]?.push(term);
  }
  return lists;
}
