import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { createEnumerator } from "../../solvers/enumerate.ts";
import { createGlpk, hasGlpk } from "../../solvers/glpk.ts";
import { createHighs } from "../../solvers/highs.ts";
import type { Problem } from "../../src/formulation/problem/problem.ts";
import { InfeasibleLimitsError } from "../../src/formulation/solve/answer.ts";
import { solveProblem } from "../../src/formulation/solve/solve-problem.ts";
import { startingSelection } from "../../src/formulation/solve/start.ts";
import type { Outcome, Solver } from "../../src/mip/solver.ts";
import { allSelections, enumerateProblem } from "../helpers/enumerate-problem.ts";
import { randomProblem } from "../helpers/random-problem.ts";
import { residual, withLimit } from "./programs.ts";

const highs = createHighs();
const glpk = createGlpk();
const enumerator = createEnumerator();
afterAll(() => Promise.all([highs.close(), glpk.close()]));
const code = (what: string): unknown => expect.objectContaining({ code: `formulation/${what}` });
/** Without the presolve, which would know the answer before the solver is asked. */
const plain = { presolve: false } as const;
const stats = { seconds: 0, nodes: 0, lpIterations: 0, memoryBytes: 0 };

/** A solver that says always the same. */
function saying(outcome: Outcome): Solver {
  return { name: "puppet", solve: () => Promise.resolve(outcome), close: () => Promise.resolve() };
}

/** Objective of the proven optimum, null where no selection meets the limits. */
async function optimum(problem: Problem, solver: Solver): Promise<number | null> {
  try {
    const answer = await solveProblem(problem, [solver], { presolve: false });
    expect(answer).toMatchObject({ status: "optimal", gap: 0, solver: solver.name, notes: [] });
    return answer.objective;
  } catch (error) {
    if (error instanceof InfeasibleLimitsError) return null;
    throw error;
  }
}

function expectSame(left: number | null, right: number | null): void {
  if (left === null || right === null) expect(left).toBe(right);
  else expect(left).toBeCloseTo(right, 9);
}

const RUNS = { seed: 2024, numRuns: 150 };
const seeds = fc.integer({ min: 0, max: 1e9 });

describe("on random small programs", () => {
  test.skipIf(!hasGlpk())(
    "HiGHS, GLPK and the enumerator agree with trying all selections",
    async () => {
      let infeasible = 0;
      await fc.assert(
        fc.asyncProperty(seeds, async (seed) => {
          const problem = randomProblem(seed);
          const expected = enumerateProblem(problem)?.objective ?? null;
          if (expected === null) infeasible += 1;
          for (const solver of [highs, glpk, enumerator]) {
            expectSame(await optimum(problem, solver), expected);
          }
        }),
        RUNS,
      );
      expect(infeasible).toBeGreaterThan(10);
      expect(infeasible).toBeLessThan(RUNS.numRuns / 2);
    },
  );

  test("a larger budget never lowers the objective", async () => {
    await fc.assert(
      fc.asyncProperty(seeds, fc.integer({ min: 1, max: 30 }), async (seed, more) => {
        const problem = randomProblem(seed);
        const [first, ...rest] = problem.resources;
        if (first === undefined) return;
        const larger = {
          ...problem,
          resources: [{ ...first, limit: first.limit + more }, ...rest],
        };
        const [tight, loose] = [await optimum(problem, highs), await optimum(larger, highs)];
        if (tight !== null) expect(loose).toBeGreaterThanOrEqual(tight - 1e-9);
      }),
      { seed: 5, numRuns: 40 },
    );
  });

  test("scaling costs and limits together, or all gains, changes no choice", async () => {
    await fc.assert(
      fc.asyncProperty(seeds, fc.constantFrom(1e-6, 1e-3, 1e3, 1e6), async (seed, factor) => {
        const problem = randomProblem(seed);
        const scaled: Problem = {
          ...problem,
          layers: problem.layers.map((layer) => ({
            ...layer,
            tieGain: layer.tieGain.map((gain) => gain / factor),
          })),
          terms: problem.terms.map((term) => ({
            ...term,
            gain: term.gain?.map((gain) => gain / factor) ?? null,
            cost: term.cost.map((table) => table?.map((cost) => cost * factor) ?? null),
          })),
          resources: problem.resources.map((resource) => ({
            ...resource,
            limit: resource.limit * factor,
          })),
        };
        const [plain, other] = [await optimum(problem, highs), await optimum(scaled, highs)];
        expectSame(other === null ? null : other * factor, plain);
      }),
      { seed: 6, numRuns: 40 },
    );
  });
});

