import type { Model } from "../src/mip/model.ts";
import type { Outcome, SolveOptions, Solver } from "../src/mip/solver.ts";
import type { SolverThread } from "./thread.ts";

/** A solved model may leave the thread with this much memory before the thread is replaced. */
const KEEP_BELOW_BYTES = 512 * 2 ** 20;

/**
 * A solver that keeps one idle thread between solves, because starting one and compiling its code costs
 * more than a small model does. Solves at the same time get threads of their own.
 */
export function keepThread(name: string, start: () => SolverThread): Solver {
  let idle: SolverThread | null = null;
  const solve = async (model: Model, options: SolveOptions = {}): Promise<Outcome> => {
    const thread = idle?.alive() === true ? idle : start();
    idle = null;
    const outcome = await thread.solve(model, options);
    // Compiled memory only grows, so that a thread that has seen a large model is not kept.
    const keep = thread.alive() && idle === null && outcome.stats.memoryBytes < KEEP_BELOW_BYTES;
    if (keep) idle = thread;
    else await thread.close();
    return outcome;
  };
  const close = async (): Promise<void> => {
    const thread = idle;
    idle = null;
    await thread?.close();
  };
  return { name, solve, close };
}
