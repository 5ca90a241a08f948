import { afterAll, describe, expect, test } from "vitest";
import { violations } from "../../src/mip/check.ts";
import type { Model } from "../../src/mip/model.ts";
import type { Outcome, Solver } from "../../src/mip/solver.ts";
import * as models from "./models.ts";
import { modelOf } from "./models.ts";

/** What every solver behind the interface must do. */
export function solverContract(create: () => Solver): void {
  const solver = create();
  afterAll(() => solver.close());

  const optimumOf = async (model: Model): Promise<Extract<Outcome, { status: "optimal" }>> => {
    const outcome = await solver.solve(model);
    if (outcome.status !== "optimal") throw new Error(`${solver.name}: ${outcome.status}`);
    expect(violations(model, outcome.values)).toEqual([]);
    expect(outcome.gap).toBe(0);
    expect(outcome.bound).toBeCloseTo(outcome.objective, 9);
    return outcome;
  };

  describe(`the solver ${solver.name}`, () => {
    test.each([
      ["a knapsack with an offset", models.knapsack, 22],
      ["a cover, minimising", models.cover, 5],
      ["integers beyond 0 and 1", models.integers, 11],
      ["a product by its marginals", models.product, 4],
      ["a program that a presolve once misjudged", models.misjudged, -285.1923757433891],
    ])("proves the optimum of %s", async (_name, model, objective) => {
      expect((await optimumOf(model)).objective).toBeCloseTo(objective, 9);
    });

    test.each([
      ["rows that contradict the bounds", models.infeasible],
      ["rows that no integer meets", models.noInteger],
      ["a row without entries that fails", modelOf("maximize", [[0, 1, true, 1]], [[1, 2, [0]]])],
    ])("says infeasible for %s", async (_name, model) => {
      expect((await solver.solve(model)).status).toBe("infeasible");
    });

    test("solves a model without rows", async () => {
      const { objective } = await optimumOf(modelOf("maximize", [[0, 4, true, 2]], []));
      expect(objective).toBe(8);
    });

    test("solves a model without columns", async () => {
      expect((await optimumOf(modelOf("maximize", [], [], 3))).objective).toBe(3);
    });

    test("solves one model after another and several at once", async () => {
      const outcomes = await Promise.all(
        [models.knapsack, models.cover, models.infeasible].map((model) => solver.solve(model)),
      );
      expect(outcomes.map(({ status }) => status)).toEqual(["optimal", "optimal", "infeasible"]);
      expect((await optimumOf(models.knapsack)).objective).toBe(22);
    });

    test("takes a start, a wrong one too, without believing it", async () => {
      for (const item of [0, 1]) {
        const start = {
          columns: Int32Array.of(0, 1, 2, 3),
          values: new Float64Array(4).fill(item),
        };
        const outcome = await solver.solve(models.knapsack, { start });
        expect(outcome).toMatchObject({ status: "optimal", objective: 22 });
      }
    });
  });
}
