import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { createHighs } from "../../../solvers/highs.ts";
import { readInstance } from "../../../src/authors/read-instance.ts";
import { InfeasibleError } from "../../../src/core/errors.ts";
import { explainConflict } from "../../../src/formulation/explain/conflict.ts";
import { explain } from "../../../src/formulation/explain/explain.ts";
import type {
  Explanation,
  LimitReason,
  Loss,
} from "../../../src/formulation/explain/explanation.ts";
import type { Choice } from "../../../src/formulation/explain/forced.ts";
import { lossesOf } from "../../../src/formulation/explain/losses.ts";
import { solveForced } from "../../../src/formulation/explain/solve-forced.ts";
import type { Problem } from "../../../src/formulation/problem/problem.ts";
import type { NearestLimit } from "../../../src/formulation/solve/answer.ts";
import { solveProblem } from "../../../src/formulation/solve/solve-problem.ts";
import { enumerateProblem } from "../../helpers/enumerate-problem.ts";
import { randomProblem } from "../../helpers/random-problem.ts";
import { sharedPath } from "../../helpers/shared.ts";

const highs = createHighs();
afterAll(() => highs.close());
const seeds = fc.integer({ min: 0, max: 1e9 });
const unhurried = { solvers: [highs], secondsLeft: (): number => Number.POSITIVE_INFINITY };

function withLimits(problem: Problem, limits: readonly number[]): Problem {
  const resources = problem.resources.map((resource, r) => ({
    ...resource,
    limit: limits[r] ?? resource.limit,
  }));
  return { ...problem, resources };
}

/** The explanation and the optimum of a random problem, null where its limits can't be met. */
async function explained(
  problem: Problem,
): Promise<{ readonly found: Explanation; readonly optimum: number } | null> {
  const optimum = enumerateProblem(problem)?.objective;
  try {
    const found = await explain(problem, [highs]);
    expect(optimum).toBeDefined();
    return { found, optimum: optimum ?? Number.NaN };
  } catch (error) {
    if (!(error instanceof InfeasibleError)) throw error;
    expect(optimum).toBeUndefined();
    return null;
  }
}

/** The optimum with another limit, by trying all; null where none is within it. */
function worthAt(
  problem: Problem,
  { members }: Pick<LimitReason, "members">,
  limit: number,
): number | null {
  const limits = problem.resources.map((each, r) => (members.includes(r) ? limit : each.limit));
  return enumerateProblem(withLimits(problem, limits))?.objective ?? null;
}

function expectLoss(loss: Loss, optimum: number, objective: number | null): void {
  if (objective === null) {
    expect(loss).toEqual({ kind: "impossible" });
    return;
  }
  expect(loss).toEqual({ kind: "exact", loss: expect.closeTo(optimum - objective, 8) });
}

describe("what a limit is worth", () => {
  test("is what trying all selections gives with a little more, a little less and none of it", async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(seeds, async (seed) => {
        const problem = randomProblem(seed);
        const known = await explained(problem);
        if (known === null) return;
        for (const limit of known.found.limits) {
          const worth = (other: number): number | null => worthAt(problem, limit, other);
          const all = worth(Number.POSITIVE_INFINITY);
          expect(limit.worthAll).toBeCloseTo((all ?? Number.NaN) - known.optimum, 8);
          for (const [loss, other] of [
            [limit.less, limit.limit - limit.step],
            [limit.more, limit.limit + limit.step],
          ] as const) {
            const objective = worth(other);
            expectLoss(loss, known.optimum, objective);
            compared += 1;
          }
        }
      }),
      { seed: 31, numRuns: 25 },
    );
    expect(compared).toBeGreaterThan(25);
  });

  test("is bounded by the multiplier: no change of the limit earns more than the slope and the gap allow", async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(
        seeds,
        fc.double({ min: -0.9, max: 3, noNaN: true }),
        async (seed, share) => {
          const problem = randomProblem(seed);
          const known = await explained(problem);
          if (known === null) return;
          const { found, optimum } = known;
          for (const { members, multiplier, limit } of found.limits) {
            const [at = -1] = members;
            expect(multiplier).not.toBe(null);
            // The bound at these multipliers is linear in the limit.
            const other = limit + share * Math.abs(limit);
            const limits = problem.resources.map((each, r) => (r === at ? other : each.limit));
            const objective = enumerateProblem(withLimits(problem, limits))?.objective;
            if (objective === undefined) continue;
            const most = (found.relaxation ?? Number.NaN) + (multiplier ?? 0) * (other - limit);
            expect(objective).toBeLessThanOrEqual(most + 1e-6 * Math.max(1, Math.abs(optimum)));
            compared += 1;
          }
        },
      ),
      { seed: 32, numRuns: 40 },
    );
    expect(compared).toBeGreaterThan(20);
  });
});

/** The loss by a program of its own, with every choice still in it. */
async function forcedLoss(problem: Problem, optimum: number, choice: Choice): Promise<Loss> {
  const forced = await solveForced(problem, choice, unhurried);
  if (forced.kind !== "best") throw new Error(`the forced program is ${forced.kind}`);
  return { kind: "exact", loss: optimum - forced.objective };
}

