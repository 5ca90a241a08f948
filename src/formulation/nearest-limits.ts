import type { NearestLimit, SolverList } from "./answer.ts";
import { encode } from "./encode.ts";
import { evaluate, isWithinLimit } from "./evaluate.ts";
import type { Problem, ProblemResource } from "./problem.ts";

/** How long each search for a smallest usage may take: it explains an error, which must not take for ever. */
const SECONDS_EACH = 20;

/**
 * For limits that no selection meets: per limited resource the smallest usage of any selection that keeps the other
 * limits, or, where even those contradict each other, of any selection at all. Resources of one group are one limit, and
 * soft ones stand in nobody's way. Resources whose search ran out of time are left out.
 */
export async function nearestLimits(
  problem: Problem,
  solvers: SolverList,
  signal?: AbortSignal,
): Promise<NearestLimit[]> {
  const hard = hardLimits(problem);
  const nearest: NearestLimit[] = [];
  for (const members of hard) {
    const [index = -1] = members;
    const resource = problem.resources[index];
    if (resource === undefined) continue;
    const withOthers = await leastUsage(problem, members, true, solvers, signal);
    const alone =
      hard.length > 1 ? await leastUsage(problem, members, false, solvers, signal) : null;
    const least = withOthers ?? alone;
    // One that is met whatever the others do is not what stands in the way.
    if (least === null || isWithinLimit(least, resource.limit)) continue;
    nearest.push({
      resource: resource.group ?? resource.name,
      unit: resource.unit,
      limit: resource.limit,
      least,
      othersKept: withOthers !== null,
      reading: resource.reading ?? null,
    });
  }
  return nearest;
}

/** The resources that no selection may exceed, those of a group together. */
function hardLimits({ resources }: Problem): readonly (readonly number[])[] {
  const groups = new Map<string, number[]>();
  resources.forEach(({ limit, penalty, group }, index) => {
    if (limit === Number.POSITIVE_INFINITY || penalty) return;
    const key = group ?? `#${index}`;
    groups.set(key, [...(groups.get(key) ?? []), index]);
  });
  return [...groups.values()];
}

async function leastUsage(
  problem: Problem,
  members: readonly number[],
  keepOthers: boolean,
  solvers: SolverList,
  signal: AbortSignal | undefined,
): Promise<number | null> {
  const { model, decode } = encode(minimising(problem, members, keepOthers));
  for (const solver of solvers) {
    const outcome = await solver.solve(model, { timeLimitSeconds: SECONDS_EACH, signal });
    if (outcome.status === "failed") continue;
    // A usage that is not proven the smallest would be a wrong explanation.
    if (outcome.status !== "optimal") return null;
    const { usage } = evaluate(problem, decode(outcome.values));
    return Math.max(...members.map((member) => usage[member] ?? Number.NaN));
  }
  return null;
}

/** The problem whose gain is what is saved of one resource, or of the largest of a group. */
function minimising(problem: Problem, members: readonly number[], keepOthers: boolean): Problem {
  const [only = -1] = members;
  const isOne = members.length === 1;
  const gainOf = (cost: Float64Array | null | undefined): Float64Array | null =>
    isOne && cost ? cost.map((amount) => -amount) : null;
  return {
    ...problem,
    layers: problem.layers.map((layer) => ({
      ...layer,
      tieGain: layer.tieGain.map((_, option) =>
        isOne ? -(layer.tieCost?.[only]?.[option] ?? 0) : 0,
      ),
    })),
    terms: problem.terms.map((term) => ({ ...term, gain: gainOf(term.cost[only]) })),
    resources: problem.resources.map((resource, index) => {
      const isMember = members.includes(index);
      // The largest of a group is an excess above nothing, at a price of one.
      if (isMember && !isOne) return { ...resource, limit: 0, penalty: 1 };
      const isKept = keepOthers && !isMember && !resource.penalty;
      return isKept ? resource : unlimited(resource);
    }),
  };
}

function unlimited(resource: ProblemResource): ProblemResource {
  return { ...resource, limit: Number.POSITIVE_INFINITY, penalty: null };
}
