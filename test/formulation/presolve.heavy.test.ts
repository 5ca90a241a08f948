import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { createGlpk, hasGlpk } from "../../solvers/glpk.ts";
import { createHighs } from "../../solvers/highs.ts";
import { randomFrom } from "../../src/core/random.ts";
import { exactPresolve, rememberingPresolve } from "../../src/formulation/presolve/presolve.ts";
import type { Reduction } from "../../src/formulation/presolve/reduction.ts";
import { checkSelection } from "../../src/formulation/problem/evaluate.ts";
import type { Problem, ProblemDim, ProblemTerm } from "../../src/formulation/problem/problem.ts";
import { checkProblem } from "../../src/formulation/problem/problem-check.ts";
import { InfeasibleLimitsError } from "../../src/formulation/solve/answer.ts";
import { solveProblem } from "../../src/formulation/solve/solve-problem.ts";
import { allSelections, enumerateProblem } from "../helpers/enumerate-problem.ts";
import { randomProblem } from "../helpers/random-problem.ts";
import { residual } from "./programs.ts";

const highs = createHighs();
const glpk = createGlpk();
afterAll(() => Promise.all([highs.close(), glpk.close()]));

const unhurried = { mustStop: (): boolean => false };
const seeds = fc.integer({ min: 0, max: 1e9 });

/** The problem with its first limit alone. */
function withOneLimit(problem: Problem): Problem {
  const resources = problem.resources.map((resource, r) =>
    r === 0 ? resource : { ...resource, limit: Number.POSITIVE_INFINITY },
  );
  return { ...problem, resources };
}

/** Null where it says that the limits can't be met. */
async function reduced(problem: Problem): Promise<Reduction | null> {
  try {
    return await exactPresolve(problem, unhurried);
  } catch (error) {
    if (error instanceof InfeasibleLimitsError) return null;
    throw error;
  }
}

/** Everything that a reduction promises, against trying all selections. */
function expectExact(problem: Problem, reduction: Reduction, optimum: number): void {
  checkProblem(reduction.problem);
  expect(reduction.bound).toBeGreaterThanOrEqual(optimum - 1e-9);
  const small = enumerateProblem(reduction.problem);
  expect(small?.objective).toBeCloseTo(optimum, 9);
  if (small === null) return;
  const lifted = reduction.lift(small.selection);
  expect(checkSelection(problem, lifted).objective).toBeCloseTo(optimum, 9);
  expect(reduction.lower(lifted)).toEqual(small.selection);
  if (reduction.known === null) return;
  const known = checkSelection(problem, reduction.known).objective;
  expect(reduction.lower(reduction.known)).not.toBeNull();
  if (reduction.isProven) expect(known).toBeCloseTo(optimum, 9);
  else expect(known).toBeLessThanOrEqual(optimum + 1e-9);
}

describe("on random small programs", () => {
  test("with one limit, label setting finds the optimum that trying all selections finds", async () => {
    let solved = 0;
    await fc.assert(
      fc.asyncProperty(seeds, async (seed) => {
        const problem = withOneLimit(randomProblem(seed));
        const optimum = enumerateProblem(problem)?.objective ?? null;
        const reduction = await reduced(problem);
        if (optimum === null || reduction === null) {
          expect(optimum).toBe(null);
          expect(reduction).toBe(null);
          return;
        }
        solved += 1;
        expect(reduction.isProven).toBe(true);
        expectExact(problem, reduction, optimum);
      }),
      { seed: 71, numRuns: 400 },
    );
    expect(solved).toBeGreaterThan(200);
  });

  test("with several limits, nothing is removed that the optimum needs, and the bound holds", async () => {
    let removed = 0;
    await fc.assert(
      fc.asyncProperty(seeds, async (seed) => {
        const problem = randomProblem(seed);
        const optimum = enumerateProblem(problem)?.objective ?? null;
        const reduction = await reduced(problem);
        if (optimum === null || reduction === null) {
          expect(optimum).toBe(null);
          expect(reduction?.known ?? null).toBe(null);
          return;
        }
        expectExact(problem, reduction, optimum);
        const { choices = 0, choicesLeft = 0 } = reduction.effort ?? {};
        if (choicesLeft < choices) removed += 1;
      }),
      { seed: 72, numRuns: 400 },
    );
    expect(removed).toBeGreaterThan(100);
  });

  test("an impossible limit comes back with the least that it would have to be", async () => {
    let infeasible = 0;
    await fc.assert(
      fc.asyncProperty(seeds, async (seed) => {
        const problem = withOneLimit(randomProblem(seed));
        const error = await exactPresolve(problem, unhurried).catch((e: unknown) => e);
        if (!(error instanceof InfeasibleLimitsError)) return;
        infeasible += 1;
        const least = error.nearest[0]?.least ?? Number.NaN;
        const at = (limit: number): Problem => ({
          ...problem,
          resources: problem.resources.map((each, r) => (r === 0 ? { ...each, limit } : each)),
        });
        expect(enumerateProblem(at(least))).not.toBe(null);
        expect(enumerateProblem(at(least - 1e-6))).toBe(null);
      }),
      { seed: 73, numRuns: 200 },
    );
    expect(infeasible).toBeGreaterThan(20);
  });

  test.skipIf(!hasGlpk())(
    "HiGHS and GLPK certify the reduced program at the optimum of the plain one",
    async () => {
      await fc.assert(
        fc.asyncProperty(seeds, async (seed) => {
          const problem = randomProblem(seed);
          const optimum = enumerateProblem(problem)?.objective ?? null;
          for (const solver of [highs, glpk]) {
            const answer = await solveProblem(problem, [solver]).catch((e: unknown) => {
              if (e instanceof InfeasibleLimitsError) return null;
              throw e;
            });
            if (optimum === null || answer === null) {
              expect(answer?.objective ?? null).toBe(optimum);
            } else {
              expect(answer).toMatchObject({ status: "optimal", gap: 0, solver: solver.name });
              expect(answer.objective).toBeCloseTo(optimum, 9);
            }
          }
        }),
        { seed: 74, numRuns: 100 },
      );
    },
  );
});

