import { describe, expect, test } from "vitest";
import { solveProblem } from "../../src/formulation/solve/solve-problem.ts";
import type { Outcome, Solver } from "../../src/mip/solver.ts";
import { enumerateProblem } from "../helpers/enumerate-problem.ts";
import { chainProblem } from "../helpers/large-problems.ts";
import { residual, withLimit } from "./programs.ts";

describe("proofs that contradict each other", () => {
  const stats = { seconds: 0, nodes: 0, lpIterations: 0, memoryBytes: 0 };
  const saying = (outcome: (columns: number) => Outcome): Solver => ({
    name: "puppet",
    solve: (model) => Promise.resolve(outcome(model.columnCount)),
    close: () => Promise.resolve(),
  });
  const optimum = enumerateProblem(residual)?.objective ?? Number.NaN;

  test("an 'infeasible' where a selection is known is refused", async () => {
    const wrong = saying(() => ({ status: "infeasible", stats }));
    await expect(solveProblem(withLimit(residual, 100), [wrong])).rejects.toMatchObject({
      code: "formulation/proofs-disagree",
      exitCode: 6,
    });
  });

  test("where every solver fails, the presolve's proof stands, and the notes say so", async () => {
    const failing = saying(() => ({
      status: "failed",
      message: "Aborted()",
      incumbent: null,
      stats,
    }));
    const answer = await solveProblem(residual, [failing]);
    expect(answer).toMatchObject({
      status: "optimal",
      objective: optimum,
      gap: 0,
      solver: "presolve",
    });
    expect(answer.notes.join(" ")).toContain("no solver certified it");
  });

  test("a time limit that has passed leaves what is known, with its gap", async () => {
    const slow = saying(() => ({
      status: "no-solution",
      bound: Number.POSITIVE_INFINITY,
      reason: "time-limit",
      stats,
    }));
    const answer = await solveProblem(
      chainProblem(40, { seed: 7, step: 16, budgets: [0.5] }),
      [slow],
      { timeLimitSeconds: 1e-6 },
    );
    expect(Number.isFinite(answer.gap)).toBe(true);
    expect(answer.solver).toBe("presolve");
  });
});
