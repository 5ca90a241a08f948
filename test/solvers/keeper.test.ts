import { expect, test } from "vitest";
import { createGlpk } from "../../solvers/glpk.ts";
import { createHighs } from "../../solvers/highs.ts";
import { keepThread, type SolverPlace } from "../../solvers/keeper.ts";
import { warmUpModel } from "../../solvers/warm-up.ts";
import type { Model } from "../../src/mip/model.ts";
import type { Outcome } from "../../src/mip/solver.ts";
import { knapsack } from "./models.ts";

const OUTCOME: Outcome = {
  status: "infeasible",
  stats: { seconds: 0, nodes: 0, lpIterations: 0, memoryBytes: 0 },
};

/** Places that solve when they are told to, or fail when they are closed. */
function places() {
  const asked: Model[] = [];
  const answers: (() => void)[] = [];
  let started = 0;
  let closed = 0;
  const start = (): SolverPlace => {
    started += 1;
    let isAlive = true;
    const ends: (() => void)[] = [];
    return {
      solve: (model) => {
        asked.push(model);
        return new Promise((resolve) => {
          answers.push(() => resolve(OUTCOME));
          ends.push(() => resolve(OUTCOME));
        });
      },
      alive: () => isAlive,
      close: async () => {
        isAlive = false;
        closed += 1;
        for (const end of ends) end();
      },
    };
  };
  return { start, asked, answers, counts: () => ({ started, closed }) };
}

test("a model that comes during the warm-up waits for it and is solved in the same thread", async () => {
  const { start, asked, answers, counts } = places();
  const solver = keepThread("slow", start);
  const warm = warmUpModel();
  solver.warmUp(warm);
  const solved = solver.solve(knapsack);
  await Promise.resolve();
  expect(asked).toEqual([warm]);
  answers[0]?.();
  await expect.poll(() => asked.length).toBe(2);
  answers[1]?.();
  expect(await solved).toBe(OUTCOME);
  expect(asked).toEqual([warm, knapsack]);
  expect(counts()).toEqual({ started: 1, closed: 0 });
  await solver.close();
  expect(counts()).toEqual({ started: 1, closed: 1 });
});

test("closing ends a warm-up", async () => {
  const { start, counts } = places();
  const solver = keepThread("slow", start);
  solver.warmUp(warmUpModel());
  await solver.close();
  expect(counts()).toEqual({ started: 1, closed: 1 });
});

test("a thread that can't be started is told of by the solve, not by the warm-up", async () => {
  const solver = keepThread("missing", () => {
    throw new Error("no such package");
  });
  solver.warmUp(warmUpModel());
  expect(await solver.solve(knapsack)).toMatchObject({
    status: "failed",
    message: "no such package",
  });
});

test("the model of the warm-up needs a search, and two solvers agree on it", async () => {
  const model = warmUpModel();
  const solvers = [createHighs(), createGlpk()];
  const [one, other] = await Promise.all(solvers.map((solver) => solver.solve(model)));
  await Promise.all(solvers.map((solver) => solver.close()));
  expect(one?.status).toBe("optimal");
  expect(one?.stats.nodes).toBeGreaterThan(5);
  if (one?.status !== "optimal" || other?.status !== "optimal") return;
  expect(other.objective).toBeCloseTo(one.objective, 6);
});
