import type { NearestLimit, SolverList } from "./answer.ts";
import { encode } from "./encode.ts";
import { evaluate } from "./evaluate.ts";
import type { Problem } from "./problem.ts";

/** How long each search for a smallest usage may take: it explains an error, which must not take for ever. */
const SECONDS_EACH = 20;

/**
 * For limits that no selection meets: per limited resource the smallest usage of any selection that keeps the other
 * limits, or, where even those contradict each other, of any selection at all. Resources whose search ran out of time
 * are left out.
 */
export async function nearestLimits(
  problem: Problem,
  solvers: SolverList,
  signal?: AbortSignal,
): Promise<NearestLimit[]> {
  const nearest: NearestLimit[] = [];
  for (const [index, resource] of problem.resources.entries()) {
    if (resource.limit === Number.POSITIVE_INFINITY) continue;
    const withOthers = await leastUsage(problem, index, true, solvers, signal);
    const others = problem.resources.length > 1;
    const least =
      withOthers ?? (others ? await leastUsage(problem, index, false, solvers, signal) : null);
    // One that is met whatever the others do is not what stands in the way.
    if (least === null || least <= resource.limit) continue;
    const { name, unit, limit } = resource;
    nearest.push({ resource: name, unit, limit, least, othersKept: withOthers !== null });
  }
  return nearest;
}

async function leastUsage(
  problem: Problem,
  index: number,
  keepOthers: boolean,
  solvers: SolverList,
  signal: AbortSignal | undefined,
): Promise<number | null> {
  const { model, decode } = encode(minimising(problem, index, keepOthers));
  for (const solver of solvers) {
    const outcome = await solver.solve(model, { timeLimitSeconds: SECONDS_EACH, signal });
    if (outcome.status === "failed") continue;
    // A usage that is not proven the smallest would be a wrong explanation.
    if (outcome.status !== "optimal") return null;
    return evaluate(problem, decode(outcome.values)).usage[index] ?? null;
  }
  return null;
}

/** The problem whose gain is what is saved of one resource. */
function minimising(problem: Problem, index: number, keepOthers: boolean): Problem {
  return {
    ...problem,
    layers: problem.layers.map((layer) => ({ ...layer, tieGain: layer.tieGain.map(() => 0) })),
    terms: problem.terms.map((term) => ({
      ...term,
      gain: term.cost[index]?.map((cost) => -cost) ?? null,
    })),
    resources: problem.resources.map((resource, other) =>
      keepOthers && other !== index ? resource : { ...resource, limit: Number.POSITIVE_INFINITY },
    ),
  };
}
