import { afterAll, describe, expect, test } from "vitest";
import { createGlpk, hasGlpk } from "../../solvers/glpk.ts";
import { createHighs, startHighsThread } from "../../solvers/highs.ts";
import { highsBody } from "../../solvers/highs-body.ts";
import type { WorkerBody } from "../../solvers/protocol.ts";
import { type SolverThread, startThread } from "../../solvers/thread.ts";
import { checkSelection } from "../../src/formulation/problem/evaluate.ts";
import type { Problem } from "../../src/formulation/problem/problem.ts";
import type { Answer } from "../../src/formulation/solve/answer.ts";
import { solveProblem } from "../../src/formulation/solve/solve-problem.ts";
import { startingSelection } from "../../src/formulation/solve/start.ts";
import { solveWatched } from "../../src/formulation/solve/watchdog.ts";
import type { Outcome, Solver } from "../../src/mip/solver.ts";
import { bottleneckProblem, chainProblem } from "../helpers/large-problems.ts";
import { knapsack } from "../solvers/models.ts";
import { residual, withLimit } from "./programs.ts";

const highs = createHighs();
const glpk = createGlpk();
afterAll(() => Promise.all([highs.close(), glpk.close()]));
const plain = { presolve: false } as const;
const code = (what: string): unknown => expect.objectContaining({ code: `formulation/${what}` });
const never = new Promise<never>(() => {});

/** Takes any solver of this project minutes without the presolve. */
const hard = bottleneckProblem(8, { seed: 3, step: 16, budgets: [0.4] });
/** Takes the presolve about a second, and any solver for ever. */
const large = bottleneckProblem(40, { seed: 3, step: 8, budgets: [0.4] });
/** Small enough for GLPK. */
const small = bottleneckProblem(4, { seed: 3, step: 64, budgets: [0.4] });

/** The answer is what it claims to be. */
function expectHonest(problem: Problem, answer: Answer): void {
  const { objective } = checkSelection(problem, answer.selection);
  expect(answer.objective).toBe(objective);
  expect(answer.bound).toBeGreaterThanOrEqual(objective);
  expect(Number.isFinite(answer.gap)).toBe(true);
  if (answer.status === "optimal") expect(answer.gap).toBeLessThan(1e-9);
}

/** A solver that is one thread, once. */
function onThread(name: string, thread: SolverThread, onSolve?: () => void): Solver {
  return {
    name,
    solve: (model, options = {}) => {
      const outcome = thread.solve(model, options);
      onSolve?.();
      return outcome;
    },
    close: () => thread.close(),
  };
}

describe("a solver that dies", () => {
  test.skipIf(!hasGlpk())("killed while it runs, it is followed by the next", async () => {
    const thread = startHighsThread();
    const killed = onThread("highs", thread, () => void thread.worker.terminate());
    const answer = await solveProblem(small, [killed, glpk], plain);
    expectHonest(small, answer);
    expect(answer).toMatchObject({ status: "optimal", solver: "glpk" });
    expect(answer.notes[0]).toContain("highs failed");
  });

  test("out of memory, it is followed by the next, and the process lives on", async () => {
    const starved = onThread("starved", startThread("starved", starvedHighs(), highsUrl()));
    const options = { ...plain, timeLimitSeconds: 6, start: startingSelection };
    const answer = await solveProblem(hard, [starved, highs], options);
    expectHonest(hard, answer);
    expect(answer.solver).not.toBe("starved");
    expect(answer.notes[0]).toContain("starved failed");
    expect((await highs.solve(knapsack)).status).toBe("optimal");
  });

  test("without a next one, the presolve's optimum stands and says that nobody certified it", async () => {
    const thread = startHighsThread();
    const killed = onThread("highs", thread, () => void thread.worker.terminate());
    const answer = await solveProblem(small, [killed]);
    expectHonest(small, answer);
    expect(answer).toMatchObject({ status: "optimal", solver: "presolve" });
    expect(answer.notes.join(" ")).toContain("no solver certified it");
  });

  test("one that rejects, though no solver may, has failed", async () => {
    const rejecting: Solver = {
      name: "puppet",
      solve: () => Promise.reject(new Error("never promised that")),
      close: () => Promise.resolve(),
    };
    const answer = await solveProblem(residual, [rejecting, highs], plain);
    expect(answer.notes).toEqual(["Solver puppet failed (never promised that); highs takes over."]);
  });
});

