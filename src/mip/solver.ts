import type { Model } from "./model.ts";

/** One plug behind which every solver stands. */
export interface Solver {
  /** Short and lower case, as the output names it: `highs`, `glpk`, `enumerate`. */
  readonly name: string;
  /**
   * Solves the model. Never rejects for what a solver may do wrong: a death, a missing package or a
   * refused model is an `Outcome` with status `failed`, so that the caller can fall back.
   */
  readonly solve: (model: Model, options?: SolveOptions) => Promise<Outcome>;
  /** Frees what the solver keeps between solves (a worker thread, compiled code). */
  readonly close: () => Promise<void>;
}

export interface SolveOptions {
  /** Wall-clock seconds; without it there is no limit. */
  readonly timeLimitSeconds?: number | undefined;
  /** Stop once (bound - objective) / |objective| is at most this. Default 0. */
  readonly relativeGap?: number | undefined;
  /** Stop once bound - objective is at most this, in units of the objective. Default 1e-6. */
  readonly absoluteGap?: number | undefined;
  /** A point to start from: values of some columns (usually all integer ones). A hint, never trusted. */
  readonly start?: SparsePoint | undefined;
  /** The start is believed to be the optimum: what is wanted is its proof, not the search for better points. */
  readonly startIsBest?: boolean | undefined;
  readonly onProgress?: ((progress: SolveProgress) => void) | undefined;
  /** Aborting asks for the best answer so far, with its gap. */
  readonly signal?: AbortSignal | undefined;
}

/** Values of some columns. Both arrays have the same length. */
export interface SparsePoint {
  readonly columns: Int32Array;
  readonly values: Float64Array;
}

export interface SolveProgress {
  readonly solver: string;
  readonly seconds: number;
  readonly nodes: number;
  /** Objective of the best point so far, null before there is one. */
  readonly incumbent: number | null;
  /** Proven bound on the optimum, null before there is one. */
  readonly bound: number | null;
  /** |bound - incumbent| / |incumbent|, null while either is missing. */
  readonly gap: number | null;
}

export interface SolveStats {
  readonly seconds: number;
  readonly nodes: number;
  readonly lpIterations: number;
  /** Memory that the solver held at its end, in bytes; 0 where it doesn't tell. */
  readonly memoryBytes: number;
}

/** Why a solve ended before its proof was complete. */
export type StopReason = "time-limit" | "interrupted";

/** A point with its objective and the best bound that was proven beside it. */
export interface Incumbent {
  readonly objective: number;
  readonly values: Float64Array;
  /** +-Infinity where nothing is proven. */
  readonly bound: number;
}

/** How a solve ended. A value, not an exception. Objectives and bounds are in the model's own units. */
export type Outcome =
  | ({ readonly status: "optimal"; readonly gap: number; readonly stats: SolveStats } & Incumbent)
  | ({
      readonly status: "feasible";
      readonly gap: number;
      readonly reason: StopReason;
      readonly stats: SolveStats;
    } & Incumbent)
  | { readonly status: "infeasible"; readonly stats: SolveStats }
  | { readonly status: "unbounded"; readonly stats: SolveStats }
  | {
      readonly status: "no-solution";
      readonly bound: number;
      readonly reason: StopReason;
      readonly stats: SolveStats;
    }
  | {
      readonly status: "failed";
      /** What went wrong, in a sentence. */
      readonly message: string;
      /** The best point that it told before it failed; usable as a start for the next solver. */
      readonly incumbent: Incumbent | null;
      readonly stats: SolveStats;
    };

/** |bound - objective| relative to |objective|; 0 where they agree, Infinity where nothing is proven. */
export function relativeGap(objective: number, bound: number): number {
  if (!Number.isFinite(bound)) return Number.POSITIVE_INFINITY;
  const distance = Math.abs(bound - objective);
  return distance === 0 ? 0 : distance / Math.max(Math.abs(objective), 1e-10);
}
