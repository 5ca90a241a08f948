import type { Problem, Selection } from "../problem.ts";
import { withLimit } from "../sweep/chain.ts";
import type { LimitReason, Loss } from "./explanation.ts";
import type { Neighbourhood } from "./near.ts";
import { bestOf, type ForcedOptions } from "./solve-forced.ts";

/** A selection with what it earns and uses. */
interface Own {
  readonly selection: Selection;
  readonly objective: number;
  readonly usage: readonly number[];
}

/** Per finite limit: slack, slope of the bound, and what the best selection earns with a little less and more of it, and without it. */
export async function explainLimits(
  problem: Problem,
  own: Own,
  near: Neighbourhood | null,
  options: ForcedOptions & { readonly share: number },
): Promise<LimitReason[]> {
  const reasons: LimitReason[] = [];
  for (const [index, { name, unit, limit }] of problem.resources.entries()) {
    if (!Number.isFinite(limit)) continue;
    const step = stepOf(problem, index, limit * options.share);
    const at = async (other: number): Promise<Loss> =>
      lossAt(withLimit(problem, index, other), own.objective, options);
    const without = await at(Number.POSITIVE_INFINITY);
    reasons.push({
      resource: name,
      unit,
      limit,
      used: own.usage[index] ?? Number.NaN,
      worthAll: without.kind === "exact" ? positive(-without.loss) : null,
      multiplier: near?.multipliers[index] ?? null,
      step,
      less: await at(limit - step),
      more: await at(limit + step),
    });
  }
  return reasons;
}

/** Where all costs are whole numbers, so is a step. */
function stepOf(problem: Problem, resource: number, step: number): number {
  const isWhole = problem.terms.every(
    ({ cost }) => cost[resource]?.every(Number.isInteger) ?? true,
  );
  return isWhole ? Math.max(1, Math.round(Math.abs(step))) : Math.abs(step);
}

async function lossAt(problem: Problem, objective: number, options: ForcedOptions): Promise<Loss> {
  const answer = await bestOf(problem, options);
  switch (answer.kind) {
    case "best":
      return { kind: "exact", loss: objective - answer.objective };
    case "found":
      return {
        kind: "between",
        least: objective - answer.bound,
        most: objective - answer.objective,
      };
    case "impossible":
      return answer;
    case "open":
      return { kind: "between", least: Number.NEGATIVE_INFINITY, most: null };
    default:
      return answer satisfies never;
  }
}

/** Never -0. */
function positive(value: number): number {
  return value === 0 ? 0 : value;
}
