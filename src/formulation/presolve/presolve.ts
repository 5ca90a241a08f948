import { InfeasibleLimitsError } from "../answer.ts";
import type { Problem } from "../problem.ts";
import { axisCounts } from "../problem-axes.ts";
import { noReduction, type PresolveContext, type Reduction } from "../reduction.ts";
import { buildFactors } from "./build-factors.ts";
import type { FactorGraph } from "./factors.ts";
import { foldTriangles } from "./fold.ts";
import { bestWithin } from "./labels.ts";
import { reachingStates } from "./marginals.ts";
import { eliminationOrder, makePlan, type Order, type Plan } from "./plan.ts";
import { restrict } from "./restrict.ts";
import {
  type Bound,
  type Found,
  type Hunt,
  limitedResources,
  offer,
  roundingOf,
  searchMultipliers,
  sweepAgain,
  sweepAt,
} from "./search.ts";
import { remainsOf, selectionOf, shrink } from "./shrink.ts";

/** Tables above this many cells, and sweeps above this many, are left to the solver: they would take seconds each. */
const LARGEST_TABLE = 2e7;
const LARGEST_SUM = 8e6;
const MOST_WORK = 4e8;
/** Cells per sweep up to which a search may take as many as it wants. */
const LIGHT_WORK = 1e6;
const MOST_LABELS = 8e6;
/** Just less than what `isWithinLimit` accepts beyond a limit. */
const CHECKERS_ROOM = 0.999e-9;
/** States per variable in the first, rough search. */
const ROUGH_STATES = 8;

/**
 * Removes every choice that can't be in a better selection than one that it finds on the way, and usually finds the best
 * selection itself. The limits are relaxed with multipliers; what is left is maximised exactly by dynamic programming
 * over an elimination order (plan.ts), which bounds every selection (search.ts) and, per choice, every selection that
 * has it (marginals.ts). Label setting then looks through what may lie between the bound and the best known (labels.ts).
 *
 * Problems whose elimination order needs tables too large are returned as they are, with a note.
 *
 * @throws InfeasibleLimitsError `formulation/infeasible`, where one limit alone can't be met
 */
export async function exactPresolve(
  problem: Problem,
  context: PresolveContext,
): Promise<Reduction> {
  const rule = largestSum(problem);
  if (rule > LARGEST_SUM) return tooLarge(problem, rule);
  const full = buildFactors(problem);
  const order = eliminationOrder(full);
  if (order.size.largest > LARGEST_TABLE || order.size.work > MOST_WORK) {
    return tooLarge(problem, order.size.work);
  }
  const hunt = huntOf(problem, full, context);
  const limited = limitedResources(hunt);
  const none = problem.resources.map(() => 0);
  const start = order.size.work > LIGHT_WORK ? await roughMultipliers(full, hunt) : none;
  if (hunt.incumbent === null) await lookForAny(problem, full, order, hunt, limited);
  const work = await narrow(full, order, hunt, start);
  let { graph } = work;
  let isProven = false;
  const gap = hunt.incumbent === null ? Number.POSITIVE_INFINITY : work.bound - hunt.incumbent.gain;
  const [only] = limited;
  let labels = 0;
  if (limited.length === 0) isProven = hunt.incumbent !== null;
  else if (hunt.incumbent !== null && work.last !== null) {
    const { plan, found } = work.last;
    const multiplier = found.multipliers[only ?? 0] ?? 0;
    const rounding = roundingOf(hunt, found.multipliers);
    if (gap <= Math.max(rounding, hunt.grain - 2 * rounding)) isProven = true;
    else if (limited.length === 1 && only !== undefined && multiplier > 0) {
      const answer = bestWithin({
        plan,
        total: found.total,
        resource: only,
        multiplier,
        limit: hunt.limits[only] ?? 0,
        gap: gap + rounding,
        rounding,
        maxLabels: MOST_LABELS,
        mustStop: hunt.mustStop,
      });
      labels = answer.labels;
      isProven = answer.kind !== "stopped";
      if (answer.kind === "point") {
        offer(plan.graph, hunt, answer.point);
        graph = removeBelow(plan, found, hunt);
      }
    }
  }
  const known = hunt.incumbent;
  const shrunk = shrink(withRoundingRoom(problem, known), remainsOf(problem, graph));
  return {
    ...shrunk,
    problem: foldTriangles(shrunk.problem),
    known: known === null ? null : selectionOf(problem, full, known),
    isProven,
    bound: work.bound,
    grain: hunt.grain,
    notes: [],
    effort: { sweeps: hunt.sweeps, labels, choices: statesOf(full), choicesLeft: statesOf(graph) },
  };
}

function tooLarge(problem: Problem, cells: number): Reduction {
  const notes = [
    `No presolve: the dims depend on each other so much that its tables would have ${cells.toPrecision(2)} cells.`,
  ];
  return { ...noReduction(problem), notes };
}

/** Cells of the largest table that ties a sum to its parts. */
function largestSum(problem: Problem): number {
  return problem.sums.reduce((most, { left, right, values }) => {
    const [one, other] = [axisCounts(problem, left).length, axisCounts(problem, right).length];
    return Math.max(most, (one + 1) * (other + 1) * (values.length + 1));
  }, 0);
}

function huntOf(problem: Problem, full: FactorGraph, context: PresolveContext): Hunt {
  let breath = performance.now();
  return {
    limits: problem.resources.map(({ limit }) =>
      Number.isFinite(limit) ? limit + CHECKERS_ROOM * Math.abs(limit) : limit,
    ),
    incumbent: null,
    sweeps: 0,
    last: null,
    mustStop: context.mustStop,
    grain: grainOf(full),
    gainScale: full.factors.reduce((sum, { gain }) => sum + largest(gain), 0),
    costScale: problem.resources.map((_, r) =>
      full.factors.reduce((sum, { cost }) => sum + largest(cost[r] ?? null), 0),
    ),
    breathe: async () => {
      if (performance.now() - breath < 20) return;
      await new Promise((done) => setImmediate(done));
      breath = performance.now();
    },
  };
}

