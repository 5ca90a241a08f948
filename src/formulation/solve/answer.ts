import { InfeasibleError } from "../../core/errors.ts";
import type { Model } from "../../mip/model.ts";
import type { SolveProgress, Solver, SolveStats } from "../../mip/solver.ts";
import type { Presolve, PresolveEffort } from "../presolve/reduction.ts";
import type { Problem, ResourceReading, Selection } from "../problem/problem.ts";

/** A checked answer to a problem. All numbers are in the problem's own units. */
export interface Answer {
  /** `feasible`: stopped before the proof was complete; `gap` says how far from it. */
  readonly status: "optimal" | "feasible";
  readonly selection: Selection;
  /** Recomputed from the problem's tables, as is `usage` (one number per resource). */
  readonly objective: number;
  readonly usage: readonly number[];
  /** No selection earns more than this. Where the solver proved nothing, every table at its best. */
  readonly bound: number;
  /** (bound - objective) / |objective|; 0 where optimality is proven. */
  readonly gap: number;
  /** Name of the solver that gave or certified the answer; `presolve` or `start` where none did, and what was known beforehand is the answer. */
  readonly solver: string;
  /** Wall-clock time of the whole solve, encoding and checking included. */
  readonly seconds: number;
  readonly stats: SolveStats;
  /** What the presolve did; null without one. */
  readonly presolve: PresolveEffort | null;
  /** What the reader must know: a solver that failed, a limit that was reached. Sentences. */
  readonly notes: readonly string[];
}

/** Looks for a selection within the limits; asked only where the presolve has not proven the optimum already. */
export type StartSearch = (problem: Problem) => Selection | null;

export interface SolveProblemOptions {
  readonly timeLimitSeconds?: number | undefined;
  /** Default 0. */
  readonly relativeGap?: number | undefined;
  /** In units of the objective; the default is far below any difference between two selections. */
  readonly absoluteGap?: number | undefined;
  /** A selection to start from; ignored where it doesn't fit. */
  readonly start?: Selection | StartSearch | undefined;
  /** What shrinks the problem before it becomes a program. Default `exactPresolve`; false for none. */
  readonly presolve?: Presolve | false | undefined;
  /** Whether a solver certifies what the presolve has proven. Default true. */
  readonly certify?: boolean | undefined;
  /** Sees the model before it is solved, to write it to a file. */
  readonly onModel?: ((model: Model) => void) | undefined;
  /** Incumbent and bound in the problem's units. */
  readonly onProgress?: ((progress: SolveProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The solvers in the order in which they are tried. */
export type SolverList = readonly Solver[];

/** How far a limit would have to move. */
export interface NearestLimit {
  readonly resource: string;
  readonly unit: string;
  readonly limit: number;
  /** The smallest usage that any selection has; with every other limit kept where `othersKept`. */
  readonly least: number;
  /** False where the time was over: a selection has this usage, and another may have less. */
  readonly proven: boolean;
  readonly othersKept: boolean;
  /** How people read the resource; see `ProblemResource`. */
  readonly reading?: ResourceReading | null | undefined;
}

/** What a limit asks for and the nearest that can be had, in the terms of who wrote it. */
export function nearestText(nearest: NearestLimit): string {
  const { resource, limit, least, othersKept, proven, reading } = nearest;
  const { scale, offset, text } = reading ?? { scale: 1, offset: 0, text: resource };
  const { unit, per } = readableUnit(nearest.unit, offset + scale * least);
  const whatever = othersKept ? "" : " (whatever the other limits)";
  const asked = Number(((offset + scale * limit) / per).toPrecision(5));
  const best = (offset + scale * least) / per;
  const figure = `${scale < 0 ? -roundedUp(-best) : roundedUp(best)}${unit}`;
  const reach = proven
    ? `${scale < 0 ? "reaches at most" : "needs at least"} ${figure}`
    : `${scale < 0 ? "reaches" : "needs"} ${figure} or ${scale < 0 ? "more" : "less"} (the search ran out of time)`;
  const has = scale < 0 ? "it asks for" : "its limit is";
  return `${reading ? `'${text}'` : text} ${reach}${whatever}, and ${has} ${asked}${unit}`;
}

/** A unit that five digits of the value are easy to read in, with a blank before it. */
function readableUnit(unit: string, value: number): { unit: string; per: number } {
  if (unit !== "bytes") return { unit: unit === "" ? "" : ` ${unit}`, per: 1 };
  if (value >= 2 ** 20) return { unit: " MiB", per: 2 ** 20 };
  return value >= 2 ** 10 ? { unit: " KiB", per: 2 ** 10 } : { unit: " B", per: 1 };
}

/** No selection meets the limits; `nearest` has, per limit, the nearest one that some selection meets. */
export class InfeasibleLimitsError extends InfeasibleError {
  readonly nearest: readonly NearestLimit[];
  /** Names of the limits of which it isn't known how far they would have to move. */
  readonly open: readonly string[];

  constructor(problemName: string, nearest: readonly NearestLimit[], open: readonly string[] = []) {
    const lines = nearest.map(nearestText);
    super({
      code: "formulation/infeasible",
      message: `No subnet meets the ${nearest.length > 0 ? `limits: ${lines.join("; ")}` : "limits together"}.${openText(open)}`,
      where: problemName,
      hint:
        nearest.length === 0
          ? "Loosen one of the limits, or allow more pruning (smaller steps, blocks, fewer protected dims). mdp explain finds those that contradict each other."
          : nearest.length === 1
            ? "Move the limit to that figure, or allow more pruning (smaller steps, blocks, fewer protected dims)."
            : "Move one of the limits to its figure, or allow more pruning.",
    });
    this.nearest = nearest;
    this.open = open;
  }
}

/** What isn't known for want of time, as a sentence after another; nothing where all is known. */
export function openText(open: readonly string[]): string {
  if (open.length === 0) return "";
  const names = open.map((name) => `'${name}'`).join(", ");
  return ` The search ran out of time before it was known how far ${names} would have to move.`;
}

/** Five digits, never below the figure itself: a limit of it can be met. */
function roundedUp(value: number): number {
  const rounded = Number(value.toPrecision(5));
  if (rounded >= value) return rounded;
  const digit = 10 ** (Math.floor(Math.log10(Math.abs(value))) - 4);
  return Number((value + digit).toPrecision(5));
}
