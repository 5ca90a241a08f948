import type { Answer } from "../solve/answer.ts";

/** What became of one limit. */
export type PointOutcome =
  | { readonly kind: "solved"; readonly answer: Answer }
  /** `least`: the smallest limit that some selection meets; null where it isn't known. */
  | { readonly kind: "infeasible"; readonly least: number | null }
  /** No answer within the time limit. */
  | { readonly kind: "unsolved"; readonly why: string };

/** One point of a frontier: a limit, and the best within it. */
export interface FrontierPoint {
  readonly limit: number;
  readonly outcome: PointOutcome;
}
