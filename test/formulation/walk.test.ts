import { describe, expect, test } from "vitest";
import type { FactorGraph } from "../../src/formulation/presolve/factors/factors.ts";
import type { Slot } from "../../src/formulation/presolve/sweeps/slots.ts";
import { firstLength, walkOf, walkRows } from "../../src/formulation/presolve/sweeps/walk.ts";

/** A variable with these numbers of units. */
function counted(counts: readonly number[]): FactorGraph["variables"][number] {
  return { kind: "sum", index: -1, counts, states: [...counts.keys()] };
}

function upTo(count: number, step = 1): readonly number[] {
  return Array.from({ length: count }, (_, at) => step * (at + 1));
}

/** Three free variables, and three sums of them of which not all numbers are allowed. */
function drawn(sizes: readonly number[]): {
  readonly shape: Parameters<typeof walkOf>[0];
  readonly basis: Parameters<typeof walkOf>[1];
} {
  const variables = [
    ...sizes.map((size) => counted(upTo(size))),
    counted(upTo(sizes[0] ?? 0, 2)),
    counted(upTo(40, 3)),
    counted(upTo(90, 2)),
  ];
  const graph: FactorGraph = { variables, factors: [], links: [], resourceCount: 0 };
  const axes = [0, 3, 4, 5];
  const slot: Slot = {
    ...{ axes, outStrides: [], ownStride: 1, sizes: [], strides: [1, 100, 10_000, 1_000_000] },
    ...{ gain: null, cost: [], messages: [], table: new Float64Array() },
  };
  return {
    shape: { graph, variable: 2, axes: [0, 1], axisStrides: [1000, 1], slots: [slot] },
    basis: {
      basis: [0, 1, 2],
      derived: [
        { variable: 3, constant: 0, coefficients: [2, 0, 0] },
        { variable: 4, constant: 1, coefficients: [1, 1, 0] },
        { variable: 5, constant: 0, coefficients: [1, 0, 1] },
      ],
    },
  };
}

/** The offsets of all combinations that are allowed, by trying all. */
function byTrying({ shape, basis }: ReturnType<typeof drawn>): string[] {
  const counts = shape.graph.variables.map((variable) => variable.counts);
  const [first = [], second = [], third = []] = counts;
  const found: string[] = [];
  first.forEach((one, a) => {
    second.forEach((two, b) => {
      third.forEach((three, c) => {
        const places = basis.derived.map(({ variable, constant, coefficients }) => {
          const units = [one, two, three].reduce(
            (sum, each, at) => sum + each * (coefficients[at] ?? 0),
            constant,
          );
          return counts[variable]?.indexOf(units) ?? -1;
        });
        if (places.includes(-1)) return;
        const [d = 0, e = 0, f = 0] = places;
        found.push([a + 100 * d + 10_000 * e + 1_000_000 * f, 1000 * a + b, c].join());
      });
    });
  });
  return found.sort();
}

describe("walking over the combinations of a bucket", () => {
  test.each([
    ["in one loop", [5, 6, 7], 0],
    ["with one loop around", [30, 24, 20], 1],
    ["with two loops around", [12, 70, 80], 2],
  ] as const)("%s, it visits each that the sums allow, and no other", (_, sizes, loops) => {
    const problem = drawn(sizes);
    const walk = walkOf(problem.shape, problem.basis);
    expect(walk.outer).toHaveLength(loops);
    const visited: string[] = [];
    const length = firstLength(walk);
    // In two halves, as sweeps take turns.
    for (const [from, to] of [
      [0, length >> 1],
      [length >> 1, length],
    ] as const) {
      walkRows(walk, from, loops === 0 ? 1 : to, (row) => {
        for (let at = 0; at < row.length; at += 1) {
          visited.push(row.offsets.map((offsets) => offsets[at]).join());
        }
      });
      if (loops === 0) break;
    }
    expect(visited.sort()).toEqual(byTrying(problem));
    expect(visited.length).toBeGreaterThan(20);
  });
});
