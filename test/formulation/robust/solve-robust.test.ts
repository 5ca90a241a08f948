import { afterAll, describe, expect, test } from "vitest";
import { createEnumerator } from "../../../solvers/enumerate.ts";
import { createHighs } from "../../../solvers/highs.ts";
import { randomFrom } from "../../../src/core/random.ts";
import { evaluate, isMet } from "../../../src/formulation/problem/evaluate.ts";
import type { Problem } from "../../../src/formulation/problem/problem.ts";
import {
  chord,
  meanAt,
  type RobustBudget,
  regionOf,
  tangent,
  varianceAt,
} from "../../../src/formulation/robust/region.ts";
import {
  type VarianceTable,
  varianceProblem,
} from "../../../src/formulation/robust/robust-problem.ts";
import { type RobustAnswer, solveRobust } from "../../../src/formulation/robust/solve-robust.ts";
import { solveProblem } from "../../../src/formulation/solve/solve-problem.ts";
import { quantileMs } from "../../../src/latency/uncertainty.ts";
import { allSelections } from "../../helpers/enumerate-problem.ts";
import { randomProblem } from "../../helpers/random-problem.ts";

const highs = createHighs();
const enumerator = createEnumerator();
afterAll(() => highs.close());

/** A variance for every cell of resource 0, from none to as large as the time itself. */
function randomVariances(problem: Problem, seed: number): VarianceTable[] {
  const random = randomFrom(seed);
  return problem.terms.flatMap(({ name, block, layer, axes, cost }): VarianceTable[] => {
    const ms = cost[0];
    if (!ms) return [];
    const variance = ms.map((time) => (random.next() * time) ** 2);
    return [{ name, block, layer, axes, variance }];
  });
}

/** The best by trying all; knows neither lines nor solvers. */
function bestByTrying(
  problem: Problem,
  variances: readonly VarianceTable[],
  { limit, probability, common }: RobustBudget,
): number | null {
  const counting = varianceProblem(problem, variances);
  let best: number | null = null;
  for (const selection of allSelections(problem)) {
    const { objective, usage } = evaluate(problem, selection);
    const variance = evaluate(counting, selection).usage[0] ?? 0;
    const time = quantileMs({ ms: usage[0] ?? 0, variance, common }, probability);
    const others = problem.resources.every(
      (resource, r) => r === 0 || isMet(resource, usage[r] ?? 0),
    );
    if (time <= limit && others && (best === null || objective > best)) best = objective;
  }
  return best;
}

describe("the region of a robust budget", () => {
  const convex = regionOf({ limit: 10, probability: 0.9, common: 0.15 });
  const concave = regionOf({ limit: 10, probability: 0.99, common: 0.5 });

  test("is bounded by a curve on which the quantile is the budget", () => {
    for (const region of [convex, concave]) {
      for (const share of [0.1, 0.5, 0.9, 1]) {
        const mean = share * region.most;
        const variance = varianceAt(region, mean);
        expect(
          mean + Math.hypot(region.k * mean, region.z * Math.sqrt(Math.max(0, variance))),
        ).toBeCloseTo(10, 9);
        expect(meanAt(region, variance)).toBeCloseTo(mean, 9);
      }
    }
  });

  test("lies under its chords within them, and over them elsewhere", () => {
    const line = chord(convex, 3, 6);
    const height = (mean: number): number => (line.limit - mean) / line.price;
    for (const mean of [3, 4, 5, 6]) {
      expect(height(mean)).toBeGreaterThanOrEqual(varianceAt(convex, mean) - 1e-9);
    }
    for (const mean of [0, 1, 2, 7, 8]) expect(height(mean)).toBeLessThan(varianceAt(convex, mean));
  });

  test("lies under its tangents where the common error is large", () => {
    expect(concave.k).toBeGreaterThan(1);
    const line = tangent(concave, 2);
    for (const mean of [0, 1, 2, 2.5, 3]) {
      expect((line.limit - mean) / line.price).toBeGreaterThanOrEqual(
        varianceAt(concave, mean) - 1e-9,
      );
    }
  });
});

interface Case {
  readonly seed: number;
  readonly problem: Problem;
  readonly variances: readonly VarianceTable[];
  readonly budget: RobustBudget;
}

function randomCases(count: number): Case[] {
  return Array.from({ length: count }, (_, index) => index + 1).flatMap((seed): Case[] => {
    const problem = randomProblem(seed);
    const limit = (1 + (seed % 5) / 5) * (problem.resources[0]?.limit ?? 0);
    const hasTimes = problem.terms.every((term) => term.cost[0]?.every((ms) => ms >= 0) ?? true);
    if (!hasTimes || limit <= 0) return [];
    const common = [0, 0.05, 0.2, 0.6][seed % 4] ?? 0;
    const budget = { limit, probability: seed % 2 === 0 ? 0.9 : 0.99, common };
    return [{ seed, problem, variances: randomVariances(problem, seed), budget }];
  });
}

describe("a robust solve", () => {
  const cases = randomCases(140).map((one) => ({
    ...one,
    expected: bestByTrying(one.problem, one.variances, one.budget),
  }));
  const solve = ({ problem, variances, budget, seed }: Case): Promise<RobustAnswer> =>
    solveRobust(problem, variances, budget, (one) =>
      solveProblem(one, [seed % 8 === 0 ? highs : enumerator]),
    );

  test("finds what trying all selections finds, with proof", async () => {
    let programs = 0;
    const possible = cases.filter(({ expected }) => expected !== null);
    for (const one of possible) {
      const found = await solve(one);
      programs += found.programs;
      expect(found.answer.objective, `seed ${one.seed}`).toBeCloseTo(one.expected ?? 0, 6);
      expect(found.answer, `seed ${one.seed}`).toMatchObject({ status: "optimal", gap: 0 });
      expect(found.quantileMs).toBeLessThanOrEqual(one.budget.limit * (1 + 1e-9));
    }
    expect(possible.length).toBeGreaterThan(40);
    // Some had to be cut, or the test would say little.
    expect(programs).toBeGreaterThan(possible.length + 5);
  });

  test("says so where nothing keeps the budget", async () => {
    const impossible = cases.filter(({ expected }) => expected === null);
    expect(impossible.length).toBeGreaterThan(3);
    for (const one of impossible.slice(0, 6)) {
      await expect(solve(one), `seed ${one.seed}`).rejects.toMatchObject({
        code: expect.stringMatching(/^formulation\/(robust-)?infeasible$/),
      });
    }
  });
});
