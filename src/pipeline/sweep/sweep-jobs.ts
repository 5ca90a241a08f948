import type { Worker } from "node:worker_threads";
import { arrivedError, type CarriedError } from "../../core/carried-error.ts";
import { InternalError } from "../../core/errors.ts";
import { startModuleThread } from "../../core/module-thread.ts";
import type { Problem } from "../../formulation/problem/problem.ts";
import { type ChainOptions, sweepChain } from "../../formulation/sweep/chain.ts";
import type { FrontierPoint } from "../../formulation/sweep/frontier.ts";
import { type ChainRunner, sweepLimits } from "../../formulation/sweep/sweep-limits.ts";
import { withSolvers } from "../solve/solvers.ts";

/** What every thread works on. */
export interface SweepTask {
  readonly problem: Problem;
  readonly options: Omit<ChainOptions, "signal" | "onPoint">;
}

export type ToSweepWorker =
  | { readonly kind: "chain"; readonly limits: readonly number[] }
  | { readonly kind: "stop" };

export type FromSweepWorker =
  | { readonly kind: "point"; readonly point: FrontierPoint }
  | { readonly kind: "done"; readonly points: readonly FrontierPoint[] }
  | { readonly kind: "failed"; readonly error: CarriedError };

export interface SweepJobs {
  readonly jobs: number;
  readonly signal: AbortSignal;
  readonly onPoint: (point: FrontierPoint) => void;
}

/** The frontier of a problem over these limits, largest first, in this thread or in several; the points are the same. */
export async function sweepInJobs(
  task: SweepTask,
  limits: readonly number[],
  { jobs, signal, onPoint }: SweepJobs,
): Promise<FrontierPoint[]> {
  if (jobs === 1) {
    const options = { ...task.options, signal, onPoint };
    return withSolvers((solvers) =>
      sweepLimits(limits, [(chain) => sweepChain(task.problem, solvers, chain, options)]),
    );
  }
  const workers = Array.from({ length: jobs }, () => startWorker(task));
  const stop = (): void => {
    for (const worker of workers) worker.postMessage({ kind: "stop" } satisfies ToSweepWorker);
  };
  signal.addEventListener("abort", stop);
  try {
    return await sweepLimits(
      limits,
      workers.map((worker) => runnerOf(worker, onPoint)),
    );
  } finally {
    signal.removeEventListener("abort", stop);
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

function startWorker(task: SweepTask): Worker {
  const worker = startModuleThread("src/pipeline/sweep/sweep-worker.ts", task);
  worker.on("error", () => {
    // Whoever waits for a chain hears of it as well; without a listener the death of an idle thread would end the process.
  });
  return worker;
}

function runnerOf(worker: Worker, onPoint: (point: FrontierPoint) => void): ChainRunner {
  let isDead = false;
  worker.on("exit", () => {
    isDead = true;
  });
  return (limits) =>
    new Promise((resolve, reject) => {
      if (isDead) {
        reject(died("it was idle"));
        return;
      }
      const settle = (end: () => void): void => {
        worker.off("message", onMessage);
        worker.off("error", onDeath);
        worker.off("exit", onDeath);
        end();
      };
      const onDeath = (cause: unknown): void => settle(() => reject(died(cause)));
      const onMessage = (message: FromSweepWorker): void => {
        if (message.kind === "point") onPoint(message.point);
        else if (message.kind === "done") settle(() => resolve(message.points));
        else settle(() => reject(arrivedError(message.error)));
      };
      worker.on("message", onMessage);
      worker.on("error", onDeath);
      worker.on("exit", onDeath);
      worker.postMessage({ kind: "chain", limits } satisfies ToSweepWorker);
    });
}

function died(cause: unknown): InternalError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new InternalError({
    code: "cli/sweep-thread-died",
    message: `A thread of the sweep ended in the middle of its work: ${why}.`,
    hint: "Is there memory enough for so many threads? Sweep with fewer --jobs.",
    cause,
  });
}