/** A chain of convolutions with blocks on a stream, costs that are not monotone, and up to a dozen options per dim. */
function randomChain(seed: number, stages: number): Problem {
  const random = randomFrom(seed);
  const dims: ProblemDim[] = [];
  const terms: ProblemTerm[] = [];
  const blocks: { name: string; parent: null }[] = [];
  const addDim = (block: number | null): number => {
    const options = 3 + random.integer(10);
    const counts = Array.from({ length: options }, (_, k) => 8 * (k + 1));
    dims.push({ name: `dim ${dims.length}`, counts, block });
    return dims.length - 1;
  };
  const addLayer = (block: number | null, input: number | null, output: number): void => {
    const axes = (input === null ? [output] : [output, input]).map((index) => ({
      kind: "dim" as const,
      index,
    }));
    const [rows = 1, columns = 1] = axes.map(({ index }) => dims[index]?.counts.length ?? 1);
    const stairs = 1 + random.integer(4);
    const cost = Float64Array.from({ length: rows * columns }, (_, cell) => {
      const [i, j] = [Math.floor(cell / columns) + 1, (cell % columns) + 1];
      return Math.ceil(i / stairs) * j * (1 + 0.1 * random.next()) + (random.next() < 0.05 ? 5 : 0);
    });
    let total = 0;
    const gain = Float64Array.from({ length: rows }, () => {
      total += random.next() ** 3;
      return total;
    });
    terms.push({
      name: `cost ${terms.length}`,
      block,
      layer: null,
      axes,
      gain: null,
      cost: [cost],
    });
    const own = axes.slice(0, 1);
    terms.push({ name: `gain ${terms.length}`, block, layer: null, axes: own, gain, cost: [] });
  };
  let stream = addDim(null);
  addLayer(null, null, stream);
  for (let stage = 0; stage < stages; stage += 1) {
    for (let branch = 0; branch < 2; branch += 1) {
      blocks.push({ name: `block ${blocks.length}`, parent: null });
      const block = blocks.length - 1;
      const inner = addDim(block);
      addLayer(block, stream, inner);
      addLayer(block, inner, stream);
    }
    const next = addDim(null);
    addLayer(null, stream, next);
    stream = next;
  }
  const full = terms.reduce((sum, { cost }) => sum + (cost[0]?.at(-1) ?? 0), 0);
  const resources = [{ name: "latency", unit: "ms", limit: full * (0.1 + 0.6 * random.next()) }];
  return {
    name: `chain ${seed}`,
    dims,
    sums: [],
    blocks,
    layers: [],
    exclusiveLayers: [],
    terms,
    resources,
  };
}

test("on residual chains the presolve's optimum is the plain program's, from far fewer choices", async () => {
  for (const seed of [1, 2, 3, 4, 5, 6]) {
    const problem = randomChain(seed, 4);
    const plain = await solveProblem(problem, [highs], { presolve: false });
    const answer = await solveProblem(problem, [highs]);
    expect(answer.objective, `seed ${seed}`).toBeCloseTo(plain.objective, 7);
    expect(answer.gap).toBe(0);
    const { choices = 0, choicesLeft = 0 } = answer.presolve ?? {};
    expect(choicesLeft, `seed ${seed}`).toBeLessThan(choices * 0.7);
  }
});

test("a presolve that remembers says the same of each budget, and of another problem between them", async () => {
  const remembering = rememberingPresolve();
  const chain = randomChain(9, 3);
  const [resource] = chain.resources;
  const budgets = [0.5, 0.8, 1].map(
    (share): Problem => ({
      ...chain,
      resources: resource === undefined ? [] : [{ ...resource, limit: share * resource.limit }],
    }),
  );
  for (const problem of [...budgets, residual, ...budgets]) {
    const [one, other] = [
      await remembering(problem, unhurried),
      await exactPresolve(problem, unhurried),
    ];
    expect(one.known).toEqual(other.known);
    expect(one).toMatchObject({ bound: other.bound, isProven: true, effort: other.effort });
  }
});

test("the bound is never below any selection within the limits", async () => {
  const { bound } = await exactPresolve(residual, unhurried);
  for (const selection of allSelections(residual)) {
    try {
      expect(checkSelection(residual, selection).objective).toBeLessThanOrEqual(bound + 1e-9);
    } catch (error) {
      expect(error).toMatchObject({ code: "formulation/over-limit" });
    }
  }
});

test("dims that all depend on each other are left to the solver, and the notes say so", async () => {
  const options = 40;
  const dims = Array.from({ length: 6 }, (_, index) => ({
    name: `dim ${index}`,
    counts: Array.from({ length: options }, (_unused, k) => k + 1),
    block: null,
  }));
  const terms = dims.flatMap((_, one) =>
    dims.slice(one + 1).map((_unused, at) => ({
      name: `table ${one}-${at}`,
      block: null,
      layer: null,
      axes: [one, one + 1 + at].map((index) => ({ kind: "dim" as const, index })),
      gain: new Float64Array(options ** 2).fill(1),
      cost: [],
    })),
  );
  const tangled = { ...residual, name: "tangled", dims, terms, sums: [], blocks: [], layers: [] };
  const reduction = await exactPresolve(tangled, unhurried);
  expect(reduction.problem).toBe(tangled);
  expect(reduction.notes[0]).toContain("No presolve");
});
