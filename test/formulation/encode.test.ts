import fc from "fast-check";
import loadHighs, { type Highs } from "highs";
import { expect, test } from "vitest";
import { createEnumerator } from "../../solvers/enumerate.ts";
import { encode } from "../../src/formulation/encoding/encode.ts";
import { evaluate } from "../../src/formulation/problem/evaluate.ts";
import { violations } from "../../src/mip/check.ts";
import { lpFormat } from "../../src/mip/lp-format.ts";
import { allSelections, enumerateProblem } from "../helpers/enumerate-problem.ts";
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

test("decode after pointOf is the identity on every selection, and its continuous columns follow", () => {
  let seen = 0;
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e9 }), (seed) => {
      const problem = randomProblem(seed);
      const { model, decode, pointOf } = encode(problem);
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
});

test("fixing a selection's integer columns leaves one point, with the selection's objective and within the rows", async () => {
  const enumerator = createEnumerator();
  let feasible = 0;
  for (let seed = 0; seed < 60; seed += 1) {
    const problem = randomProblem(seed);
    const { model, pointOf, objectiveScale } = encode(problem);
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
});
