import { relativeGap } from "../../mip/solver.ts";
import type { Answer } from "../solve/answer.ts";
import type { FrontierPoint } from "./frontier.ts";

/** Solves a chain of increasing limits, here or in another thread; the points of an interrupted one may be fewer. */
export type ChainRunner = (limits: readonly number[]) => Promise<readonly FrontierPoint[]>;

/** Long enough that most points have a neighbour to start from, short enough to share out. */
const CHAIN_LENGTH = 4;

/**
 * The frontier over these limits, largest first. Each runner takes one chain after the other; which limits share a chain depends
 * on the limits alone, so that the points are the same however many runners there are.
 *
 * @param limits above 0; equal ones count once
 */
export async function sweepLimits(
  limits: readonly number[],
  runners: readonly ChainRunner[],
): Promise<FrontierPoint[]> {
  const chains = chainsOf(limits);
  const points: FrontierPoint[] = [];
  const work = async (run: ChainRunner): Promise<void> => {
    for (let chain = chains.shift(); chain !== undefined; chain = chains.shift()) {
      points.push(...(await run(chain)));
    }
  };
  await Promise.all(runners.map(work));
  return settled(points);
}

/** Increasing limits in chains of about equal length, the largest limits first. */
export function chainsOf(limits: readonly number[]): number[][] {
  const increasing = [...new Set(limits)].sort((one, other) => one - other);
  const count = Math.ceil(increasing.length / CHAIN_LENGTH);
  const chains = Array.from({ length: count }, (_, at) =>
    increasing.slice(
      Math.round((at * increasing.length) / count),
      Math.round(((at + 1) * increasing.length) / count),
    ),
  );
  return chains.reverse();
}

/**
 * What the points say of each other: a selection within a smaller limit is one within a larger limit, and a bound
 * at a larger limit holds for a smaller one. Points that are proven stay as they are. Largest limit first.
 */
function settled(points: readonly FrontierPoint[]): FrontierPoint[] {
  const increasing = [...points].sort((one, other) => one.limit - other.limit);
  let best: Answer | null = null;
  const raised = increasing.map((point): FrontierPoint => {
    if (point.outcome.kind === "infeasible") return point;
    const own: Answer | null = point.outcome.kind === "solved" ? point.outcome.answer : null;
    if (best !== null && (own === null || best.objective > own.objective)) {
      if (own?.status === "optimal") return point;
      const { selection, objective, usage } = best;
      const bound = Math.max(objective, own?.bound ?? Number.POSITIVE_INFINITY);
      const answer: Answer = {
        ...(own ?? best),
        status: "feasible",
        selection,
        objective,
        usage,
        bound,
        gap: relativeGap(objective, bound),
        notes: [...(own?.notes ?? []), "The selection is that of a smaller limit."],
      };
      return { ...point, outcome: { kind: "solved", answer } };
    }
    best = own ?? best;
    return point;
  });
  let bound = Number.POSITIVE_INFINITY;
  return raised.reverse().map((point): FrontierPoint => {
    if (point.outcome.kind !== "solved") return point;
    const { answer } = point.outcome;
    if (answer.status === "optimal" || answer.bound <= bound) {
      bound = Math.min(bound, answer.bound);
      return point;
    }
    const tightened = Math.max(bound, answer.objective);
    const gap = relativeGap(answer.objective, tightened);
    return { ...point, outcome: { kind: "solved", answer: { ...answer, bound: tightened, gap } } };
  });
}
