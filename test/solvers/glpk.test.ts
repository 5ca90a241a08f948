import { afterAll, describe, expect, test } from "vitest";
import { createGlpk, hasGlpk } from "../../solvers/glpk.ts";
import { keepThread } from "../../solvers/keeper.ts";
import { solverContract } from "./contract.ts";
import { hardModel, knapsack } from "./models.ts";

describe.skipIf(!hasGlpk())("with the optional package glpk.js", () => {
  solverContract(createGlpk);
  const glpk = createGlpk();
  afterAll(() => glpk.close());

  test("an abort that GLPK can't hear ends its thread", async () => {
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 300);
    const outcome = await glpk.solve(hardModel(), { signal: abort.signal });
    expect(["feasible", "no-solution"]).toContain(outcome.status);
    expect((await glpk.solve(knapsack)).status).toBe("optimal");
  });
});

test("a solver whose package is missing fails with a message that says so", async () => {
  const missing = keepThread("missing", () => {
    throw new Error("the optional package is not installed");
  });
  const outcome = await missing.solve(knapsack);
  expect(outcome).toMatchObject({
    status: "failed",
    message: expect.stringContaining("not installed"),
  });
});