/** The HiGHS thread with a memory that can't grow. It is text, like every body. */
function starvedHighs(): WorkerBody {
  const text = `async (port, url) => {
    WebAssembly.Memory.prototype.grow = () => { throw new RangeError("no memory left"); };
    await (${highsBody.toString()})(port, url);
  }`;
  return Object.assign(() => Promise.resolve(), { toString: () => text });
}

function highsUrl(): string {
  return import.meta.resolve("highs");
}

describe("a solver that says nothing", () => {
  const mute: Solver = { name: "mute", solve: () => never, close: () => Promise.resolve() };

  test("past its limit and a grace it has failed", async () => {
    const outcome = await solveWatched(mute, knapsack, { timeLimitSeconds: 0.05 }, 0.05);
    expect(outcome).toMatchObject({ status: "failed", message: "it did not answer in time" });
  });

  test("asked to stop it has failed after a grace, also where it was asked beforehand", async () => {
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 20);
    for (const signal of [abort.signal, AbortSignal.abort()]) {
      const outcome = await solveWatched(mute, knapsack, { signal }, 0.05);
      expect(outcome.status).toBe("failed");
    }
  });

  test("one that answers is left alone", async () => {
    const outcome = await solveWatched(highs, knapsack, { timeLimitSeconds: 60 }, 0.05);
    expect(outcome).toMatchObject({ status: "optimal", objective: 22 });
  });
});

describe("a solver that lies", () => {
  const stats = { seconds: 0, nodes: 0, lpIterations: 0, memoryBytes: 0 };

  /** HiGHS, but its outcome is changed. */
  const changing = (
    change: (outcome: Extract<Outcome, { status: "optimal" }>) => Outcome,
  ): Solver => ({
    name: "liar",
    solve: async (model, options) => {
      const outcome = await highs.solve(model, options);
      if (outcome.status !== "optimal") throw new Error(outcome.status);
      return change(outcome);
    },
    close: () => Promise.resolve(),
  });

  test("a worse point that it calls optimal is refused, where the presolve knows better", async () => {
    const worse = withLimit(residual, 4);
    const best = await solveProblem(worse, [highs]);
    const liar: Solver = {
      ...changing((outcome) => outcome),
      solve: async (model, options) => {
        // The answer to the program without its gain: any point.
        const idle = { ...model, objective: model.objective.map((gain) => -gain) };
        const outcome = await highs.solve(idle, { ...options, start: undefined });
        if (outcome.status !== "optimal") throw new Error(outcome.status);
        const objective = -(outcome.objective - model.objectiveOffset) + model.objectiveOffset;
        return { ...outcome, objective, bound: objective, gap: 0 };
      },
    };
    const answer = await solveProblem(worse, [liar]).catch((error: unknown) => error);
    const isRefused = answer instanceof Error && "code" in answer;
    if (isRefused) expect(answer).toEqual(code("proofs-disagree"));
    // A reduced program with one point left can't be lied about.
    else expect((answer as Answer).objective).toBe(best.objective);
  });

  test("a point that is none of the program's is refused", async () => {
    const liar = changing((outcome) => ({ ...outcome, values: outcome.values.map(() => 0) }));
    await expect(solveProblem(residual, [liar], plain)).rejects.toMatchObject({ exitCode: 6 });
  });

  test("a bound below its own answer does not come out", async () => {
    const liar = changing((outcome) => ({
      ...outcome,
      status: "feasible",
      reason: "time-limit",
      bound: outcome.objective - 1,
      gap: 0.5,
      stats,
    }));
    const answer = await solveProblem(residual, [liar], plain);
    expect(answer.bound).toBeGreaterThanOrEqual(answer.objective);
  });
});

