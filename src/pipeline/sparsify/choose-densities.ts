import type { SettledLimit } from "../../formulation/limits/settled.ts";
import type { Problem } from "../../formulation/problem/problem.ts";
import type { Answer } from "../../formulation/solve/answer.ts";
import { solveProblem } from "../../formulation/solve/solve-problem.ts";
import { startingSelection } from "../../formulation/solve/start.ts";
import { levelsOf } from "../../formulation/sparsity/levels.ts";
import { checkSome, type RuleRates, ratesByRule } from "../../formulation/sparsity/rates.ts";
import type { LevelledWeight } from "../../formulation/sparsity/sparse-problem.ts";
import type { WeightDamages } from "../../importance/sparse/damages.ts";
import type { Structure } from "../../structure/structure.ts";
import { keptByPattern } from "../../subnet/sparse/mask.ts";
import type { Pattern } from "../../subnet/sparse/pattern.ts";
import type { ScoreOf } from "../../subnet/sparse/search.ts";
import {
  matrixOf,
  type SparseWeight,
  weightCount,
  weightLabel,
} from "../../subnet/sparse/weights.ts";
import type { RunContext } from "../run-context.ts";
import { withShareOfZeros } from "../solve/given-limits.ts";
import { withSolvers } from "../solve/solvers.ts";
import type { CheckedRequest } from "./request.ts";
import { settledZeros, zerosProgram } from "./zeros-program.ts";

/** How many elements of each weight stay, and how that was found. */
export interface ChosenDensities {
  /** By initializer; weights that stay whole have all. */
  readonly kept: ReadonlyMap<string, number>;
  /** Damage that the program counted for each, by initializer; empty where a rule chose. */
  readonly damages: ReadonlyMap<string, number>;
  readonly program: ProgramAnswer | null;
}

/** What the program said. */
export interface ProgramAnswer {
  readonly problem: Problem;
  readonly answer: Answer;
  readonly limits: readonly SettledLimit[];
}

/** Keeps what the sum of damages likes least to lose, within the limits; proven by the exact presolve and solvers. */
export async function densitiesByProgram(
  structure: Structure,
  weights: readonly SparseWeight[],
  measured: readonly WeightDamages[],
  request: CheckedRequest,
  context: RunContext,
): Promise<ChosenDensities> {
  const levelled = levelledWeights(weights, measured, request.pattern);
  return solveDensities(structure, levelled, request, context);
}

/** The program over given levels of every weight. */
export async function solveDensities(
  structure: Structure,
  levelled: readonly LevelledWeight[],
  request: CheckedRequest,
  context: RunContext,
): Promise<ChosenDensities> {
  const { components, format } = request;
  const program = await zerosProgram(
    ...([structure, { weights: levelled, format }, withTotal(request), components] as const),
  );
  const { problem, network } = program;
  const answer = await withSolvers((solvers) =>
    solveProblem(problem, solvers, {
      timeLimitSeconds: request.timeLimitSeconds,
      signal: context.signal,
      start: startingSelection,
    }),
  );
  const { limits } = settledZeros(program, answer);
  const chosen = network.sparsity.dims.map(({ weight, levels, dim }) => {
    const level = levels[answer.selection.options[dim] ?? -1];
    return [weight.name, level ?? { kept: weightCount(weight), damage: 0 }] as const;
  });
  return {
    kept: new Map(chosen.map(([name, { kept }]) => [name, kept])),
    damages: new Map(chosen.map(([name, { damage }]) => [name, damage])),
    program: { problem, answer, limits },
  };
}

/** Weights without measurements stay whole. */
export function levelledWeights(
  weights: readonly SparseWeight[],
  measured: readonly WeightDamages[],
  pattern: Pattern,
): readonly LevelledWeight[] {
  const byName = new Map(measured.map((each) => [each.weight.name, each]));
  return weights.map((weight): LevelledWeight => {
    const found = byName.get(weight.name);
    const count = weightCount(weight);
    const points = (found?.options ?? []).map(({ kept }, index) => ({
      kept,
      damage: found?.damages[index] ?? 0,
    }));
    const rounding = (kept: number): number => keptByPattern(weight, pattern, kept);
    return {
      weight,
      levels:
        pattern.kind === "n:m"
          ? [...points, { kept: count, damage: 0 }]
          : levelsOf(count, points, rounding),
    };
  });
}

function withTotal({ limits, sparsity }: CheckedRequest): CheckedRequest["limits"] {
  return sparsity === null ? limits : withShareOfZeros(limits, sparsity);
}

/** The rates of a rule, with the given weights kept whole. */
export async function densitiesByRule(
  rule: RuleRates,
  weights: readonly SparseWeight[],
  whole: ReadonlySet<string>,
  sparsity: number,
  scoreOf: ScoreOf,
): Promise<ChosenDensities> {
  const open = weights.filter(({ name }) => !whole.has(name));
  const count = (list: readonly SparseWeight[]): number =>
    list.reduce((sum, weight) => sum + weightCount(weight), 0);
  const total = Math.max(0, (1 - sparsity) * count(weights) - (count(weights) - count(open)));
  const scored = [];
  for (const weight of open) {
    const values = matrixOf(weight);
    const scores = Float64Array.from(await scoreOf(weight, values, null));
    scored.push({ weight, values, scores });
  }
  const counts = ratesByRule(rule, scored, total);
  checkSome(open.map(weightLabel), counts, rule);
  const kept = new Map(weights.map((weight) => [weight.name, weightCount(weight)]));
  for (const [index, { name }] of open.entries()) kept.set(name, counts[index] ?? 0);
  return { kept, damages: new Map(), program: null };
}