function largest(table: Float64Array | null): number {
  let most = 0;
  for (const value of table ?? []) {
    const size = Math.abs(value);
    if (size > most && size < Number.POSITIVE_INFINITY) most = size;
  }
  return most;
}

/** Multipliers of the problem with every few options only; its points are points of the whole one. */
async function roughMultipliers(full: FactorGraph, hunt: Hunt): Promise<readonly number[]> {
  const keep = full.variables.map(({ kind, states }) => {
    const flags = new Uint8Array(states.length);
    const stride = kind === "dim" ? Math.max(1, Math.ceil(states.length / ROUGH_STATES)) : 1;
    // The last ones, "all units" and "absent", are among them.
    for (let at = states.length - 1; at >= 0; at -= at === states.length - 1 ? 1 : stride) {
      flags[at] = 1;
    }
    return flags;
  });
  const graph = restrict(full, keep);
  const plan = makePlan(graph, eliminationOrder(graph));
  const start = hunt.limits.map(() => 0);
  return (await searchMultipliers(plan, hunt, { maxSweeps: 60, start })).multipliers;
}

/** A first selection within the limits: with one limit the cheapest, whose excess proves that there is none. */
async function lookForAny(
  problem: Problem,
  full: FactorGraph,
  order: Order,
  hunt: Hunt,
  limited: readonly number[],
): Promise<void> {
  const [only] = limited;
  if (limited.length !== 1 || only === undefined) return;
  const plan = makePlan(full, order);
  const cheapest = problem.resources.map((_, r) => (r === only ? 1 : 0));
  const { point } = await sweepAt(plan, hunt, cheapest, 0);
  if (hunt.incumbent !== null) return;
  const { name, unit, limit } = problem.resources[only] ?? { name: "", unit: "", limit: 0 };
  throw new InfeasibleLimitsError(problem.name, [
    { resource: name, unit, limit, least: point.cost[only] ?? 0, othersKept: true },
  ]);
}

/** The graph without what can't be better, the bound, and the last plan with what its last sweep found. */
interface Narrowed {
  readonly graph: FactorGraph;
  readonly bound: number;
  readonly last: { readonly plan: Plan; readonly found: Bound } | null;
}

/** Search and removal in turns, while a turn removes enough. */
async function narrow(
  full: FactorGraph,
  order: Order,
  hunt: Hunt,
  start: readonly number[],
): Promise<Narrowed> {
  let graph = full;
  let bound = Number.POSITIVE_INFINITY;
  let last: Narrowed["last"] = null;
  let from = start;
  for (let turn = 0; turn < 12; turn += 1) {
    const now = turn === 0 ? order : eliminationOrder(graph);
    const plan = makePlan(graph, now);
    // While sweeps are dear a few must do; what they remove makes the next ones cheaper.
    const isHeavy = now.size.work > LIGHT_WORK;
    const maxSweeps = isHeavy ? 2 ** (2 * turn) : 60;
    const searched = await searchMultipliers(plan, hunt, { maxSweeps, start: from });
    // The tables must be those of the best multipliers again.
    const found = await sweepAgain(plan, hunt, searched);
    bound = Math.min(
      bound,
      Math.max(found.bound, hunt.incumbent?.gain ?? Number.NEGATIVE_INFINITY),
    );
    last = { plan, found };
    from = found.multipliers;
    const next = removeBelow(plan, found, hunt);
    const shrinks = statesOf(next) < 0.9 * statesOf(graph);
    if (next === graph || hunt.mustStop()) break;
    if (!shrinks && maxSweeps > 30) break;
    graph = next;
  }
  return { graph, bound, last };
}

/**
 * A known selection that uses a limit up may exceed it by a rounding error once the same costs are summed in another
 * order; the limit gets room for that, far less than the checker allows.
 */
function withRoundingRoom(problem: Problem, known: Found | null): Problem {
  if (known === null) return problem;
  const resources = problem.resources.map((resource, r) => {
    const { limit } = resource;
    const used = known.cost[r] ?? 0;
    const room = 1e-11 * Math.abs(limit);
    return used > limit - room ? { ...resource, limit: Math.max(limit, used) + room } : resource;
  });
  return { ...problem, resources };
}

/** The graph without the states that no better point has; those of the best known point stay. */
function removeBelow(plan: Plan, found: Bound, hunt: Hunt): FactorGraph {
  const { incumbent } = hunt;
  if (incumbent === null) return plan.graph;
  const rounding = roundingOf(hunt, found.multipliers);
  // A better point gains a grain more.
  const better =
    incumbent.gain + (hunt.grain > 4 * rounding ? hunt.grain - 2 * rounding : -rounding);
  const keep = reachingStates(plan, found.total, better - (found.bound - found.total));
  plan.graph.variables.forEach(({ states }, variable) => {
    const at = states.indexOf(incumbent.states[variable] ?? -1);
    const flags = keep[variable];
    if (flags !== undefined && at >= 0) flags[at] = 1;
  });
  return restrict(plan.graph, keep);
}

/** 1 where every gain is an integer, as in the published instances; else 0. */
function grainOf({ factors }: FactorGraph): number {
  const isWhole = factors.every(({ gain }) =>
    gain.every((value) => Number.isInteger(value) || value === Number.NEGATIVE_INFINITY),
  );
  return isWhole ? 1 : 0;
}

function statesOf(graph: FactorGraph): number {
  return graph.variables.reduce((sum, { states }) => sum + states.length, 0);
}
