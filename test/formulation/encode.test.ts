import fc from "fast-check";
import loadHighs, { type Highs } from "highs";
import { expect, test } from "vitest";
import { createEnumerator } from "../../solvers/enumerate.ts";
import { createHighs } from "../../solvers/highs.ts";
import { encode } from "../../src/formulation/encoding/encode.ts";
import { exactPresolve } from "../../src/formulation/presolve/presolve.ts";
import { evaluate } from "../../src/formulation/problem/evaluate.ts";
import { violations } from "../../src/mip/check.ts";
import { lpFormat } from "../../src/mip/lp-format.ts";
import { allSelections, enumerateProblem } from "../helpers/enumerate-problem.ts";
import { bottleneckProblem, chainProblem } from "../helpers/large-problems.ts";
import { randomProblem } from "../helpers/random-problem.ts";
import { residual } from "./programs.ts";

test("the program of a small residual network is the golden one", async () => {
  const text = [...lpFormat(encode(residual).model)].join("");
  await expect(text).toMatchFileSnapshot("../golden/residual.lp");
});

test("another reader of the LP file finds the same optimum", async () => {
  // The package types itself as CommonJS, whose default export is the loader.
  const highs = await (loadHighs as unknown as () => Promise<Highs>)();
  const { model, objectiveScale } = encode(residual);
  const result = highs.solve([...lpFormat(model)].join(""), { output_flag: false });
  const best = enumerateProblem(residual);
  expect(result.ObjectiveValue / objectiveScale).toBeCloseTo(best?.objective ?? Number.NaN, 9);
});

test("the marginals alone bound the optimum tightly: the relaxation of one table is its convex hull", () => {
  const { model } = encode({
    ...residual,
    layers: [],
    sums: [],
    terms: residual.terms.slice(0, 1),
  });
  expect([...model.integer].filter((integer) => integer === 1)).toHaveLength(6);
  expect(model.columnCount).toBe(6);
});

test.each([
  ["plain", false],
  ["ordered", true],
])(
  "decode after pointOf is the identity on every selection of the %s program, and its continuous columns follow",
  (_, isOrdered) => {
    let seen = 0;
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e9 }), (seed) => {
        const problem = randomProblem(seed);
        const { model, decode, pointOf } = encode(problem, isOrdered);
        for (const selection of allSelections(problem)) {
          const point = pointOf(selection);
          const values = new Float64Array(model.columnCount);
          point.columns.forEach((column, at) => {
            values[column] = point.values[at] ?? 0;
          });
          expect(decode(values)).toEqual(selection);
          seen += 1;
        }
      }),
      { numRuns: 100, seed: 11 },
    );
    expect(seen).toBeGreaterThan(1000);
  },
);

test.each([
  ["plain", false],
  ["ordered", true],
])(
  "fixing a selection's columns in the %s program leaves one point, with its objective and within the rows",
  async (_, isOrdered) => {
    const enumerator = createEnumerator();
    let feasible = 0;
    for (let seed = 0; seed < 60; seed += 1) {
      const problem = randomProblem(seed);
      const { model, pointOf, objectiveScale } = encode(problem, isOrdered);
      for (const selection of [...allSelections(problem)].slice(0, 8)) {
        const { objective, usage } = evaluate(problem, selection);
        const { columns, values } = pointOf(selection);
        const [columnLower, columnUpper] = [model.columnLower.slice(), model.columnUpper.slice()];
        columns.forEach((column, at) => {
          columnLower[column] = values[at] ?? 0;
          columnUpper[column] = values[at] ?? 0;
        });
        const outcome = await enumerator.solve({ ...model, columnLower, columnUpper });
        const fits = problem.resources.every(({ limit }, at) => (usage[at] ?? 0) <= limit + 1e-9);
        expect(outcome.status).toBe(fits ? "optimal" : "infeasible");
        if (outcome.status !== "optimal") continue;
        feasible += 1;
        expect(outcome.objective / objectiveScale).toBeCloseTo(objective, 6);
        expect(violations(model, outcome.values)).toEqual([]);
      }
    }
    expect(feasible).toBeGreaterThan(100);
  },
);

test("an ordered program of dims with many options has the presolve's optimum, and its whole columns alone decide", async () => {
  const highs = createHighs();
  try {
    for (const seed of [1, 4]) {
      const options = { seed, step: 32, budgets: seed < 3 ? [0.5] : [0.5, 0.6] };
      const problem =
        seed % 2 === 0 ? chainProblem(5, options) : bottleneckProblem(1, { ...options, step: 64 });
      const { model, decode, objectiveScale, pointOf } = encode(problem, true);
      const plain = encode(problem);
      expect(model.columnCount).toBeGreaterThan(plain.model.columnCount);
      const outcome = await highs.solve(model, {});
      if (outcome.status !== "optimal") throw new Error(`seed ${seed}: ${outcome.status}`);
      const selection = decode(outcome.values);
      const { known, isProven } = await exactPresolve(problem, { mustStop: () => false });
      if (known === null || !isProven) throw new Error(`seed ${seed}: not proven`);
      const best = evaluate(problem, known).objective;
      expect(evaluate(problem, selection).objective, `seed ${seed}`).toBeCloseTo(best, 6);
      expect(outcome.objective / objectiveScale, `seed ${seed}`).toBeCloseTo(best, 6);
      // The columns that are whole by rule say which options the others have: exactly the selection's.
      const { columns, values } = pointOf(selection);
      columns.forEach((column, at) => {
        expect(outcome.values[column], `seed ${seed}`).toBeCloseTo(values[at] ?? Number.NaN, 6);
      });
    }
  } finally {
    await highs.close();
  }
});
