import { type Method, parseMethod } from "../../formulation/baselines/method.ts";
import { runMethod } from "../../formulation/baselines/run-method.ts";
import { instanceWrittenAxes } from "../../formulation/baselines/written-axes.ts";
import type { Instance } from "../../formulation/problem/instance.ts";
import type { Answer } from "../../formulation/solve/answer.ts";
import { startingSelection } from "../../formulation/solve/start.ts";
import type { RunContext } from "../run-context.ts";
import { writeLpFile } from "./lp-file.ts";
import { solveProgressNotes } from "./solve-notes.ts";
import { withSolvers } from "./solvers.ts";

/** The options of `mdp solve` that an instance knows. */
export interface SolveInstanceOptions {
  /** Seconds. */
  readonly timeLimit?: number | undefined;
  /** Relative gap that is good enough. */
  readonly gap?: number | undefined;
  /** Whether the program is shrunk exactly first. Default true. */
  readonly presolve?: boolean | undefined;
  /** Write the program in LP format to this file. */
  readonly writeLp?: string | undefined;
  /** Default mdp. */
  readonly method?: Method | undefined;
}

/**
 * Solves a published instance.
 * @throws InfeasibleLimitsError, and what `solveProblem` throws
 */
export async function solveInstance(
  instance: Instance,
  options: SolveInstanceOptions,
  context: RunContext,
): Promise<Answer> {
  const { writeLp } = options;
  const { problem } = instance;
  const method = options.method ?? parseMethod("mdp");
  const { answer } = await withSolvers((solvers) =>
    runMethod(problem, method, solvers, {
      written: instanceWrittenAxes(problem),
      isMatched: false,
      timeLimitSeconds: options.timeLimit,
      relativeGap: options.gap,
      presolve: options.presolve === false ? false : undefined,
      signal: context.signal,
      start: startingSelection,
      onProgress: solveProgressNotes(context.progress),
      onModel: writeLp === undefined ? undefined : (model) => writeLpFile(writeLp, model),
    }),
  );
  for (const note of answer.notes) context.progress.note(note);
  return answer;
}
