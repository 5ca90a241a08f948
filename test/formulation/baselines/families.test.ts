import { expect, test } from "vitest";
import { randomFrom } from "../../../src/core/random.ts";
import { withoutDrops } from "../../../src/formulation/baselines/channels-only.ts";
import { thresholdOptions } from "../../../src/formulation/baselines/global-threshold.ts";
import { fits, keeping, meterOf, widest } from "../../../src/formulation/baselines/meter.ts";
import { uniformOptions } from "../../../src/formulation/baselines/uniform.ts";
import { evaluate } from "../../../src/formulation/problem/evaluate.ts";
import type { Problem } from "../../../src/formulation/problem/problem.ts";
import { allSelections } from "../../helpers/enumerate-problem.ts";
import { randomProblem } from "../../helpers/random-problem.ts";
import { chainProblem } from "./chain-problem.ts";

const SEEDS = Array.from({ length: 60 }, (_, seed) => seed + 1);

/** The widest member of a family that fits, found by looking at every selection. A family is a chain: each member holds the next. */
function widestMember(
  problem: Problem,
  isMember: (options: readonly number[]) => boolean,
): readonly number[] | null {
  const members = [...allSelections(withoutDrops(problem))]
    .map(({ options }) => options)
    .filter(
      (options) => isMember(options) && fits(problem, evaluate(problem, keeping(options)).usage),
    )
    .sort((a, b) => sum(b) - sum(a));
  return members[0] ?? null;
}

const sum = (options: readonly number[]): number =>
  options.reduce((total, option) => total + option, 0);

function optionsOrNull(find: () => readonly number[]): readonly number[] | null {
  try {
    return find();
  } catch (error) {
    expect(error).toMatchObject({ code: "formulation/method-infeasible", exitCode: 4 });
    return null;
  }
}

const problems = [
  ...SEEDS.map((seed) => randomProblem(seed)),
  ...SEEDS.flatMap((seed) => [0.3, 0.5, 0.8].map((share) => chainProblem(seed, share))),
];

test("uniform finds the largest ratio that fits, among all selections of small problems", () => {
  let found = 0;
  for (const problem of problems) {
    const ratios = problem.dims.flatMap(({ counts }) =>
      counts.map((count) => count / (counts.at(-1) ?? 1)),
    );
    const isMember = (options: readonly number[]): boolean =>
      [0, ...ratios].some((ratio) =>
        problem.dims.every(({ counts }, dim) => {
          const allowed = counts.filter(
            (count) => count <= ratio * (counts.at(-1) ?? 0) + 1e-9,
          ).length;
          return options[dim] === Math.max(0, allowed - 1);
        }),
      );
    const options = optionsOrNull(() => uniformOptions(problem));
    expect(options, problem.name).toEqual(widestMember(problem, isMember));
    if (options !== null) found += 1;
  }
  expect(found).toBeGreaterThan(150);
});

test("global-threshold finds the lowest threshold that fits, among all selections of small problems", () => {
  let found = 0;
  for (const problem of problems) {
    const scores = problem.dims.map(({ counts }, dim) => stepScores(problem, dim, counts));
    const thresholds = [Number.NEGATIVE_INFINITY, ...scores.flat()];
    const isMember = (options: readonly number[]): boolean =>
      thresholds.some((threshold) =>
        scores.every(
          (steps, dim) => options[dim] === steps.findLastIndex((score) => score > threshold) + 1,
        ),
      );
    const options = optionsOrNull(() => thresholdOptions(problem));
    expect(options, problem.name).toEqual(widestMember(problem, isMember));
    if (options !== null) found += 1;
  }
  expect(found).toBeGreaterThan(150);
});

/** What each wider option adds per unit, relative to the dim's mean. */
function stepScores(problem: Problem, dim: number, counts: readonly number[]): number[] {
  const gain = counts.map((_, option) =>
    problem.terms
      .filter(({ axes }) => axes.length === 1 && axes[0]?.kind === "dim" && axes[0].index === dim)
      .reduce((total, term) => total + (term.gain?.[option] ?? 0), 0),
  );
  const mean = (gain.at(-1) ?? 0) / (counts.at(-1) ?? 1);
  return counts.slice(1).map((count, at) => {
    const added = (gain[at + 1] ?? 0) - (gain[at] ?? 0);
    return mean > 0 ? added / (count - (counts[at] ?? 0)) / mean : 0;
  });
}

test("a meter says after any changes what an evaluation from the start says", () => {
  const random = randomFrom(5);
  for (const problem of problems) {
    const meter = meterOf(problem, widest(problem));
    for (let change = 0; change < 6; change += 1) {
      const dim = random.integer(problem.dims.length);
      meter.set(dim, random.integer(problem.dims[dim]?.counts.length ?? 1));
    }
    const { usage } = evaluate(problem, keeping(meter.options));
    usage.forEach((used, resource) => {
      expect(meter.usage[resource]).toBeCloseTo(used, 9);
    });
  }
});
