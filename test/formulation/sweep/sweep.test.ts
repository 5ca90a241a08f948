import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { createHighs } from "../../../solvers/highs.ts";
import { readInstance } from "../../../src/authors/read-instance.ts";
import type { Problem } from "../../../src/formulation/problem/problem.ts";
import type { Answer } from "../../../src/formulation/solve/answer.ts";
import { sweepChain, withLimit } from "../../../src/formulation/sweep/chain.ts";
import type { FrontierPoint } from "../../../src/formulation/sweep/frontier.ts";
import { chainsOf, sweepLimits } from "../../../src/formulation/sweep/sweep-limits.ts";
import type { Solver } from "../../../src/mip/solver.ts";
import { enumerateProblem } from "../../helpers/enumerate-problem.ts";
import { randomProblem } from "../../helpers/random-problem.ts";
import { sharedPath } from "../../helpers/shared.ts";

const highs = createHighs();
afterAll(() => highs.close());

const ONE_DIM: Problem = {
  name: "one dim",
  dims: [{ name: "a", counts: [1, 2], block: null }],
  sums: [],
  blocks: [],
  layers: [],
  exclusiveLayers: [],
  terms: [
    {
      name: "a",
      block: null,
      layer: null,
      axes: [{ kind: "dim", index: 0 }],
      gain: Float64Array.of(1, 2),
      cost: [Float64Array.of(3, 5)],
    },
  ],
  resources: [{ name: "latency", unit: "ms", limit: 5 }],
};

/** Limits from beyond what is possible to more than is of use. */
function limitsOf(problem: Problem): number[] {
  const { limit = 1 } = problem.resources[0] ?? {};
  const scale = Math.max(1, Math.abs(limit));
  return [-0.5, 0.1, 0.3, 0.5, 0.7, 0.9, 1, 1.2, 1.5, 3].map((share) => share * scale);
}

const runnerOf = (problem: Problem) => (limits: readonly number[]) =>
  sweepChain(problem, [highs], limits);

function objectiveOf({ outcome }: FrontierPoint): number | null {
  return outcome.kind === "solved" ? outcome.answer.objective : null;
}

describe("a frontier", () => {
  test("has at every limit what trying all selections gives, and never falls as the limit grows", async () => {
    let infeasible = 0;
    let solved = 0;
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 1e9 }), async (seed) => {
        const problem = randomProblem(seed);
        const points = await sweepLimits(limitsOf(problem), [runnerOf(problem)]);
        expect(points).toHaveLength(10);
        let last = Number.POSITIVE_INFINITY;
        for (const point of points) {
          const optimum = enumerateProblem(withLimit(problem, 0, point.limit))?.objective ?? null;
          const objective = objectiveOf(point);
          if (optimum === null) {
            expect(point.outcome.kind).toBe("infeasible");
            infeasible += 1;
            continue;
          }
          expect(objective).toBeCloseTo(optimum, 9);
          expect(objective).toBeLessThanOrEqual(last);
          last = objective ?? last;
          solved += 1;
        }
      }),
      { seed: 41, numRuns: 25 },
    );
    expect(infeasible).toBeGreaterThan(30);
    expect(solved).toBeGreaterThan(80);
  });

  test("is the same however many runners share its chains", async () => {
    const problem = randomProblem(12);
    const one = await sweepLimits(limitsOf(problem), [runnerOf(problem)]);
    const three = await sweepLimits(
      limitsOf(problem),
      [1, 2, 3].map(() => runnerOf(problem)),
    );
    const plain = (points: readonly FrontierPoint[]): unknown =>
      points.map(({ limit, outcome }) =>
        outcome.kind === "solved" ? [limit, outcome.answer.selection] : [limit, outcome],
      );
    expect(plain(three)).toEqual(plain(one));
  });

  test("says where its limits can't be met, with the least that can", async () => {
    const points = await sweepLimits([5, 2, 1, 3], [runnerOf(ONE_DIM)]);
    expect(
      points.map(({ limit, outcome }) => [
        limit,
        outcome.kind === "infeasible" ? outcome.least : objectiveOf({ limit, outcome }),
      ]),
    ).toEqual([
      [5, 2],
      [3, 1],
      [2, 3],
      [1, 3],
    ]);
  });

  const instance = sharedPath("synthetic-instances/mbv2-8-b50-s1.json");
  test.skipIf(instance === null)(
    "of a network of forty layers is proven at each point (skipped without the shared instances)",
    async () => {
      const { problem } = readInstance(instance ?? "");
      const { limit = 0 } = problem.resources[0] ?? {};
      const points = await sweepLimits(
        [0.6, 0.9, 1.2, 1.6].map((share) => share * limit),
        [runnerOf(problem)],
      );
      const statuses = points.map(({ outcome }) =>
        outcome.kind === "solved" ? outcome.answer.status : outcome.kind,
      );
      expect(statuses).toEqual(["optimal", "optimal", "optimal", "optimal"]);
    },
  );
});