describe("limits that no selection meets", () => {
  test("come back with the nearest limit that one meets, and that one does", async () => {
    const error = await solveProblem(withLimit(residual, 2), [highs]).catch((e: unknown) => e);
    expect(error).toEqual(code("infeasible"));
    if (!(error instanceof InfeasibleLimitsError)) throw new Error("not the error");
    expect(error.exitCode).toBe(4);
    expect(error.message).toContain("at least 2.5 ms");
    const [nearest] = error.nearest;
    expect(nearest).toMatchObject({ resource: "latency", limit: 2, least: 2.5, othersKept: true });
    expect((await solveProblem(withLimit(residual, 2.5), [highs])).usage).toEqual([2.5]);
    await expect(solveProblem(withLimit(residual, 2.5 - 1e-6), [highs])).rejects.toThrow();
  });

  test("two limits that exclude each other are told apart from limits that fail alone", async () => {
    const memory = { name: "memory", unit: "MiB", limit: 1 };
    const problem: Problem = {
      ...withLimit(residual, 4),
      resources: [...withLimit(residual, 4).resources, memory],
      // The narrow stream is fast and needs memory, the wide one is slow and needs none.
      terms: residual.terms.map((term) =>
        term.name === "stem"
          ? { ...term, cost: [Float64Array.of(2, 5), Float64Array.of(3, 0)] }
          : term,
      ),
    };
    const error = await solveProblem(problem, [highs]).catch((e: unknown) => e);
    if (!(error instanceof InfeasibleLimitsError)) throw error;
    expect(error.nearest).toMatchObject([
      { resource: "latency", least: 5.5, othersKept: true },
      { resource: "memory", least: 3, othersKept: true },
    ]);
  });
});

describe("a solver that misbehaves", () => {
  const best = enumerateProblem(residual)?.objective ?? Number.NaN;

  test("a failed one is followed by the next, and the notes say so", async () => {
    const failing = saying({ status: "failed", message: "Aborted()", incumbent: null, stats });
    const answer = await solveProblem(residual, [failing, highs], plain);
    expect(answer).toMatchObject({ solver: "highs", status: "optimal", objective: best });
    expect(answer.notes).toEqual(["Solver puppet failed (Aborted()); highs takes over."]);
  });

  test("where every one fails, that is an error that tells why", async () => {
    const failing = saying({ status: "failed", message: "Aborted()", incumbent: null, stats });
    await expect(solveProblem(residual, [failing], plain)).rejects.toThrow(
      code("every-solver-failed"),
    );
  });

  test("what the last one found before it died is an answer with its gap", async () => {
    const outcome = await optimalPoint(residual);
    const incumbent = { ...outcome, bound: outcome.objective * 1.1 };
    const failing = saying({ status: "failed", message: "killed", incumbent, stats });
    const answer = await solveProblem(residual, [failing], plain);
    expect(answer).toMatchObject({ status: "feasible", objective: best });
    expect(answer.gap).toBeCloseTo(0.1, 9);
    expect(answer.notes[0]).toContain("killed");
  });

  test("an answer without a proof has a bound all the same: every table at its best", async () => {
    const { objective, values } = await optimalPoint(residual);
    const bound = Number.POSITIVE_INFINITY;
    const point = { objective, values, bound, gap: bound, reason: "time-limit" } as const;
    const answer = await solveProblem(
      residual,
      [saying({ status: "feasible", ...point, stats })],
      plain,
    );
    expect(answer).toMatchObject({ status: "feasible", bound: 9 + 6 + 3 });
    expect(answer.gap).toBeCloseTo(18 / best - 1, 9);
  });

  test("an optimum that breaks a limit is refused, never returned", async () => {
    const outcome = await optimalPoint(withLimit(residual, 100));
    const wrong = saying({ status: "optimal", gap: 0, stats, ...outcome });
    await expect(solveProblem(residual, [wrong], plain)).rejects.toThrow(code("over-limit"));
  });

  test("an objective that the point doesn't have is refused", async () => {
    const outcome = await optimalPoint(residual);
    const boasting = saying({
      status: "optimal",
      gap: 0,
      stats,
      ...outcome,
      objective: outcome.objective * 1.1,
    });
    await expect(solveProblem(residual, [boasting], plain)).rejects.toThrow(
      code("objective-differs"),
    );
  });

  test.each([
    ["time-limit", "no-answer-in-time", 5],
    ["interrupted", "interrupted", 130],
  ] as const)("nothing found, %s, is the error of that kind", async (reason, what, exitCode) => {
    const empty = saying({ status: "no-solution", bound: Number.POSITIVE_INFINITY, reason, stats });
    await expect(solveProblem(residual, [empty], plain)).rejects.toMatchObject({
      code: `formulation/${what}`,
      exitCode,
    });
  });

  async function optimalPoint(
    problem: Problem,
  ): Promise<{ objective: number; values: Float64Array; bound: number }> {
    const points: Outcome[] = [];
    const recording: Solver = {
      ...highs,
      solve: async (model, options) => {
        const outcome = await highs.solve(model, options);
        points.push(outcome);
        return outcome;
      },
    };
    await solveProblem(problem, [recording], plain);
    const [point] = points;
    if (point?.status !== "optimal") throw new Error("no optimum");
    return { objective: point.objective, values: point.values, bound: point.bound };
  }
});