/** Some steps and a block of an instance, one by one. */
async function expectForcedLosses(file: string): Promise<void> {
  const { problem } = readInstance(file);
  const best = await solveProblem(problem, [highs]);
  const { dims, blocks } = await explain(problem, [highs], { answer: best });
  const steps = dims.flatMap(({ narrower, wider }) => [narrower, wider]);
  expect(steps.every((step) => step === null || step.loss.kind === "exact")).toBe(true);
  for (const dim of [0, 3, 7]) {
    for (const step of [dims[dim]?.narrower, dims[dim]?.wider]) {
      const option = problem.dims[dim]?.counts.indexOf(step?.count ?? Number.NaN) ?? -1;
      if (option < 0) continue;
      const loss = await forcedLoss(problem, best.objective, { kind: "option", dim, option });
      expect(step?.loss).toEqual(loss);
    }
  }
  const [block] = blocks;
  if (block === undefined) return;
  const choice: Choice = { kind: "block", block: 0, kept: !block.kept };
  expect(block.loss).toEqual(await forcedLoss(problem, best.objective, choice));
}

describe("losses", () => {
  const path = sharedPath("mdp-instances/mobilenetv1_55-20.json");
  const far = sharedPath("mdp-instances/resnet50_mdp70-04.json");

  test.skipIf(path === null || far === null)(
    "of published instances, found within a growing reach, are those of the forced programs (skipped without the shared instances)",
    async () => {
      await expectForcedLosses(path ?? "");
      await expectForcedLosses(far ?? "");
    },
    120_000,
  );

  test("of steps that were not found in time are at most what the step loses alone, and never less than they are", async () => {
    let [bounded, infeasible] = [0, 0];
    for (let seed = 1; seed <= 40; seed += 1) {
      const problem = randomProblem(seed);
      const answer = await solveProblem(problem, [highs]).catch(() => null);
      if (answer === null) {
        infeasible += 1;
        continue;
      }
      const quick = await explain(problem, [highs], { answer, timeLimitSeconds: 0 });
      const whole = await explain(problem, [highs], { answer });
      for (const [at, dim] of quick.dims.entries()) {
        for (const side of ["narrower", "wider"] as const) {
          const [early, late] = [dim[side]?.loss, whole.dims[at]?.[side]?.loss];
          if (early?.kind !== "between" || early.most === null) continue;
          bounded += 1;
          expect(late?.kind, `seed ${seed}`).toBe("exact");
          if (late?.kind !== "exact") continue;
          expect(late.loss, `seed ${seed}`).toBeLessThanOrEqual(early.most + 1e-9);
        }
      }
    }
    expect(infeasible).toBeLessThan(20);
    expect(bounded).toBeGreaterThan(20);
  });

  test("that were not found in time lie between what is proven and what is known", async () => {
    const problem = randomProblem(5);
    const best = await solveProblem(problem, [highs]);
    const choices = problem.dims.flatMap(({ counts }, dim) =>
      counts.map((_, option): Choice => ({ kind: "option", dim, option })),
    );
    const losses = await lossesOf(
      {
        problem,
        best: { ...best, proven: true },
        near: null,
        solvers: [highs],
        secondsLeft: () => 0,
      },
      choices,
    );
    losses.forEach((loss, at) => {
      const choice = choices[at];
      const isOwn =
        choice?.kind === "option" && best.selection.options[choice.dim] === choice.option;
      expect(loss).toEqual(
        isOwn ? { kind: "exact", loss: 0 } : { kind: "between", least: 0, most: null },
      );
    });
  });
});

/** These limits contradict each other, and no fewer of them. */
function expectIrreducible(problem: Problem, limits: readonly string[]): void {
  const within = (names: readonly string[]): Problem =>
    withLimits(
      problem,
      problem.resources.map(({ name, limit }) =>
        names.includes(name) ? limit : Number.POSITIVE_INFINITY,
      ),
    );
  expect(enumerateProblem(within(limits))).toBe(null);
  for (const each of limits) {
    expect(enumerateProblem(within(limits.filter((name) => name !== each)))).not.toBe(null);
  }
}

/** Moving this limit alone makes the problem feasible. */
function expectEnough(problem: Problem, { resource, least }: NearestLimit): void {
  const moved = problem.resources.map(({ name, limit }) => (name === resource ? least : limit));
  expect(enumerateProblem(withLimits(problem, moved))).not.toBe(null);
}

describe("a conflict", () => {
  test("names limits that contradict each other, and none that could be left out", async () => {
    let several = 0;
    let conflicts = 0;
    await fc.assert(
      fc.asyncProperty(seeds, async (seed) => {
        const problem = randomProblem(seed);
        if (enumerateProblem(problem) !== null) return;
        const { limits, minimal, nearest } = await explainConflict(problem, unhurried);
        expect(minimal).toBe(true);
        expectIrreducible(problem, limits);
        for (const each of nearest) if (each.othersKept) expectEnough(problem, each);
        conflicts += 1;
        if (limits.length > 1) several += 1;
      }),
      { seed: 33, numRuns: 300 },
    );
    expect(conflicts).toBeGreaterThan(20);
    expect(several).toBeGreaterThan(0);
  });
});
