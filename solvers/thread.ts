import { Worker } from "node:worker_threads";
import type { Model } from "../src/mip/model.ts";
import type { Outcome, SolveOptions, SolveStats, StopReason } from "../src/mip/solver.ts";
import type { SolverPlace } from "./keeper.ts";
import {
  failedOutcome,
  finishedOutcome,
  nothingYet,
  progressOf,
  stoppedOutcome,
  takeIn,
} from "./outcome.ts";
import { requestFor, type WorkerBody, type WorkerMessage } from "./protocol.ts";

/**
 * A thread that solves one model at a time. Solvers are compiled C++: they block the thread they run on and may
 * die. An idle thread doesn't keep the process alive.
 */
export interface SolverThread extends SolverPlace {
  /** The thread itself, for tests that kill it. */
  readonly worker: Worker;
}

/** Past its limit, or once asked to stop, a solver gets this long to end by itself: its own checks are coarse. */
const GRACE_SECONDS = 1.5;

/** Starts a thread with a solver's code. `packageUrl` is the module that the code loads. */
export function startThread(name: string, body: WorkerBody, packageUrl: string): SolverThread {
  const source = `
    const { parentPort, workerData } = require("node:worker_threads");
    // Transpilers may wrap named functions in a call of this helper.
    const __name = (target) => target;
    const port = {
      load: (url) => import(url),
      onRequest: (handle) => parentPort.on("message", handle),
      say: (message) => parentPort.postMessage(message),
    };
    (${body.toString()})(port, workerData.packageUrl).catch((error) => {
      port.say({ kind: "failed", message: String((error && error.message) || error) });
    });`;
  // Solvers print; only results may reach our own streams. Loaders of the parent are of no use in the thread.
  const worker = new Worker(source, {
    eval: true,
    workerData: { packageUrl },
    stdout: true,
    stderr: true,
    execArgv: [],
  });
  worker.unref();
  let alive = true;
  worker.once("exit", () => {
    alive = false;
  });
  // Without a listener the death of an idle thread would end the process.
  worker.on("error", () => {
    alive = false;
  });
  const end = (): void => {
    alive = false;
    void worker.terminate();
  };
  return {
    worker,
    solve: async (model, options) => {
      const outcome = await solveOn({ worker, name, end }, model, options);
      // Compiled code that failed once is not trusted with another model.
      if (outcome.status === "failed") alive = false;
      return outcome;
    },
    alive: () => alive,
    close: async () => {
      alive = false;
      await worker.terminate();
    },
  };
}

interface RunningThread {
  readonly worker: Worker;
  readonly name: string;
  /** Ends the thread; it counts as dead from now on. */
  readonly end: () => void;
}

function solveOn(
  { worker, name, end }: RunningThread,
  model: Model,
  options: SolveOptions,
): Promise<Outcome> {
  const began = performance.now();
  const seconds = (): number => (performance.now() - began) / 1000;
  const best = nothingYet(model);
  const stats = (): SolveStats => ({
    seconds: seconds(),
    nodes: best.nodes,
    lpIterations: 0,
    memoryBytes: 0,
  });
  const reason = (): StopReason => (options.signal?.aborted ? "interrupted" : "time-limit");
  const request = requestFor(model, options, new Int32Array(new SharedArrayBuffer(4)));

  return new Promise((resolve) => {
    let watchdog: NodeJS.Timeout | null = null;
    const finish = (outcome: Outcome): void => {
      if (watchdog !== null) clearTimeout(watchdog);
      options.signal?.removeEventListener("abort", askToStop);
      worker.off("message", hear).off("error", died).off("exit", ended);
      worker.unref();
      resolve(outcome);
    };
    const fail = (message: string): void => finish(failedOutcome(message, best, stats()));
    const askToStop = (): void => {
      Atomics.store(request.stop, 0, 1);
      if (watchdog !== null) clearTimeout(watchdog);
      // A thread that doesn't answer in time is ended: what it told so far is the answer.
      watchdog = setTimeout(() => {
        finish(stoppedOutcome(best, reason(), stats()));
        end();
      }, GRACE_SECONDS * 1000);
    };
    const died = (error: Error): void => fail(`its thread died: ${error.message}`);
    const ended = (code: number): void => fail(`its thread ended with code ${code}`);
    const hear = (message: WorkerMessage): void => {
      if (message.kind === "failed") {
        fail(message.message);
        end();
      } else if (message.kind === "done") {
        finish(finishedOutcome(model, message.result, best, reason(), seconds()));
      } else {
        takeIn(model, message, best);
        options.onProgress?.(progressOf(name, best, seconds()));
      }
    };
    worker.on("message", hear).once("error", died).once("exit", ended);
    options.signal?.addEventListener("abort", askToStop);
    if (options.timeLimitSeconds !== undefined) watchLimit(options.timeLimitSeconds);
    worker.ref();
    worker.postMessage(request);
    if (options.signal?.aborted === true) askToStop();

    function watchLimit(limitSeconds: number): void {
      // Timers hold at most 2^31 - 1 milliseconds.
      watchdog = setTimeout(askToStop, Math.min(limitSeconds * 1000, 2 ** 31 - 1));
    }
  });
}
