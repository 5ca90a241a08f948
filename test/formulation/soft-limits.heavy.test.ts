import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { createGlpk, hasGlpk } from "../../solvers/glpk.ts";
import { createHighs } from "../../solvers/highs.ts";
import { checkSelection, evaluate, penaltyOf } from "../../src/formulation/problem/evaluate.ts";
import type { Problem } from "../../src/formulation/problem/problem.ts";
import { checkProblem } from "../../src/formulation/problem/problem-check.ts";
import { InfeasibleLimitsError } from "../../src/formulation/solve/answer.ts";
import { nearestLimits } from "../../src/formulation/solve/nearest-limits.ts";
import { solveProblem } from "../../src/formulation/solve/solve-problem.ts";
import type { Solver } from "../../src/mip/solver.ts";
import { allSelections, enumerateProblem } from "../helpers/enumerate-problem.ts";
import { randomProblem, softened } from "../helpers/random-problem.ts";
import { residual } from "./programs.ts";

const highs = createHighs();
const glpk = createGlpk();
afterAll(() => Promise.all([highs.close(), glpk.close()]));
const code = (what: string): unknown => expect.objectContaining({ code: `formulation/${what}` });
const RUNS = { seed: 77, numRuns: 120 };
const seeds = fc.integer({ min: 0, max: 1e9 });

async function optimum(problem: Problem, solver: Solver, presolve?: false): Promise<number | null> {
  try {
    const answer = await solveProblem(problem, [solver], { presolve });
    expect(answer).toMatchObject({ status: "optimal", gap: 0 });
    return answer.objective;
  } catch (error) {
    if (error instanceof InfeasibleLimitsError) return null;
    throw error;
  }
}

function expectSame(left: number | null, right: number | null): void {
  if (left === null || right === null) expect(left).toBe(right);
  else expect(left).toBeCloseTo(right, 8);
}

describe("soft limits, groups and ties that cost", () => {
  test.skipIf(!hasGlpk())("HiGHS and GLPK find what trying all selections finds", async () => {
    let paid = 0;
    let infeasible = 0;
    await fc.assert(
      fc.asyncProperty(seeds, async (seed) => {
        const problem = softened(randomProblem(seed), seed);
        const best = enumerateProblem(problem);
        const expected = best?.objective ?? null;
        if (best === null) infeasible += 1;
        else {
          const { usage } = evaluate(problem, best.selection);
          if (penaltyOf(problem.resources, usage) > 0) paid += 1;
        }
        expectSame(await optimum(problem, highs, false), expected);
        expectSame(await optimum(problem, highs), expected);
        expectSame(await optimum(problem, glpk, false), expected);
      }),
      RUNS,
    );
    expect(paid).toBeGreaterThan(20);
    expect(infeasible).toBeGreaterThan(2);
  });

  test("negative costs are costs like others, with the presolve too", async () => {
    await fc.assert(
      fc.asyncProperty(seeds, async (seed) => {
        const problem = randomProblem(seed);
        // At least so much of what is earned, as a limit on what is lost; and as little as can be of the first resource.
        const turned: Problem = {
          ...problem,
          terms: problem.terms.map((term) => ({
            ...term,
            gain: term.cost[0]?.map((cost) => -cost) ?? null,
            cost: [term.gain?.map((gain) => -gain) ?? null, ...term.cost.slice(1)],
          })),
          layers: problem.layers.map((layer) => ({
            ...layer,
            tieGain: layer.tieGain.map(() => 0),
          })),
          resources: problem.resources.map((resource, r) =>
            r === 0 ? { ...resource, limit: -(seed % 30) } : resource,
          ),
        };
        const expected = enumerateProblem(turned)?.objective ?? null;
        expectSame(await optimum(turned, highs), expected);
      }),
      RUNS,
    );
  });

  test("a penalty that is high enough makes a soft limit hard, where it can be met", async () => {
    await fc.assert(
      fc.asyncProperty(seeds, async (seed) => {
        const problem = randomProblem(seed);
        const hard = enumerateProblem(problem);
        fc.pre(hard !== null);
        const soft: Problem = {
          ...problem,
          resources: problem.resources.map((resource) => ({ ...resource, penalty: 1e4 })),
        };
        expectSame(await optimum(soft, highs), hard?.objective ?? null);
      }),
      { seed: 5, numRuns: 40 },
    );
  });

  test("the nearest of a group is the smallest that its largest can be", async () => {
    let explained = 0;
    await fc.assert(
      fc.asyncProperty(seeds, async (seed) => {
        const random = randomProblem(seed);
        fc.pre(random.resources.length === 2);
        const resources = random.resources.map((resource) => ({
          ...resource,
          limit: -1,
          group: "both",
        }));
        const problem: Problem = { ...random, resources };
        const {
          nearest: [nearest],
        } = await nearestLimits(problem, { solvers: [highs], secondsLeft: () => 60 });
        const all = [...allSelections(problem)].map((selection) =>
          Math.max(...evaluate(problem, selection).usage),
        );
        expect(nearest?.least).toBeCloseTo(Math.min(...all), 8);
        expect(nearest?.resource).toBe("both");
        explained += 1;
      }),
      { seed: 9, numRuns: 60 },
    );
    expect(explained).toBeGreaterThan(20);
  });

  test("a soft limit is no reason to refuse a selection", () => {
    const everything = [...allSelections(residual)][0];
    const resources = residual.resources.map((resource) => ({ ...resource, limit: 0 }));
    const soft = resources.map((resource) => ({ ...resource, penalty: 2 }));
    if (everything === undefined) throw new RangeError("no selection");
    expect(() => checkSelection({ ...residual, resources }, everything)).toThrow(
      code("over-limit"),
    );
    expect(() => checkSelection({ ...residual, resources: soft }, everything)).not.toThrow();
  });

  test.each([
    ["a penalty of nothing", { penalty: 0 }],
    ["a penalty that earns", { penalty: -1 }],
    ["a penalty without end", { penalty: Number.POSITIVE_INFINITY }],
  ])("%s is refused", (_, change) => {
    const resources = residual.resources.map((resource) => ({ ...resource, ...change }));
    expect(() => checkProblem({ ...residual, resources })).toThrow(code("bad-problem"));
  });

  test("a group has one limit", () => {
    const [first] = residual.resources;
    if (first === undefined) throw new RangeError("no resource");
    const resources = [
      { ...first, group: "all" },
      { ...first, group: "all", limit: first.limit + 1 },
    ];
    expect(() => checkProblem({ ...residual, resources })).toThrow(code("bad-problem"));
  });
});
