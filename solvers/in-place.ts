import type { Model } from "../src/mip/model.ts";
import type { Outcome, SolveOptions, Solver } from "../src/mip/solver.ts";
import { highsBody } from "./highs-body.ts";
import { keepThread, type SolverPlace } from "./keeper.ts";
import { failedOutcome, finishedOutcome, nothingYet, progressOf, takeIn } from "./outcome.ts";
import { requestFor, type SolveRequest, type WorkerBody, type WorkerResult } from "./protocol.ts";

/**
 * HiGHS in the thread that asks for it, such as a page's worker: it blocks while it solves, and ends at its time limit alone.
 * @param load the package `highs`; its default export loads the compiled code
 */
export function highsInPlace(load: () => Promise<unknown>): Solver {
  return keepThread("highs", () => placeHere("highs", highsBody, load));
}

function placeHere(name: string, body: WorkerBody, load: () => Promise<unknown>): SolverPlace {
  let handle: ((request: SolveRequest) => void) | null = null;
  let say: Parameters<WorkerBody>[0]["say"] = () => {};
  let isAlive = true;
  const ready = body(
    { load, onRequest: (given) => (handle = given), say: (message) => say(message) },
    name,
  );
  const solve = async (model: Model, options: SolveOptions): Promise<Outcome> => {
    const began = performance.now();
    const seconds = (): number => (performance.now() - began) / 1000;
    const best = nothingYet(model);
    const fail = (message: string): Outcome => {
      isAlive = false;
      return failedOutcome(message, best, {
        ...{ seconds: seconds(), nodes: best.nodes, lpIterations: 0, memoryBytes: 0 },
      });
    };
    let result: WorkerResult | null = null;
    let failure: string | null = null;
    say = (message) => {
      if (message.kind === "done") result = message.result;
      else if (message.kind === "failed") failure = message.message;
      else {
        takeIn(model, message, best);
        options.onProgress?.(progressOf(name, best, seconds()));
      }
    };
    try {
      await ready;
      handle?.(requestFor(model, options, new Int32Array(1)));
    } catch (error) {
      failure = error instanceof Error ? error.message : String(error);
    }
    if (failure !== null || result === null) return fail(failure ?? "it gave no answer");
    return finishedOutcome(model, result, best, "time-limit", seconds());
  };
  return { solve, alive: () => isAlive, close: async () => {} };
}
