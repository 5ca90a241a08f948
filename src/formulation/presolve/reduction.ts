import type { Problem, Selection } from "../problem/problem.ts";

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
  /** The best selection of the original problem that was found on the way, within every limit; null for none. */
  readonly known: Selection | null;
  /** Whether `known` is the optimum, by the reduction's own proof. */
  readonly isProven: boolean;
  /** No selection within the limits earns more; Infinity where nothing is known. */
  readonly bound: number;
  /** Every selection earns a multiple of this; 0 where that isn't known. */
  readonly worthStep: number;
  /** What the reader must know. Sentences. */
  readonly notes: readonly string[];
  readonly effort: PresolveEffort | null;
}

/** What a reduction did. */
export interface PresolveEffort {
  /** Passes of dynamic programming. */
  readonly sweeps: number;
  /** Labels of the search between bound and best known. */
  readonly labels: number;
  /** States of all choices before and after. */
  readonly choices: number;
  readonly choicesLeft: number;
}

export interface PresolveContext {
  /** Whether the time is over or the user wants no more. */
  readonly mustStop: () => boolean;
}

export type Presolve = (
  problem: Problem,
  context: PresolveContext,
) => Reduction | Promise<Reduction>;

/** Removes nothing. */
export function noReduction(problem: Problem): Reduction {
  return {
    problem,
    lift: (selection) => selection,
    lower: (selection) => selection,
    known: null,
    isProven: false,
    bound: Number.POSITIVE_INFINITY,
    worthStep: 0,
    notes: [],
    effort: null,
  };
}
