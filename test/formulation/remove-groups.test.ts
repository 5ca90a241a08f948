import { expect, test } from "vitest";
import { removeGroups } from "../../src/formulation/presolve/coarse/remove-groups.ts";
import { buildFactors } from "../../src/formulation/presolve/factors/build-factors.ts";
import { startSearch } from "../../src/formulation/presolve/search-state.ts";
import type { Problem } from "../../src/formulation/problem/problem.ts";

const counts = Array.from({ length: 48 }, (_, at) => at + 1);
/** A unit earns 1 and costs 1: with a limit of 20, 20 units are the best. */
const problem: Problem = {
  name: "units",
  dims: [{ name: "dim", counts, block: null }],
  sums: [],
  blocks: [],
  layers: [],
  exclusiveLayers: [],
  terms: [
    {
      name: "units",
      block: null,
      layer: null,
      axes: [{ kind: "dim", index: 0 }],
      gain: Float64Array.from(counts),
      cost: [Float64Array.from(counts)],
    },
  ],
  resources: [{ name: "cost", unit: "", limit: 20 }],
};

async function left(known: number): Promise<readonly number[]> {
  const search = startSearch(problem, buildFactors(problem), { mustStop: () => false });
  search.incumbent = { states: Int32Array.of(known - 1), worth: known, cost: [known] };
  await removeGroups(search, [1]);
  return search.graph.variables[0]?.states ?? [];
}

test("where no group holds a better point, the best known one's states alone stay", async () => {
  expect(await left(20)).toEqual([19]);
});

test("where a better point is left, its states stay beside the best known one's", async () => {
  expect(await left(17)).toEqual(expect.arrayContaining([16, 19]));
});
