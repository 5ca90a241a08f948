import { type Model, objectiveOf } from "../src/mip/model.ts";
import {
  type Outcome,
  relativeGap,
  type SolveProgress,
  type SolveStats,
  type StopReason,
} from "../src/mip/solver.ts";
import type { WorkerMessage, WorkerResult } from "./protocol.ts";

/** What a solver told so far; the answer if it is stopped or dies. */
export interface BestSoFar {
  values: Float64Array | null;
  objective: number;
  bound: number;
  nodes: number;
}

/** Nothing told yet. */
export function nothingYet(model: Model): BestSoFar {
  const unproven = model.sense === "maximize" ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  return { values: null, objective: Number.NaN, bound: unproven, nodes: 0 };
}

/** Takes in what a running solver says; the tighter bound and the better point stay. */
export function takeIn(model: Model, message: WorkerMessage, best: BestSoFar): void {
  if (message.kind === "progress") {
    best.nodes = Math.max(best.nodes, message.nodes);
    if (Number.isFinite(message.bound)) {
      const tighter = model.sense === "maximize" ? Math.min : Math.max;
      best.bound = tighter(best.bound, message.bound);
    }
  } else if (message.kind === "incumbent") {
    // Recomputed: what a solver says about its own point is not evidence.
    const objective = objectiveOf(model, message.values);
    const better =
      model.sense === "maximize" ? objective > best.objective : objective < best.objective;
    if (best.values === null || better) {
      best.values = message.values;
      best.objective = objective;
    }
  }
}

export function progressOf(solver: string, best: BestSoFar, seconds: number): SolveProgress {
  const incumbent = best.values === null ? null : best.objective;
  const bound = Number.isFinite(best.bound) ? best.bound : null;
  const gap = incumbent === null || bound === null ? null : relativeGap(incumbent, bound);
  return { solver, seconds, nodes: best.nodes, incumbent, bound, gap };
}

/** The outcome of a solver that ended by itself. */
export function finishedOutcome(
  model: Model,
  result: WorkerResult,
  best: BestSoFar,
  reason: StopReason,
  seconds: number,
): Outcome {
  const { nodes, lpIterations, memoryBytes } = result;
  const stats: SolveStats = { seconds, nodes, lpIterations, memoryBytes };
  if (result.status === "infeasible" || result.status === "unbounded") {
    return { status: result.status, stats };
  }
  takeIn(model, { kind: "progress", nodes, bound: result.bound }, best);
  if (result.values !== null) {
    takeIn(model, { kind: "incumbent", objective: 0, values: result.values }, best);
  }
  if (result.status === "stopped") return stoppedOutcome(best, reason, stats);
  if (best.values === null) {
    return failedOutcome("the solver claims an optimum but gave no point", best, stats);
  }
  const { values, objective } = best;
  const gap = relativeGap(objective, best.bound);
  // A program without integers has no bound beside its optimum; and sums are rounded.
  const hasOwnBound = Number.isFinite(best.bound) && gap > 1e-12;
  if (!hasOwnBound || isInside(model, best.bound, objective)) {
    return { status: "optimal", values, objective, bound: objective, gap: 0, stats };
  }
  return { status: "optimal", values, objective, bound: best.bound, gap, stats };
}

/** Whether a "bound" is worse than a point that is known. */
function isInside(model: Model, bound: number, objective: number): boolean {
  return model.sense === "maximize" ? bound < objective : bound > objective;
}

/** The outcome of a solver that was stopped: the best point so far with its gap, or none. */
export function stoppedOutcome(best: BestSoFar, reason: StopReason, stats: SolveStats): Outcome {
  const { values, objective, bound } = best;
  if (values === null) return { status: "no-solution", bound, reason, stats };
  const gap = relativeGap(objective, bound);
  return { status: "feasible", values, objective, bound, gap, reason, stats };
}

export function failedOutcome(message: string, best: BestSoFar, stats: SolveStats): Outcome {
  const { values, objective, bound } = best;
  return {
    status: "failed",
    message,
    incumbent: values === null ? null : { values, objective, bound },
    stats,
  };
}