test("a start, whether it is good, bad or breaks a limit, doesn't change the optimum", async () => {
  const best = enumerateProblem(residual)?.objective;
  for (const start of allSelections(residual)) {
    expect((await solveProblem(residual, [highs], { start })).objective).toBe(best);
  }
});

test.each<[string, Partial<Problem>]>([
  ["a NaN in a table", { terms: [{ ...termOf(residual), gain: Float64Array.of(Number.NaN, 1) }] }],
  ["an infinite cost", { terms: [{ ...termOf(residual), cost: [Float64Array.of(1, Infinity)] }] }],
  ["a table of the wrong size", { terms: [{ ...termOf(residual), gain: Float64Array.of(1) }] }],
  [
    "a table whose dim is gone while it counts",
    { terms: [{ ...termOf(residual), axes: [{ kind: "dim", index: 1 }] }] },
  ],
  [
    "a block inside itself",
    {
      blocks: [
        { name: "a", parent: 1 },
        { name: "b", parent: 0 },
      ],
    },
  ],
  ["counts that don't increase", { dims: [{ name: "d", counts: [2, 2], block: null }] }],
  ["a limit that is no number", { resources: [{ name: "r", unit: "", limit: Number.NaN }] }],
])("%s is refused before a solver sees it", async (_name, change) => {
  const problem = { ...residual, layers: [], sums: [], terms: [], ...change };
  await expect(solveProblem(problem, [enumerator])).rejects.toThrow(code("bad-problem"));
});

function termOf(problem: Problem): Problem["terms"][number] {
  const [term] = problem.terms;
  if (term === undefined) throw new Error("no term");
  return term;
}

test("a solver that found nothing in time leaves the selection that it started from, with a note", async () => {
  const start = startingSelection(residual) ?? undefined;
  const nothing = saying({ status: "no-solution", bound: Infinity, reason: "time-limit", stats });
  const answer = await solveProblem(residual, [nothing], { ...plain, start });
  expect(answer).toMatchObject({ status: "feasible", solver: "start", selection: start });
  expect(answer.gap).toBeGreaterThan(0);
  expect(Number.isFinite(answer.bound)).toBe(true);
  expect(answer.notes.join(" ")).toContain("started from");
  await expect(
    solveProblem(withLimit(residual, 2), [nothing], { ...plain, start }),
  ).rejects.toThrow(code("no-answer-in-time"));
});

test("a start is looked for only where the presolve has not proven the optimum", async () => {
  const { problem } = feasibleProblem();
  let asked = 0;
  const start = (same: Problem): ReturnType<typeof startingSelection> => {
    asked += 1;
    return startingSelection(same);
  };
  const shrunk = await solveProblem(problem, [highs], { start });
  expect(asked).toBe(0);
  const whole = await solveProblem(problem, [highs], { ...plain, start });
  expect(asked).toBe(1);
  expect(whole.objective).toBeCloseTo(shrunk.objective, 9);
});

/** The first random problem whose one limit is met by something, but not by everything. */
function feasibleProblem(): { readonly problem: Problem } {
  for (let seed = 0; seed < 100; seed += 1) {
    const problem = randomProblem(seed);
    if (problem.resources.length === 1 && startingSelection(problem) !== null) return { problem };
  }
  throw new Error("no seed below 100 gives such a problem");
}
