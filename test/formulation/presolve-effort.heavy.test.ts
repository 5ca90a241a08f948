import { expect, test } from "vitest";
import { exactPresolve } from "../../src/formulation/presolve/presolve.ts";
import type { Problem } from "../../src/formulation/problem/problem.ts";
import { InfeasibleLimitsError } from "../../src/formulation/solve/answer.ts";
import { bottleneckProblem, chainProblem, transformerProblem } from "../helpers/large-problems.ts";
import { randomProblem, softened } from "../helpers/random-problem.ts";

/** What the presolve took and left, in one line; nothing in it depends on the machine's speed. */
async function effortOf(problem: Problem): Promise<string> {
  try {
    const { effort, bound, isProven, worthStep } = await exactPresolve(problem, {
      mustStop: () => false,
    });
    if (effort === null) return "nothing done";
    const { sweeps, labels, choices, choicesLeft } = effort;
    const step = worthStep === 0 ? "" : `, steps of ${worthStep}`;
    return `${isProven ? "proven" : "open"}, ${choices} choices, ${choicesLeft} left, ${sweeps} sweeps, ${labels} labels, bound ${bound.toPrecision(9)}${step}`;
  } catch (error) {
    if (error instanceof InfeasibleLimitsError) return "infeasible";
    throw error;
  }
}

/**
 * A weaker multiplier, order or removal changes no answer, only what it takes. So these figures are kept: `npx vitest run --mode heavy
 * test/formulation/presolve-effort.heavy.test.ts -u` writes them where a change of the presolve is meant.
 */
test("the presolve takes no more sweeps and labels than it did, and leaves no more choices", async () => {
  const problems: Record<string, Problem> = {};
  for (let seed = 1; seed <= 60; seed += 1) {
    problems[`random ${seed}`] = randomProblem(seed);
    if (seed % 4 === 0) problems[`soft ${seed}`] = softened(randomProblem(seed), seed);
  }
  for (const seed of [1, 2, 3]) {
    const budgets = [0.3 + 0.1 * seed, 0.6, 0.5].slice(0, seed);
    const options = { seed, step: 16, budgets };
    problems[`chain ${seed}`] = chainProblem(24, options);
    problems[`bottleneck ${seed}`] = bottleneckProblem(6, options);
    problems[`transformer ${seed}`] = transformerProblem(3, options);
  }
  // Large enough that coarse grids and groups of states come first.
  const fine = { seed: 4, step: 4, budgets: [0.5] };
  problems["fine bottlenecks"] = bottleneckProblem(12, fine);
  problems["fine transformer"] = transformerProblem(4, fine);
  problems["fine bottlenecks, two limits"] = bottleneckProblem(8, { ...fine, budgets: [0.5, 0.6] });
  const lines: string[] = [];
  for (const [name, problem] of Object.entries(problems)) {
    lines.push(`${name}: ${await effortOf(problem)}`);
  }
  await expect(`${lines.join("\n")}\n`).toMatchFileSnapshot("../golden/presolve-effort.txt");
});
