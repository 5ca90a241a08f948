import type { Problem, Selection } from "./problem.ts";

/**
 * A smaller problem with the same optimum, and the way back. What shrinks a problem before it becomes a
 * mixed-integer program is a function `Problem -> Reduction`, so that several can follow one another.
 */
export interface Reduction {
  readonly problem: Problem;
  /** The original problem's selection that a selection of the smaller one stands for. */
  readonly lift: (selection: Selection) => Selection;
  /** The smaller problem's selection for one of the original, null where the reduction removed it. */
  readonly lower: (selection: Selection) => Selection | null;
}

export type Presolve = (problem: Problem) => Reduction;

/** Removes nothing. */
export function noReduction(problem: Problem): Reduction {
  return { problem, lift: (selection) => selection, lower: (selection) => selection };
}
