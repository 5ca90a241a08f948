import { expect, test } from "vitest";
import { encode } from "../../src/formulation/encoding/encode.ts";
import { solvePromising } from "../../src/formulation/solve/watchdog.ts";
import type { Outcome, Solver } from "../../src/mip/solver.ts";
import { residual } from "./programs.ts";

const { model } = encode(residual);
const stats = { seconds: 0, nodes: 0, lpIterations: 0, memoryBytes: 0 };
const bound = Number.POSITIVE_INFINITY;

/** A solver that ends when it is asked to, or by itself after 0.6 s, and tells a bound on the way or none. */
function slow(told: number | null): Solver {
  return {
    name: "slow",
    solve: (_, { signal, onProgress } = {}) =>
      new Promise<Outcome>((resolve) => {
        onProgress?.({
          solver: "slow",
          seconds: 0,
          incumbent: null,
          bound: told,
          gap: null,
          nodes: 0,
        });
        const end = (reason: "interrupted" | "time-limit"): void =>
          resolve({ status: "no-solution", bound, reason, stats });
        const timer = setTimeout(() => end("time-limit"), 600);
        const stop = (): void => {
          clearTimeout(timer);
          end("interrupted");
        };
        if (signal?.aborted === true) stop();
        signal?.addEventListener("abort", stop);
      }),
    close: () => Promise.resolve(),
  };
}

test.each([
  ["no bound after half of its time is asked to stop", null, "interrupted"],
  ["an endless bound is, too", bound, "interrupted"],
  ["a bound has all of its time", 17, "time-limit"],
])("a solver with %s", async (_, told, reason) => {
  const outcome = await solvePromising(slow(told), model, { timeLimitSeconds: 0.5 });
  expect(outcome).toMatchObject({ status: "no-solution", reason });
});

test("a user's stop reaches the solver, before it begins and while it is at work", async () => {
  for (const wait of [0, 20]) {
    const user = new AbortController();
    if (wait === 0) user.abort();
    else setTimeout(() => user.abort(), wait);
    const options = { timeLimitSeconds: 60, signal: user.signal };
    expect(await solvePromising(slow(17), model, options)).toMatchObject({ reason: "interrupted" });
  }
});
