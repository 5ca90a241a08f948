import { randomFrom } from "../../src/core/random.ts";
import { createModelBuilder } from "../../src/mip/builder.ts";
import type { Model, Sense } from "../../src/mip/model.ts";

/** A column: [lower, upper, integer, objective]. A row: [lower, upper, coefficients per column]. */
type ColumnSpec = readonly [number, number, boolean, number];
type RowSpec = readonly [number, number, readonly number[]];

export function modelOf(
  sense: Sense,
  columns: readonly ColumnSpec[],
  rows: readonly RowSpec[],
  offset = 0,
): Model {
  const builder = createModelBuilder("test", sense);
  columns.forEach(([lower, upper, integer, objective], index) => {
    builder.addObjective(builder.column(lower, upper, integer, `x${index}`), objective);
  });
  rows.forEach(([lower, upper, coefficients], index) => {
    builder.row(lower, upper, `r${index}`);
    coefficients.forEach((coefficient, column) => {
      builder.entry(column, coefficient);
    });
  });
  builder.addOffset(offset);
  return builder.build();
}

const FREE = Number.POSITIVE_INFINITY;
const bit = (objective: number): ColumnSpec => [0, 1, true, objective];

/** The best value is 12 + 10, items 0 and 3. */
export const knapsack: Model = modelOf(
  "maximize",
  [bit(3), bit(4), bit(5), bit(9)],
  [[-FREE, 7, [2, 3, 4, 5]]],
  10,
);

/** The cheapest cover costs 5: items 0 and 2. */
export const cover: Model = modelOf(
  "minimize",
  [bit(2), bit(4), bit(3)],
  [
    [1, FREE, [1, 1, 0]],
    [1, FREE, [0, 1, 1]],
    [1, FREE, [1, 0, 1]],
  ],
);

/** An integer beyond binaries: the best is x = 3, y = 1 with 11; a continuous x could be 3.5. */
export const integers: Model = modelOf(
  "maximize",
  [
    [0, 10, true, 3],
    [0, 10, true, 2],
  ],
  [
    [-FREE, 7, [2, 1]],
    [-FREE, 1, [0, 1]],
  ],
);

/** A one-hot choice whose product with another is continuous: w = y * z. */
export const product: Model = modelOf(
  "maximize",
  [bit(0), bit(0), bit(-1), [0, 1, false, 0], [0, 1, false, 5]],
  [
    [1, 1, [1, 1]],
    [0, 0, [0, 0, -1, 1, 1]],
    [-FREE, 0, [-1, 0, 0, 1]],
    [-FREE, 0, [0, -1, 0, 0, 1]],
  ],
);

export const infeasible: Model = modelOf("maximize", [bit(1), bit(1)], [[3, FREE, [1, 1]]]);

/** Feasible for fractions, for no integers. */
export const noInteger: Model = modelOf("maximize", [bit(1), bit(1)], [[0.4, 0.6, [1, 1]]]);

/** A knapsack in many dimensions that keeps any solver busy for minutes. Items are worth 50 to 150. */
export function hardModel(): Model {
  const random = randomFrom(7);
  const items = 120;
  const weights = Array.from({ length: 25 }, () =>
    Array.from({ length: items }, () => 10 + random.integer(990)),
  );
  const values = Array.from({ length: items }, (_, item) => {
    const mean = weights.reduce((sum, row) => sum + (row[item] ?? 0), 0) / weights.length;
    return Math.round(mean / 5 + random.integer(10));
  });
  return modelOf(
    "maximize",
    values.map(bit),
    weights.map((row): RowSpec => [-FREE, row.reduce((sum, weight) => sum + weight, 0) / 3, row]),
  );
}

/**
 * Three options, the product of each with a block that can be dropped, and two limits: the best is option 0 with the block
 * kept. HiGHS 1.15.1 with probing in its presolve says "optimal" of option 2 without the block, which is worth -369.
 */
export const misjudged: Model = modelOf(
  "maximize",
  [
    bit(0),
    bit(-285.1923757433891),
    bit(-359.5164222240448),
    bit(-369.01957620978357),
    [0, 1, false, 0],
    [0, 1, false, -128],
    [0, 1, false, -320],
  ],
  [
    [1, 1, [0, 1, 1, 1]],
    [-FREE, 0, [0, -1, 0, 0, 1]],
    [-FREE, 0, [0, 0, -1, 0, 0, 1]],
    [-FREE, 0, [0, 0, 0, -1, 0, 0, 1]],
    [0, 0, [-1, 0, 0, 0, 1, 1, 1]],
    [
      -FREE,
      -3888.062717354298,
      [0, -2742.9470525145525, -3778.0752244114874, -6103.0859329938885, -2304, -2304],
    ],
    [
      -FREE,
      7950.277970981598,
      [0, 1907.4217005729674, 6720.075329518318, 4611.392036890983, 5120, 3584, 4608],
    ],
  ],
);
