import type { Model } from "../../mip/model.ts";
import type { Outcome, SolveOptions, Solver } from "../../mip/solver.ts";

/** How long a solver may take beyond its limit, or after it was asked to stop, before it counts as dead. */
const GRACE_SECONDS = 10;

/**
 * Asks a solver, whatever it may do: one that rejects, or that doesn't answer though its time is over or it was asked to
 * stop, has failed.
 */
export async function solveWatched(
  solver: Solver,
  model: Model,
  options: SolveOptions,
  graceSeconds: number = GRACE_SECONDS,
): Promise<Outcome> {
  const { timeLimitSeconds, signal } = options;
  const began = performance.now();
  const failed = (message: string): Outcome => {
    const seconds = (performance.now() - began) / 1000;
    const stats = { seconds, nodes: 0, lpIterations: 0, memoryBytes: 0 };
    return { status: "failed", message, incumbent: null, stats };
  };
  const answer = solver
    .solve(model, options)
    .catch((error: unknown) => failed(error instanceof Error ? error.message : String(error)));
  let timer: NodeJS.Timeout | undefined;
  let startTimer = (): void => {};
  const silence = new Promise<Outcome>((resolve) => {
    const wait = (seconds: number): void => {
      clearTimeout(timer);
      const giveUp = (): void => resolve(failed("it did not answer in time"));
      // Timers hold at most 2^31 - 1 milliseconds.
      timer = setTimeout(giveUp, Math.min(1000 * (seconds + graceSeconds), 2 ** 31 - 1));
    };
    startTimer = () => wait(0);
    if (signal?.aborted === true) wait(0);
    else if (timeLimitSeconds !== undefined) wait(timeLimitSeconds);
  });
  signal?.addEventListener("abort", startTimer);
  try {
    return await Promise.race([answer, silence]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", startTimer);
  }
}

/**
 * As `solveWatched`, for what is nice to have: a solver that after half of its time has no bound at all, because it is still at the
 * first relaxation, is asked to stop.
 */
export async function solvePromising(
  solver: Solver,
  model: Model,
  options: SolveOptions,
): Promise<Outcome> {
  const { timeLimitSeconds, signal, onProgress } = options;
  if (timeLimitSeconds === undefined) return solveWatched(solver, model, options);
  const stop = new AbortController();
  const hand = (): void => stop.abort();
  let hasBound = false;
  const timer = setTimeout(() => {
    if (!hasBound) stop.abort();
  }, 500 * timeLimitSeconds);
  signal?.addEventListener("abort", hand);
  if (signal?.aborted === true) stop.abort();
  try {
    return await solveWatched(solver, model, {
      ...options,
      signal: stop.signal,
      onProgress: (progress) => {
        hasBound ||= progress.bound !== null && Number.isFinite(progress.bound);
        onProgress?.(progress);
      },
    });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", hand);
  }
}
