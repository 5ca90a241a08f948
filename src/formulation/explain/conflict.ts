import type { Problem } from "../problem/problem.ts";
import { type BestOptions, bestOf } from "../solve/best-of.ts";
import { type NearestLimits, nearestLimits } from "../solve/nearest-limits.ts";
import type { Conflict } from "./explanation.ts";
import { type LimitGroup, limitGroups, withGroupLimit } from "./limit-groups.ts";

/**
 * Why no selection meets the limits: how far each alone would have to move, and a set of limits that contradict each other
 * while any one less of them doesn't. The set comes from a deletion filter: a limit without which the rest still
 * contradict each other is left out (Chinneck and Dravnieks 1991).
 *
 * @param problem whose limits no selection meets
 * @param known how far each limit would have to move, where the error that said so has it
 */
export async function explainConflict(
  problem: Problem,
  options: BestOptions,
  known?: NearestLimits,
): Promise<Conflict> {
  const { nearest, open } = known ?? (await nearestLimits(problem, options));
  let needed = limitGroups(problem).filter(({ soft }) => !soft);
  let minimal = true;
  for (const candidate of needed) {
    const rest = needed.filter((each) => each !== candidate);
    const { kind } = await bestOf(withOnly(problem, rest), options);
    if (kind === "impossible") needed = rest;
    else if (kind === "open") minimal = false;
  }
  return { nearest, open, limits: needed.map(({ name }) => name), minimal };
}

/** The problem with some of its limits, and nothing to earn: whether any selection is left. */
function withOnly(problem: Problem, kept: readonly LimitGroup[]): Problem {
  const removed = limitGroups(problem).filter(
    ({ members }) => !kept.some((each) => each.members[0] === members[0]),
  );
  const limited = removed.reduce(
    (left, group) => withGroupLimit(left, group, Number.POSITIVE_INFINITY),
    problem,
  );
  return {
    ...limited,
    layers: limited.layers.map((layer) => ({ ...layer, tieGain: layer.tieGain.map(() => 0) })),
    terms: limited.terms.map((term) => ({ ...term, gain: null })),
  };
}
