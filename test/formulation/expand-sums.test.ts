import { expect, test } from "vitest";
import { expandSums } from "../../src/formulation/presolve/factors/expand-sums.ts";
import { exactPresolve } from "../../src/formulation/presolve/presolve.ts";
import { evaluate } from "../../src/formulation/problem/evaluate.ts";
import type { Problem } from "../../src/formulation/problem/problem.ts";
import { allSelections } from "../helpers/enumerate-problem.ts";
import { randomProblem } from "../helpers/random-problem.ts";
import { transformerProblem } from "../helpers/transformer-problems.ts";

const STEPS = { embedding: 32, columns: 8, mlp: 64 };

/** One small block with heads times columns on its axes. */
function attention(sharedColumns: boolean, share: number): Problem {
  const stage = { blocks: 1, embedding: 64, heads: 3, columns: 24, mlp: 128, tokens: 16 };
  return transformerProblem("small", { stages: [stage], sharedColumns, steps: STEPS }, { share });
}

function expanded(problem: Problem): Problem {
  const other = expandSums(problem);
  if (other === null) throw new Error("nothing was expanded");
  return other;
}

test.each([true, false])(
  "every selection is worth and costs the same (shared columns: %s)",
  (sharedColumns) => {
    const problem = attention(sharedColumns, 0.6);
    const other = expanded(problem);
    expect(other.terms.flatMap(({ axes }) => axes).some(({ kind }) => kind === "sum")).toBe(false);
    let seen = 0;
    for (const selection of allSelections(problem)) {
      expect(evaluate(other, selection)).toEqual(evaluate(problem, selection));
      seen += 1;
    }
    expect(seen).toBeGreaterThan(50);
  },
);

test("so are random programs with sums inside of blocks", () => {
  let compared = 0;
  for (let seed = 1; seed <= 200; seed += 1) {
    const problem = randomProblem(seed);
    const other = expandSums(problem);
    if (other === null) continue;
    compared += 1;
    for (const selection of allSelections(problem))
      expect(evaluate(other, selection), `seed ${seed}`).toEqual(evaluate(problem, selection));
  }
  expect(compared).toBeGreaterThan(5);
});

test.each([0.3, 0.5, 0.8])(
  "the presolve proves the same optimum at %f of the latency",
  async (share) => {
    const problem = attention(false, share);
    const reductions = await Promise.all(
      [problem, expanded(problem)].map((each) => exactPresolve(each, { mustStop: () => false })),
    );
    const [one, two] = reductions.map(({ known, isProven }) => ({
      isProven,
      objective: known === null ? null : evaluate(problem, known).objective,
    }));
    expect(one?.isProven).toBe(true);
    expect(two).toEqual(one);
  },
);

test("a program without products, or with a table that would be too large, has none", () => {
  const problem = attention(false, 0.5);
  const plain = problem.terms.filter(({ axes }) => axes.every(({ kind }) => kind === "dim"));
  expect(expandSums({ ...problem, terms: plain })).toBeNull();
  const large = { blocks: 1, embedding: 4096, heads: 64, columns: 128, mlp: 128, tokens: 16 };
  const shape = { stages: [large], sharedColumns: false, steps: { ...STEPS, embedding: 8 } };
  expect(expandSums(transformerProblem("large", shape, { share: 0.5 }))).toBeNull();
});
