import type { Model } from "../src/mip/model.ts";
import type { Outcome, SolveOptions, Solver, SolveStats } from "../src/mip/solver.ts";
import { failedOutcome, nothingYet } from "./outcome.ts";

/** A solved model may leave the thread with this much memory before the thread is replaced. */
const KEEP_BELOW_BYTES = 512 * 2 ** 20;

/** What runs one model at a time: a thread, or a solver in this one. */
export interface SolverPlace {
  readonly solve: (model: Model, options: SolveOptions) => Promise<Outcome>;
  /** False once it died or was ended; then another one must be started. */
  readonly alive: () => boolean;
  readonly close: () => Promise<void>;
}

/** A solver that can be made ready while something else is done. */
export interface KeptSolver extends Solver {
  /** Starts a thread and lets it solve this model, so that the next solve finds its code compiled. */
  readonly warmUp: (model: Model) => void;
}

/**
 * A solver that keeps one idle thread between solves, because starting one and compiling its code costs
 * more than a small model does. Solves at the same time get threads of their own.
 */
export function keepThread(name: string, start: () => SolverPlace): KeptSolver {
  let idle: SolverPlace | null = null;
  let warming: { readonly place: SolverPlace; readonly done: Promise<unknown> } | null = null;
  const takeThread = (): SolverPlace | string => {
    const kept = idle;
    idle = null;
    if (kept?.alive() === true) return kept;
    try {
      return start();
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  };
  const solve = async (model: Model, options: SolveOptions = {}): Promise<Outcome> => {
    const known = outcomeWithoutSolving(model);
    if (known !== null) return known;
    await warming?.done;
    const thread = takeThread();
    if (typeof thread === "string") return failedOutcome(thread, nothingYet(model), NO_STATS);
    const outcome = await thread.solve(model, options);
    // Compiled memory only grows, so that a thread that has seen a large model is not kept.
    const keep = thread.alive() && idle === null && outcome.stats.memoryBytes < KEEP_BELOW_BYTES;
    if (keep) idle = thread;
    else await thread.close();
    return outcome;
  };
  const warmUp = (model: Model): void => {
    const place = takeThread();
    // Why it can't be started is told by the solve that needs it.
    if (typeof place === "string") return;
    const done = place.solve(model, {}).then(async () => {
      warming = null;
      if (idle === null) idle = place;
      else await place.close();
    });
    warming = { place, done };
  };
  const close = async (): Promise<void> => {
    const places = [idle, warming?.place];
    idle = null;
    await Promise.all(places.map((place) => place?.close()));
    await warming?.done;
    idle = null;
  };
  return { name, solve, close, warmUp };
}

const NO_STATS: SolveStats = { seconds: 0, nodes: 0, lpIterations: 0, memoryBytes: 0 };

/** A model that needs no solver: a row without entries decides it, or it has no columns. */
function outcomeWithoutSolving(model: Model): Outcome | null {
  for (let row = 0; row < model.rowCount; row += 1) {
    const isEmpty = model.rowStarts[row] === model.rowStarts[row + 1];
    const holds = (model.rowLower[row] ?? 0) <= 0 && (model.rowUpper[row] ?? 0) >= 0;
    if (isEmpty && !holds) return { status: "infeasible", stats: NO_STATS };
  }
  if (model.columnCount > 0) return null;
  const objective = model.objectiveOffset;
  const values = new Float64Array(0);
  return { status: "optimal", objective, values, bound: objective, gap: 0, stats: NO_STATS };
}
