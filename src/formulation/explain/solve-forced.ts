import { InfeasibleError, InterruptedError, LimitError } from "../../core/errors.ts";
import type { SolverList } from "../answer.ts";
import { checkSelection } from "../evaluate.ts";
import { exactPresolve } from "../presolve/presolve.ts";
import type { Remains } from "../presolve/remains.ts";
import type { Problem, Selection } from "../problem.ts";
import type { Reduction } from "../reduction.ts";
import { solveProblem } from "../solve-problem.ts";
import { type Choice, forceChoice, makesChoice } from "./forced.ts";

/** The best selection that makes a choice. `open`: none was found in time. */
export type ForcedAnswer =
  | { readonly kind: "best"; readonly selection: Selection; readonly objective: number }
  | {
      readonly kind: "found";
      readonly selection: Selection;
      readonly objective: number;
      readonly bound: number;
    }
  | { readonly kind: "impossible" }
  | { readonly kind: "open" };

export interface ForcedOptions {
  readonly solvers: SolverList;
  /** Seconds left; Infinity without a limit. */
  readonly secondsLeft: () => number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The best of a problem's selections that make a choice, with everything else decided anew. The presolve's label setting
 * proves most of them; the solvers are asked for what it leaves open.
 */
export async function solveForced(
  problem: Problem,
  choice: Choice,
  options: ForcedOptions,
  remains?: Remains,
): Promise<ForcedAnswer> {
  const shrunk = forceChoice(problem, choice, remains);
  if (shrunk === null) return { kind: "impossible" };
  const { problem: forced, lift } = shrunk;
  const answer = await bestOf(forced, options);
  if (answer.kind === "impossible" || answer.kind === "open") return answer;
  const selection = lift(answer.selection);
  // The best one breaks it only where all that make it exceed a limit.
  if (!makesChoice(selection, choice))
    return answer.kind === "best" ? { kind: "impossible" } : { kind: "open" };
  const { objective } = checkSelection(problem, selection);
  return { ...answer, selection, objective };
}

/** The best selection of a problem. */
export async function bestOf(problem: Problem, options: ForcedOptions): Promise<ForcedAnswer> {
  const { solvers, secondsLeft, signal } = options;
  const mustStop = (): boolean => secondsLeft() <= 0 || signal?.aborted === true;
  if (mustStop()) return { kind: "open" };
  try {
    const reduction = await exactPresolve(problem, { mustStop });
    const { known, isProven } = reduction;
    if (isProven && known !== null) {
      return {
        kind: "best",
        selection: known,
        objective: checkSelection(problem, known).objective,
      };
    }
    const left = secondsLeft();
    const answer = await solveProblem(problem, solvers, {
      presolve: (): Reduction => reduction,
      timeLimitSeconds: left === Number.POSITIVE_INFINITY ? undefined : Math.max(0.05, left),
      signal,
    });
    const { selection, objective, bound } = answer;
    return answer.status === "optimal"
      ? { kind: "best", selection, objective }
      : { kind: "found", selection, objective, bound };
  } catch (error) {
    if (error instanceof InfeasibleError) return { kind: "impossible" };
    if (error instanceof LimitError || error instanceof InterruptedError) return { kind: "open" };
    throw error;
  }
}
