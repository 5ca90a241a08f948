import fc from "fast-check";
import { expect, test } from "vitest";
import { randomFrom } from "../../src/core/random.ts";
import { buildFactors } from "../../src/formulation/presolve/factors/build-factors.ts";
import { createMaster } from "../../src/formulation/presolve/multipliers/master.ts";
import { searchTogether } from "../../src/formulation/presolve/multipliers/search-together.ts";
import { exactPresolve } from "../../src/formulation/presolve/presolve.ts";
import { startSearch } from "../../src/formulation/presolve/search-state.ts";
import { eliminationOrder } from "../../src/formulation/presolve/sweeps/order.ts";
import { makePlan } from "../../src/formulation/presolve/sweeps/plan.ts";
import type { Problem } from "../../src/formulation/problem/problem.ts";
import { InfeasibleLimitsError } from "../../src/formulation/solve/answer.ts";
import { solveProblem } from "../../src/formulation/solve/solve-problem.ts";
import { enumerateProblem } from "../helpers/enumerate-problem.ts";
import { randomProblem } from "../helpers/random-problem.ts";

const unhurried = { mustStop: (): boolean => false };
const seeds = fc.integer({ min: 0, max: 1e9 });

function isLimited({ resources }: Problem): boolean {
  return resources.filter(({ limit }) => Number.isFinite(limit)).length > 1;
}

test("sweeps prove that several limits contradict each other only where they do", async () => {
  let proven = 0;
  let missed = 0;
  await fc.assert(
    fc.asyncProperty(seeds, async (seed) => {
      const random = randomProblem(seed);
      const resources = random.resources.map((each) => ({ ...each, limit: 0.7 * each.limit }));
      const problem: Problem = { ...random, resources };
      if (!isLimited(problem)) return;
      const isNone = enumerateProblem(problem) === null;
      const error = await exactPresolve(problem, unhurried).catch((e: unknown) => e);
      if (error instanceof InfeasibleLimitsError) {
        expect(isNone).toBe(true);
        proven += 1;
      } else if (isNone) missed += 1;
    }),
    { seed: 81, numRuns: 300 },
  );
  expect(proven).toBeGreaterThan(20);
  // A mixture of selections may meet limits that no single one meets.
  expect(missed).toBeLessThan(proven);
});

test("what sweeps prove comes back with the nearest limits, without a solver", async () => {
  let explained = 0;
  await fc.assert(
    fc.asyncProperty(seeds, async (seed) => {
      const random = randomProblem(seed);
      const resources = random.resources.map((each) => ({ ...each, limit: 0.7 * each.limit }));
      const problem: Problem = { ...random, resources };
      const isBare = await exactPresolve(problem, unhurried).then(
        () => false,
        (e: unknown) => e instanceof InfeasibleLimitsError && e.nearest.length === 0,
      );
      if (!isBare) return;
      const error = await solveProblem(problem, []).catch((e: unknown) => e);
      if (!(error instanceof InfeasibleLimitsError)) throw error;
      for (const { resource, least, othersKept, proven } of error.nearest) {
        if (!othersKept || !proven) continue;
        const at = (limit: number): Problem => ({
          ...problem,
          resources: resources.map((each) => (each.name === resource ? { ...each, limit } : each)),
        });
        expect(enumerateProblem(at(least))).not.toBe(null);
        expect(enumerateProblem(at(least - 1e-6))).toBe(null);
        explained += 1;
      }
    }),
    { seed: 82, numRuns: 240 },
  );
  expect(explained).toBeGreaterThan(20);
});

test("the search ends where no multipliers nearby have a lesser bound", async () => {
  let searched = 0;
  await fc.assert(
    fc.asyncProperty(seeds, async (seed) => {
      const problem = randomProblem(seed);
      if (!isLimited(problem) || enumerateProblem(problem) === null) return;
      const graph = buildFactors(problem);
      const plan = makePlan(graph, eliminationOrder(graph));
      const search = startSearch(problem, graph, unhurried);
      const limited = problem.resources.map((_, r) => r);
      const at = (start: readonly number[], maxSweeps: number): Promise<{ bound: number }> =>
        searchTogether(plan, search, limited, { maxSweeps, start });
      const found = await searchTogether(plan, search, limited, {
        maxSweeps: 200,
        start: limited.map(() => 0),
      });
      const random = randomFrom(seed);
      for (let tries = 0; tries < 20; tries += 1) {
        const near = found.multipliers.map((each) => each * (0.8 + 0.4 * random.next()));
        const { bound } = await at(near, 0);
        expect(bound).toBeGreaterThanOrEqual(found.bound - 1e-7 * Math.abs(found.bound) - 1e-9);
      }
      searched += 1;
    }),
    { seed: 83, numRuns: 60 },
  );
  expect(searched).toBeGreaterThan(10);
});

test("the best mixture of points is that of its corner, by hand", () => {
  // One row: a point of 10 that is 1 beyond the limit, one of 4 that is 2 below it: a third of the latter.
  const master = createMaster(1, [{ rows: [0], price: 1e6 }], 10);
  master.add(10, [1]);
  master.add(4, [-2]);
  const { value, duals } = master.solve();
  expect(value).toBeCloseTo(8, 12);
  expect(duals[0]).toBeCloseTo(2, 12);
});
