import { randomFrom } from "../../src/core/random.ts";
import { exactPresolve } from "../../src/formulation/presolve/presolve.ts";
import { checkSelection } from "../../src/formulation/problem/evaluate.ts";
import type { Problem } from "../../src/formulation/problem/problem.ts";
import { checkProblem } from "../../src/formulation/problem/problem-check.ts";
import { InfeasibleLimitsError } from "../../src/formulation/solve/answer.ts";
import { solveProblem } from "../../src/formulation/solve/solve-problem.ts";
import type { Solver } from "../../src/mip/solver.ts";
import { enumerateProblem } from "./enumerate-problem.ts";
import { bottleneckProblem, chainProblem, transformerProblem } from "./large-problems.ts";
import { randomProblem, softened } from "./random-problem.ts";
import { loosened, permuted, scaled } from "./transformed-problems.ts";

/** What one way of solving says: an optimum, or null for limits that can't be met. */
type Verdict = number | null;

/** Sums of the same numbers in another order differ by less. */
const ROUNDING = 1e-9;

/** A disagreement, with what repeats it. */
class DistrustError extends Error {}

/**
 * A small random program of this seed, in one of several kinds: as it comes, with soft limits, groups and ties that cost,
 * with its roles turned (as cheap as can be, while it earns enough), with a limit that is used to the last digit, with
 * limits that don't bind, with ties (many selections are equally good).
 */
export function trustProblem(seed: number): Problem {
  const random = randomFrom(seed);
  const problem = randomProblem(seed);
  switch (random.integer(6)) {
    case 0:
      return softened(problem, seed);
    case 1:
      return turned(problem, seed);
    case 2:
      return onTheEdge(problem);
    case 3:
      return withLimits(problem, Number.POSITIVE_INFINITY);
    case 4:
      return withFewValues(problem);
    default:
      return problem;
  }
}

/** Least cost of the first resource while what was earned is at least something; costs and limits are negative then. */
function turned(problem: Problem, seed: number): Problem {
  return {
    ...problem,
    terms: problem.terms.map((term) => ({
      ...term,
      gain: term.cost[0]?.map((cost) => -cost) ?? null,
      cost: [term.gain?.map((gain) => -gain) ?? null, ...term.cost.slice(1)],
    })),
    layers: problem.layers.map((layer) => ({ ...layer, tieGain: layer.tieGain.map(() => 0) })),
    resources: problem.resources.map((resource, r) =>
      r === 0 ? { ...resource, limit: -(seed % 30) } : resource,
    ),
  };
}

/** The limits are exactly what the best selection uses. */
function onTheEdge(problem: Problem): Problem {
  const best = enumerateProblem(problem);
  if (best === null) return problem;
  const { usage } = checkSelection(problem, best.selection);
  const resources = problem.resources.map((resource, r) => ({
    ...resource,
    limit: usage[r] ?? resource.limit,
  }));
  return { ...problem, resources };
}

function withLimits(problem: Problem, limit: number): Problem {
  return { ...problem, resources: problem.resources.map((resource) => ({ ...resource, limit })) };
}

/** Gains and costs of 0 and 1 only. */
function withFewValues(problem: Problem): Problem {
  const coarse = (value: number): number => (value > 5 ? 1 : 0);
  return {
    ...problem,
    terms: problem.terms.map((term) => ({
      ...term,
      gain: term.gain?.map(coarse) ?? null,
      cost: term.cost.map((table) => table?.map(coarse) ?? null),
    })),
    resources: problem.resources.map((resource) => ({
      ...resource,
      limit: Math.floor(resource.limit / 10),
    })),
  };
}

/**
 * Everything that the answers to one small random program promise: label setting, every solver on the plain program and on
 * the reduced one, and trying all selections agree; the bound holds; scaling, permuting and loosening change what they
 * should and nothing else.
 *
 * @returns what the best selection earns; null where the limits can't be met
 */
