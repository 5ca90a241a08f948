import { afterAll, describe, expect, test } from "vitest";
import { createHighs } from "../../solvers/highs.ts";
import { randomFrom } from "../../src/core/random.ts";
import { createMaster } from "../../src/formulation/presolve/multipliers/master.ts";
import { createModelBuilder } from "../../src/mip/builder.ts";

const solver = createHighs();
afterAll(() => solver.close());

interface Drawn {
  readonly points: readonly { readonly gain: number; readonly excess: readonly number[] }[];
  readonly rows: number;
}

/** Points of which the first is within all rows. */
function drawn(seed: number): Drawn {
  const random = randomFrom(seed);
  const rows = 1 + random.integer(3);
  const points = Array.from({ length: 2 + random.integer(12) }, (_, at) => ({
    gain: random.next() * (at === 0 ? 0.2 : 1),
    excess: Array.from({ length: rows }, () => (at === 0 ? -random.next() : random.normal())),
  }));
  return { points, rows };
}

/** The same program by HiGHS. */
async function byHighs({ points, rows }: Drawn): Promise<number> {
  const builder = createModelBuilder("mixture", "maximize");
  for (const [at, { gain }] of points.entries()) {
    builder.addObjective(builder.column(0, Number.POSITIVE_INFINITY, false, `a${at}`), gain);
  }
  for (let row = 0; row < rows; row += 1) {
    builder.row(Number.NEGATIVE_INFINITY, 0, `r${row}`);
    points.forEach(({ excess }, column) => {
      builder.entry(column, excess[row] ?? 0);
    });
  }
  builder.row(1, 1, "one");
  for (const column of points.keys()) builder.entry(column, 1);
  const outcome = await solver.solve(builder.build());
  if (outcome.status !== "optimal") throw new Error(outcome.status);
  return outcome.objective;
}

describe("the best mixture of points", () => {
  test("is that of HiGHS, and its multipliers prove it, on 60 programs", async () => {
    for (let seed = 1; seed <= 60; seed += 1) {
      const problem = drawn(seed);
      const master = createMaster(problem.rows, [], 1);
      for (const { gain, excess } of problem.points) master.add(gain, excess);
      const { value, duals } = master.solve();
      expect(value, `seed ${seed}`).toBeCloseTo(await byHighs(problem), 8);
      const bound = Math.max(
        ...problem.points.map(({ gain, excess }) =>
          excess.reduce((sum, each, row) => sum - each * (duals[row] ?? 0), gain),
        ),
      );
      expect(bound, `seed ${seed}`).toBeCloseTo(value, 8);
      expect(Math.min(...duals)).toBeGreaterThanOrEqual(0);
    }
  });

  test("buys excess where that pays, and no more than it is worth", () => {
    const priced = createMaster(1, [{ rows: [0], price: 0.3 }], 1);
    priced.add(0, [-1]);
    priced.add(1, [1]);
    // One unit of excess costs 0.3; without it, half of each point is worth 0.5.
    expect(priced.solve().value).toBeCloseTo(0.7, 10);
    expect(priced.solve().duals).toEqual([expect.closeTo(0.3, 10)]);
    const dear = createMaster(1, [{ rows: [0], price: 2 }], 1);
    dear.add(0, [-1]);
    dear.add(1, [1]);
    expect(dear.solve().value).toBeCloseTo(0.5, 10);
  });

  test("has no value before it has a point", () => {
    expect(createMaster(1, [], 1).solve().duals).toEqual([0]);
  });
});
