import { createGlpk } from "../../../solvers/glpk.ts";
import { createHighs } from "../../../solvers/highs.ts";
import { warmUpModel } from "../../../solvers/warm-up.ts";
import type { SolverList } from "../../formulation/solve/answer.ts";
import type { RunContext } from "../run-context.ts";

/**
 * Runs the work with the solvers in the order they are asked: those that the run has already, or HiGHS, then GLPK. Where
 * that is not installed, the answer's notes say so.
 */
export function withSolvers<Result>(
  work: (solvers: SolverList) => Promise<Result>,
  { solvers }: Pick<RunContext, "solvers"> = {},
): Promise<Result> {
  return solvers === undefined ? withStarted([createHighs(), createGlpk()], work) : work(solvers);
}

/** Runs the work, which reads files before it asks a solver: the first one starts and compiles in its thread meanwhile. */
export function withWarmSolvers<Result>(
  context: RunContext,
  work: (context: RunContext) => Promise<Result>,
): Promise<Result> {
  if (context.solvers !== undefined) return work(context);
  const highs = createHighs();
  highs.warmUp(warmUpModel());
  return withStarted([highs, createGlpk()], (solvers) => work({ ...context, solvers }));
}

async function withStarted<Result>(
  solvers: SolverList,
  work: (solvers: SolverList) => Promise<Result>,
): Promise<Result> {
  try {
    return await work(solvers);
  } finally {
    await Promise.all(solvers.map((solver) => solver.close()));
  }
}
