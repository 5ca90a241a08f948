import loadHighs, { type Highs } from "highs";
import { expect, test } from "vitest";
import { createModelBuilder } from "../../src/mip/builder.ts";
import { lpFormat } from "../../src/mip/lp-format.ts";
import type { Model } from "../../src/mip/model.ts";
import { cover, integers, knapsack } from "../solvers/models.ts";

function everyKind(): Model {
  const builder = createModelBuilder("every kind\nof bound", "maximize");
  const free = builder.column(
    Number.NEGATIVE_INFINITY,
    Number.POSITIVE_INFINITY,
    false,
    "a free one",
  );
  const below = builder.column(Number.NEGATIVE_INFINITY, 4, false, "e1");
  const fixed = builder.column(2, 2, true, "same");
  const above = builder.column(-1, Number.POSITIVE_INFINITY, false, "same");
  const first = builder.unitColumns(10, (k) => `w[conv1,${k}]`);
  builder.addObjective(free, -1.5);
  builder.addObjective(below, 1 / 3);
  builder.addOffset(-7);
  builder.row(-5, 5, "range");
  for (const column of [free, below, fixed, above]) builder.entry(column, 1);
  builder.row(1, 1, "equal");
  for (let k = 0; k < 10; k += 1) builder.entry(first + k, k + 1);
  builder.row(Number.NEGATIVE_INFINITY, 3, "summed");
  builder.entry(above, 1);
  builder.entry(above, 1);
  return builder.build();
}

const textOf = (model: Model): string => [...lpFormat(model)].join("");

test("the LP text is the golden one", async () => {
  await expect(textOf(everyKind())).toMatchFileSnapshot("../golden/every-kind.lp");
});

test.each([
  ["knapsack", knapsack, 22],
  ["cover", cover, 5],
  ["integers", integers, 11],
])("HiGHS reads the LP text of %s as the same program", async (_name, model, objective) => {
  // The package types itself as CommonJS, whose default export is the loader.
  const highs = await (loadHighs as unknown as () => Promise<Highs>)();
  const result = highs.solve(textOf(model), { output_flag: false });
  expect(result.Status).toBe("Optimal");
  expect(result.ObjectiveValue).toBeCloseTo(objective, 9);
});
