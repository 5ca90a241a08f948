import { type Model, type ModelData, modelData } from "../src/mip/model.ts";
import type { SolveOptions } from "../src/mip/solver.ts";

/** What the main thread asks of a solver's thread. */
export interface SolveRequest {
  readonly model: ModelData;
  /** Infinity where there is no limit. */
  readonly timeLimitSeconds: number;
  readonly relativeGap: number;
  readonly absoluteGap: number;
  /** Values of some columns to start from; both null without a start. */
  readonly startColumns: Int32Array | null;
  readonly startValues: Float64Array | null;
  /** Look for a proof, not for better points. */
  readonly startIsBest: boolean;
  /** `stop[0]` turns 1 when the solver should end with what it has. Shared between the threads. */
  readonly stop: Int32Array;
}

/** What a solver's thread says. Objectives and bounds are in the model's units, not finite while unknown. */
export type WorkerMessage =
  | { readonly kind: "progress"; readonly nodes: number; readonly bound: number }
  | { readonly kind: "incumbent"; readonly objective: number; readonly values: Float64Array }
  | { readonly kind: "done"; readonly result: WorkerResult }
  | { readonly kind: "failed"; readonly message: string };

export interface WorkerResult {
  readonly status: "optimal" | "stopped" | "infeasible" | "unbounded";
  /** One value per column, or null where no point was found. */
  readonly values: Float64Array | null;
  readonly bound: number;
  readonly nodes: number;
  readonly lpIterations: number;
  readonly memoryBytes: number;
}

/** What a solver's code is given by its thread. */
export interface WorkerPort {
  readonly load: (url: string) => Promise<unknown>;
  readonly onRequest: (handle: (request: SolveRequest) => void) => void;
  readonly say: (message: WorkerMessage) => void;
}

/**
 * The code of a solver's thread: a function that uses nothing from outside itself but its parameters. It is handed to the
 * thread as text, so that the same code runs from the TypeScript sources (whose types are stripped by then)
 * and from the built package, with no second file to be found and no loader to be started in the thread.
 */
export type WorkerBody = (port: WorkerPort, packageUrl: string) => Promise<void>;

/** @param stop shared between the threads where there are several */
export function requestFor(model: Model, options: SolveOptions, stop: Int32Array): SolveRequest {
  return {
    model: modelData(model),
    timeLimitSeconds: options.timeLimitSeconds ?? Number.POSITIVE_INFINITY,
    relativeGap: options.relativeGap ?? 0,
    absoluteGap: options.absoluteGap ?? 1e-6,
    startColumns: options.start?.columns ?? null,
    startValues: options.start?.values ?? null,
    startIsBest: options.startIsBest ?? false,
    stop,
  };
}
