import { createGlpk } from "../../../solvers/glpk.ts";
import { createHighs } from "../../../solvers/highs.ts";
import type { Solver } from "../../mip/solver.ts";

/** Runs the work with the solvers in the order they are asked: HiGHS, then GLPK. Where that is not installed, the
 * answer's notes say so. */
export async function withSolvers<Result>(
  work: (solvers: readonly Solver[]) => Promise<Result>,
): Promise<Result> {
  const solvers = [createHighs(), createGlpk()];
  try {
    return await work(solvers);
  } finally {
    await Promise.all(solvers.map((solver) => solver.close()));
  }
}
