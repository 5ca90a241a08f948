/** A thread of `mdp sweep --jobs`: solves chains of limits of one problem with solvers of its own, until it is terminated. */
import { parentPort, workerData } from "node:worker_threads";
import { createGlpk } from "../../../solvers/glpk.ts";
import { createHighs } from "../../../solvers/highs.ts";
import { carriedError } from "../../core/carried-error.ts";
import { sweepChain } from "../../formulation/sweep/chain.ts";
import type { FromSweepWorker, SweepTask, ToSweepWorker } from "./sweep-jobs.ts";

const { problem, options } = workerData as SweepTask;
const solvers = [createHighs(), createGlpk()];
const abort = new AbortController();

async function solve(limits: readonly number[]): Promise<FromSweepWorker> {
  try {
    const points = await sweepChain(problem, solvers, limits, {
      ...options,
      signal: abort.signal,
      onPoint: (point) => parentPort?.postMessage({ kind: "point", point }),
    });
    return { kind: "done", points };
  } catch (error) {
    return { kind: "failed", error: carriedError(error) };
  }
}

parentPort?.on("message", (message: ToSweepWorker) => {
  if (message.kind === "stop") abort.abort();
  else void solve(message.limits).then((outcome) => parentPort?.postMessage(outcome));
});