/** An answer that earns this much, proven up to a bound. */
function answer(objective: number, bound: number): Answer {
  return {
    status: objective === bound ? "optimal" : "feasible",
    selection: { options: [objective], droppedBlocks: new Set(), droppedLayers: new Set() },
    objective,
    usage: [objective],
    bound,
    gap: (bound - objective) / objective,
    solver: "none",
    seconds: 0,
    stats: { seconds: 0, nodes: 0, lpIterations: 0, memoryBytes: 0 },
    presolve: null,
    notes: [],
  };
}

describe("points of a frontier that are not proven", () => {
  const settle = (outcomes: readonly FrontierPoint["outcome"][]): Promise<FrontierPoint[]> =>
    sweepLimits(
      outcomes.map((_, at) => at + 1),
      [
        async (limits) =>
          limits.flatMap((limit) => {
            const outcome = outcomes[limit - 1];
            return outcome === undefined ? [] : [{ limit, outcome }];
          }),
      ],
    );
  const figures = (points: readonly FrontierPoint[]): unknown =>
    points.map(({ limit, outcome }) =>
      outcome.kind === "solved"
        ? [limit, outcome.answer.objective, outcome.answer.bound]
        : [limit, outcome.kind],
    );

  test("take a better selection from a smaller limit, and a lower bound from a larger one", async () => {
    const points = await settle([
      { kind: "solved", answer: answer(10, 10) },
      { kind: "solved", answer: answer(8, 30) },
      { kind: "unsolved", why: "no time" },
      { kind: "solved", answer: answer(12, 20) },
    ]);
    expect(figures(points)).toEqual([
      [4, 12, 20],
      [3, 10, 20],
      [2, 10, 20],
      [1, 10, 10],
    ]);
  });

  test("stay as they are where there is nothing better", async () => {
    const points = await settle([
      { kind: "infeasible", least: 2 },
      { kind: "solved", answer: answer(8, 9) },
      { kind: "solved", answer: answer(9, 11) },
    ]);
    expect(figures(points)).toEqual([
      [3, 9, 11],
      [2, 8, 9],
      [1, "infeasible"],
    ]);
  });
});

describe("a chain", () => {
  test("ends where it is interrupted, with the points that it has", async () => {
    const abort = new AbortController();
    const limits = limitsOf(randomProblem(12)).filter((limit) => limit > 0);
    const points = await sweepChain(randomProblem(12), [highs], limits, {
      signal: abort.signal,
      onPoint: () => abort.abort(),
    });
    expect(points).toHaveLength(1);
  });

  test("leaves a point out that was interrupted in the middle", async () => {
    const abort = new AbortController();
    const halfway: Solver = {
      name: "halfway",
      solve: () => {
        abort.abort();
        const { stats } = answer(1, 1);
        return Promise.resolve({ status: "no-solution", bound: 1, reason: "interrupted", stats });
      },
      close: () => Promise.resolve(),
    };
    const { signal } = abort;
    const points = await sweepChain(ONE_DIM, [halfway], [4], {
      presolve: false,
      signal,
    });
    expect(points).toEqual([]);
  });

  test("goes on past a limit that has no answer in time", async () => {
    const never: Solver = {
      name: "never",
      solve: () =>
        Promise.resolve({
          status: "no-solution",
          bound: 1,
          reason: "time-limit",
          stats: answer(1, 1).stats,
        }),
      close: () => Promise.resolve(),
    };
    const points = await sweepChain(randomProblem(11), [never], [1e6, 2e6], { presolve: false });
    expect(points.map(({ outcome }) => outcome.kind)).toEqual(["unsolved", "unsolved"]);
  });
});

test("chains are of about four limits, and depend on the limits alone", () => {
  expect(chainsOf([3, 1, 2])).toEqual([[1, 2, 3]]);
  expect(chainsOf([5, 4, 3, 2, 1, 5])).toEqual([
    [4, 5],
    [1, 2, 3],
  ]);
  const many = Array.from({ length: 30 }, (_, at) => at + 1);
  expect(
    chainsOf(many)
      .flat()
      .sort((a, b) => a - b),
  ).toEqual(many);
  expect(Math.max(...chainsOf(many).map(({ length }) => length))).toBeLessThanOrEqual(4);
});