export async function trustSeed(seed: number, solvers: readonly Solver[]): Promise<Verdict> {
  const problem = trustProblem(seed);
  checkProblem(problem);
  const optimum = enumerateProblem(problem)?.objective ?? null;
  await trustPresolve(problem, optimum, seed);
  const factor = [1e-6, 1e-3, 1e3, 1e6][seed % 4] ?? 1;
  await trustPresolve(permuted(problem, seed), optimum, seed);
  const isOnEdge = enumerateProblem(loosened(problem, 1e-7))?.objective !== optimum;
  // A limit that is met to the last digit may be missed by a rounding error once everything is multiplied.
  if (!isOnEdge) await trustPresolve(scaled(problem, factor, 1), optimum, seed);
  if (!isOnEdge) await trustPresolve(scaled(problem, 1, factor), optimum, seed, factor);
  const larger = enumerateProblem(loosened(problem, 0.1))?.objective ?? null;
  if (optimum !== null && !(larger !== null && larger >= optimum - tolerance(optimum))) {
    distrust(seed, `larger limits lower the optimum from ${optimum} to ${larger}`);
  }
  for (const solver of solvers) await trustSolver(problem, optimum, seed, solver);
  return optimum;
}

async function trustSolver(
  problem: Problem,
  optimum: Verdict,
  seed: number,
  solver: Solver,
): Promise<void> {
  for (const presolve of [false, undefined] as const) {
    const verdict = await verdictOf(problem, solver, presolve);
    const how = presolve === false ? "plain" : "reduced";
    if (!isSame(verdict, optimum)) {
      distrust(seed, `${solver.name} on the ${how} program says ${verdict}, not ${optimum}`);
    }
  }
}

/** @param unit what the problem's gains were multiplied with */
async function trustPresolve(
  problem: Problem,
  optimum: Verdict,
  seed: number,
  unit = 1,
): Promise<void> {
  const reduction = await exactPresolve(problem, { mustStop: () => false }).catch((error) => {
    if (error instanceof InfeasibleLimitsError) return null;
    throw error;
  });
  if (reduction === null) {
    if (optimum !== null)
      distrust(seed, `the presolve finds no selection, but one earns ${optimum}`);
    return;
  }
  const { known, isProven } = reduction;
  const bound = reduction.bound / unit;
  const earned = known === null ? null : checkSelection(problem, known).objective / unit;
  if (optimum === null) {
    if (earned !== null) distrust(seed, `the presolve earns ${earned} beyond the limits`);
    return;
  }
  if (isProven && !isSame(earned, optimum)) {
    distrust(seed, `the presolve proves ${earned}, not ${optimum}`);
  }
  if (bound < optimum - tolerance(optimum))
    distrust(seed, `the bound ${bound} is below ${optimum}`);
  const best = enumerateProblem(reduction.problem);
  const left = best === null ? null : best.objective / unit;
  if (!isSame(left, optimum)) distrust(seed, `the reduced program earns ${left}, not ${optimum}`);
}

async function verdictOf(
  problem: Problem,
  solver: Solver,
  presolve: false | undefined,
): Promise<Verdict> {
  try {
    const answer = await solveProblem(problem, [solver], { presolve });
    return answer.status === "optimal" && answer.gap <= ROUNDING ? answer.objective : Number.NaN;
  } catch (error) {
    if (error instanceof InfeasibleLimitsError) return null;
    throw error;
  }
}

/**
 * A program of some size, too large to try all selections: what the presolve proves must be what the solver proves on the
 * plain program, and the same with its limits in another order.
 */
export async function trustMediumSeed(seed: number, solver: Solver): Promise<Verdict> {
  const random = randomFrom(seed);
  const budgets = Array.from({ length: 1 + random.integer(4) }, () => 0.15 + 0.7 * random.next());
  const options = { seed, step: 64, budgets };
  const kinds = [
    (): Problem => bottleneckProblem(3 + random.integer(4), options),
    (): Problem => chainProblem(4 + random.integer(12), { ...options, step: 32 }),
    (): Problem => transformerProblem(1 + random.integer(2), { ...options, step: 32 }),
  ];
  const problem = (kinds[random.integer(kinds.length)] ?? kinds[0])?.();
  if (problem === undefined) return null;
  const plain = await verdictOf(problem, solver, false);
  for (const same of [problem, permuted(problem, seed)]) {
    const verdict = await verdictOf(same, solver, undefined);
    if (!isSame(verdict, plain)) {
      distrust(seed, `${same.name}: ${verdict} with the presolve, ${plain} without`);
    }
  }
  return plain;
}

function isSame(left: Verdict, right: Verdict): boolean {
  if (left === null || right === null) return left === right;
  return Math.abs(left - right) <= tolerance(right);
}

function tolerance(value: number): number {
  return 10 * ROUNDING * Math.max(1, Math.abs(value));
}

function distrust(seed: number, what: string): never {
  throw new DistrustError(`seed ${seed}: ${what} (npm run trust -- --count 1 --seed ${seed})`);
}
