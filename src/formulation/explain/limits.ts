import type { Problem } from "../problem/problem.ts";
import { type BestOptions, bestOf } from "../solve/best-of.ts";
import type { LimitReason, Loss } from "./explanation.ts";
import { type LimitGroup, limitGroups, withGroupLimit } from "./limit-groups.ts";
import type { Neighbourhood } from "./near.ts";

/** What the selection that is explained uses, and the most that one within the limits earns. */
interface Known {
  readonly usage: readonly number[];
  readonly optimum: number;
}

/**
 * Per limit: how near the selection is to it, the slope of the bound, and what the optimum gains and loses with a little more and
 * less of it, and without it.
 *
 * @param options.share how much of a limit a little is
 */
export async function explainLimits(
  problem: Problem,
  { usage, optimum }: Known,
  near: Neighbourhood | null,
  options: BestOptions & { readonly share: number },
): Promise<LimitReason[]> {
  const reasons: LimitReason[] = [];
  for (const group of limitGroups(problem)) {
    const { members, name, unit, limit, soft } = group;
    const step = stepOf(problem, members, limit * options.share);
    const at = async (other: number): Promise<Loss> =>
      lossAt(withGroupLimit(problem, group, other), optimum, options);
    const without = await at(Number.POSITIVE_INFINITY);
    reasons.push({
      members,
      resource: name,
      unit,
      limit,
      reading: problem.resources[members[0] ?? -1]?.reading ?? null,
      soft,
      used: Math.max(...members.map((member) => usage[member] ?? Number.NaN)),
      worthAll: without.kind === "exact" ? 0 - without.loss : null,
      multiplier: near === null ? null : slopeOf(near, group),
      step,
      less: await at(limit - step),
      more: await at(limit + step),
    });
  }
  return reasons;
}

/** All limits of a group move together. */
function slopeOf({ multipliers }: Neighbourhood, { members }: LimitGroup): number {
  return members.reduce((sum, member) => sum + (multipliers[member] ?? 0), 0);
}

/** Where all costs are whole numbers, so is a step. */
function stepOf(problem: Problem, members: readonly number[], step: number): number {
  const isWhole = problem.terms.every(({ cost }) =>
    members.every((member) => cost[member]?.every(Number.isInteger) ?? true),
  );
  return isWhole ? Math.max(1, Math.round(Math.abs(step))) : Math.abs(step);
}

async function lossAt(problem: Problem, optimum: number, options: BestOptions): Promise<Loss> {
  const answer = await bestOf(problem, options);
  switch (answer.kind) {
    case "best":
      return { kind: "exact", loss: optimum - answer.objective };
    case "found": {
      const { bound, objective } = answer;
      return { kind: "between", least: optimum - bound, most: optimum - objective };
    }
    case "impossible":
      return answer;
    case "open":
      return { kind: "between", least: null, most: null };
    default:
      return answer satisfies never;
  }
}
