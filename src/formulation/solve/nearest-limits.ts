import { evaluate, isWithinLimit } from "../problem/evaluate.ts";
import type { Problem, ProblemResource } from "../problem/problem.ts";
import type { NearestLimit } from "./answer.ts";
import { type BestOptions, bestOf, isOver } from "./best-of.ts";

/** How long the search takes at most: it explains an error, which must not take for ever. */
export const NEAREST_SECONDS = 20;

/** How far limits would have to move, and what of that isn't known. */
export interface NearestLimits {
  readonly nearest: readonly NearestLimit[];
  /** Names of the limits for which the time was over before anything was known. */
  readonly open: readonly string[];
}

/**
 * For limits that no selection meets: per limited resource the smallest usage of any selection that keeps the other
 * limits, or, where even those contradict each other, of any selection at all. Resources of one group are one limit, and
 * soft ones stand in nobody's way. It takes `NEAREST_SECONDS` at most, shared by the searches that are left.
 */
export async function nearestLimits(problem: Problem, given: BestOptions): Promise<NearestLimits> {
  const end = performance.now() + 1000 * NEAREST_SECONDS;
  const secondsLeft = (): number => Math.min(given.secondsLeft(), (end - performance.now()) / 1000);
  const hard = hardLimits(problem);
  const nearest: NearestLimit[] = [];
  const open: string[] = [];
  for (const [at, members] of hard.entries()) {
    const resource = problem.resources[members[0] ?? -1];
    if (resource === undefined) continue;
    const options = { ...given, secondsLeft: shareOf(secondsLeft, hard.length - at) };
    const least = await leastEither(problem, members, hard.length > 1, options);
    const name = resource.group ?? resource.name;
    if (least === null) open.push(name);
    // One that is met whatever the others do is not what stands in the way.
    if (least === null || isWithinLimit(least.usage, resource.limit)) continue;
    nearest.push({
      resource: name,
      unit: resource.unit,
      limit: resource.limit,
      least: least.usage,
      proven: least.proven,
      othersKept: least.othersKept,
      reading: resource.reading ?? null,
    });
  }
  return { nearest, open };
}

/** An equal share of the seconds that are left now. */
function shareOf(secondsLeft: () => number, parts: number): () => number {
  const beyond = secondsLeft() * (1 - 1 / parts);
  return () => secondsLeft() - (Number.isFinite(beyond) ? beyond : 0);
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

interface Least {
  readonly usage: number;
  readonly proven: boolean;
}

/** With the other limits kept, or without them where they can't be kept; null where the time was over. */
async function leastEither(
  problem: Problem,
  members: readonly number[],
  hasOthers: boolean,
  options: BestOptions,
): Promise<(Least & { readonly othersKept: boolean }) | null> {
  const kept = await leastUsage(problem, members, true, options);
  if (kept === "open") return null;
  if (kept !== "impossible") return { ...kept, othersKept: true };
  const alone = hasOthers ? await leastUsage(problem, members, false, options) : "open";
  return alone === "open" || alone === "impossible" ? null : { ...alone, othersKept: false };
}

async function leastUsage(
  problem: Problem,
  members: readonly number[],
  keepOthers: boolean,
  options: BestOptions,
): Promise<Least | "impossible" | "open"> {
  if (isOver(options)) return "open";
  const answer = await bestOf(minimising(problem, members, keepOthers), options);
  if (answer.kind === "open" || answer.kind === "impossible") return answer.kind;
  const { usage } = evaluate(problem, answer.selection);
  return {
    usage: Math.max(...members.map((member) => usage[member] ?? Number.NaN)),
    proven: answer.kind === "best",
  };
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
