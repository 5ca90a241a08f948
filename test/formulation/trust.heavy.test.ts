import { afterAll, expect, test } from "vitest";
import { createGlpk, hasGlpk } from "../../solvers/glpk.ts";
import { createHighs } from "../../solvers/highs.ts";
import { exactPresolve } from "../../src/formulation/presolve/presolve.ts";
import { bottleneckProblem, chainProblem, transformerProblem } from "../helpers/large-problems.ts";
import { trustMediumSeed, trustSeed } from "../helpers/trust.ts";

// `npm run trust -- --count 5000` does the same for as many programs as wanted.
const highs = createHighs();
const glpk = createGlpk();
afterAll(() => Promise.all([highs.close(), glpk.close()]));
const unhurried = { mustStop: (): boolean => false };

test("label setting and trying all selections agree on 600 random programs of six kinds, however they are scaled and permuted", async () => {
  let infeasible = 0;
  for (let seed = 10_000; seed < 10_600; seed += 1) {
    if ((await trustSeed(seed, [])) === null) infeasible += 1;
  }
  expect(infeasible).toBeGreaterThan(30);
  expect(infeasible).toBeLessThan(300);
});

test.skipIf(!hasGlpk())(
  "HiGHS and GLPK agree with them on 150, plain and reduced (needs glpk.js)",
  async () => {
    for (let seed = 20_000; seed < 20_150; seed += 1) await trustSeed(seed, [highs, glpk]);
  },
);

test("with one to four limits on larger programs the presolve's optimum is that of the plain program", async () => {
  for (let seed = 1; seed <= 6; seed += 1) expect(await trustMediumSeed(seed, highs)).not.toBeNaN();
});

test.each([
  ["a chain of 300 layers", chainProblem(300, { seed: 1, step: 16, budgets: [0.5] })],
  ["one with two limits that bind", chainProblem(60, { seed: 1, step: 16, budgets: [0.5, 0.46] })],
  [
    "bottlenecks with four",
    bottleneckProblem(16, { seed: 1, step: 16, budgets: [0.5, 0.31, 0.5, 0.29] }),
  ],
  ["attention over three dims", transformerProblem(12, { seed: 1, step: 8, budgets: [0.5] })],
  [
    "attention with three limits",
    transformerProblem(12, { seed: 1, step: 8, budgets: [0.5, 0.35, 0.5] }),
  ],
])("%s: the presolve proves the optimum by itself", async (_, problem) => {
  const { isProven, known, effort } = await exactPresolve(problem, unhurried);
  expect(isProven).toBe(true);
  expect(known).not.toBeNull();
  expect(effort?.choicesLeft).toBeLessThan((effort?.choices ?? 0) / 2);
});