describe("time limits", () => {
  test.each([0.1, 1, 4])(
    "after %s s of the plain program there is an answer with its gap, or a clear error",
    async (timeLimitSeconds) => {
      const answer = await solveProblem(hard, [highs], { ...plain, timeLimitSeconds }).catch(
        (error: unknown) => error,
      );
      if (answer instanceof Error) expect(answer).toEqual(code("no-answer-in-time"));
      else expectHonest(hard, answer as Answer);
    },
  );

  test.each([0.1, 1])("after %s s with a start there is an answer in any case", async (limit) => {
    const answer = await solveProblem(hard, [highs], {
      ...plain,
      timeLimitSeconds: limit,
      start: startingSelection,
    });
    expectHonest(hard, answer);
  });

  test("a start beyond the limits is none", async () => {
    const options = hard.dims.map(({ counts }) => counts.length - 1);
    const start = { options, droppedBlocks: new Set<number>(), droppedLayers: new Set<number>() };
    const answer = await solveProblem(hard, [highs], {
      ...plain,
      timeLimitSeconds: 2,
      start,
    }).catch((error: unknown) => error);
    if (answer instanceof Error) expect(answer).toEqual(code("no-answer-in-time"));
    else expectHonest(hard, answer as Answer);
  });

  test("a limit that ends the presolve leaves what it knew", async () => {
    const answer = await solveProblem(large, [highs], { timeLimitSeconds: 0.15 });
    expectHonest(large, answer);
  });
});

test.each([0, 50, 300, 900])(
  "stopped after %s ms, presolve or solver, there is a checked answer with its gap, or a clear error",
  async (milliseconds) => {
    const abort = new AbortController();
    setTimeout(() => abort.abort(), milliseconds);
    const answer = await solveProblem(large, [highs], { signal: abort.signal }).catch(
      (error: unknown) => error,
    );
    if (answer instanceof Error) expect(answer).toEqual(code("interrupted"));
    else expectHonest(large, answer as Answer);
  },
);

describe("odd tables and budgets", () => {
  const [first] = residual.terms;
  if (first === undefined) throw new RangeError("no term");
  const withCost = (cost: number): Problem => ({
    ...residual,
    terms: [{ ...first, cost: [first.cost[0]?.with(0, cost) ?? null] }, ...residual.terms.slice(1)],
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    "an entry that is %s is refused",
    async (entry) => {
      await expect(solveProblem(withCost(entry), [highs])).rejects.toEqual(code("bad-problem"));
    },
  );

  test.each([-3, -1e6, 1e15, -1e15])(
    "an entry of %s has the same answer with and without presolve",
    async (entry) => {
      const problem = withCost(entry);
      const [one, other] = [
        await solveProblem(problem, [highs]),
        await solveProblem(problem, [highs], plain),
      ];
      expectHonest(problem, one);
      expect(other.objective).toBe(one.objective);
    },
  );

  test.each([0, -1, -1e9])("a budget of %s is infeasible, and says so", async (limit) => {
    for (const presolve of [undefined, false] as const) {
      await expect(solveProblem(withLimit(residual, limit), [highs], { presolve })).rejects.toEqual(
        code("infeasible"),
      );
    }
  });

  test.each([Number.NaN, Number.NEGATIVE_INFINITY])("a budget of %s is refused", async (limit) => {
    await expect(solveProblem(withLimit(residual, limit), [highs])).rejects.toEqual(
      code("bad-problem"),
    );
  });

  test("a hundred thousand choices end in bounded time, with an answer or with the limit named", async () => {
    const chain = chainProblem(12_000, { seed: 5, step: 16, budgets: [0.5] });
    const choices = chain.dims.reduce((sum, { counts }) => sum + counts.length, 0);
    expect(choices).toBeGreaterThan(1e5);
    // How far eight seconds go depends on the machine.
    const end = await solveProblem(chain, [highs], { timeLimitSeconds: 8 }).catch(
      (error: unknown) => error,
    );
    if (end instanceof Error) expect(end).toEqual(code("no-answer-in-time"));
    else expectHonest(chain, end as Answer);
  });
});
