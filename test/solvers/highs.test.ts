import { afterAll, expect, test } from "vitest";
import { createHighs, startHighsThread } from "../../solvers/highs.ts";
import { violations } from "../../src/mip/check.ts";
import type { SolveProgress } from "../../src/mip/solver.ts";
import { solverContract } from "./contract.ts";
import { hardModel, knapsack, modelOf } from "./models.ts";

solverContract(createHighs);

const highs = createHighs();
afterAll(() => highs.close());
const hard = hardModel();

test("an unbounded model is told from an infeasible one", async () => {
  const model = modelOf("maximize", [[0, Number.POSITIVE_INFINITY, true, 1]], []);
  expect((await highs.solve(model)).status).toBe("unbounded");
});

test.each([0.1, 1])("a limit of %s s gives the best answer so far with its gap", async (limit) => {
  const outcome = await highs.solve(hard, { timeLimitSeconds: limit });
  expect(["feasible", "no-solution"]).toContain(outcome.status);
  if (outcome.status !== "feasible") return;
  expect(outcome.reason).toBe("time-limit");
  expect(violations(hard, outcome.values)).toEqual([]);
  expect(outcome.bound).toBeGreaterThan(outcome.objective);
  expect(outcome.gap).toBeGreaterThan(0);
});

test("an abort gives the best answer so far, and the progress before it told incumbent, bound and gap", async () => {
  const abort = new AbortController();
  const seen: SolveProgress[] = [];
  const outcome = await highs.solve(hard, {
    signal: abort.signal,
    onProgress: (progress) => {
      seen.push(progress);
      if (progress.gap !== null) abort.abort();
    },
    timeLimitSeconds: 60,
  });
  expect(outcome).toMatchObject({ status: "feasible", reason: "interrupted" });
  expect(seen.at(-1)).toMatchObject({ solver: "highs", gap: expect.any(Number) });
});

test("an abort before the start ends at once", async () => {
  const outcome = await highs.solve(hard, { signal: AbortSignal.abort() });
  expect(["feasible", "no-solution"]).toContain(outcome.status);
});

test("a gap that is good enough ends the solve, with a bound beside the answer", async () => {
  const outcome = await highs.solve(hard, { relativeGap: 0.2, timeLimitSeconds: 60 });
  if (outcome.status !== "optimal") throw new Error(outcome.status);
  expect(outcome.gap).toBeLessThanOrEqual(0.2);
  expect(outcome.bound).toBeGreaterThanOrEqual(outcome.objective);
});

test("a thread that is killed in the middle is a failed outcome with its best point, and the next solve works", async () => {
  const thread = startHighsThread();
  const outcome = await thread.solve(hard, {
    onProgress: ({ incumbent }) => {
      if (incumbent !== null) void thread.worker.terminate();
    },
  });
  if (outcome.status !== "failed") throw new Error(outcome.status);
  expect(outcome.message).toContain("thread");
  expect(violations(hard, outcome.incumbent?.values ?? new Float64Array(0))).toEqual([]);
  expect(thread.alive()).toBe(false);
  expect((await highs.solve(knapsack)).status).toBe("optimal");
});

test("a model that HiGHS refuses is a failed outcome, and the next solve works", async () => {
  const broken = { ...knapsack, entryColumns: Int32Array.of(0, 1, 2, 99) };
  expect((await highs.solve(broken)).status).toBe("failed");
  expect((await highs.solve(knapsack)).status).toBe("optimal");
});
