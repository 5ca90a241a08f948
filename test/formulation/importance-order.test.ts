import { expect, test } from "vitest";
import { networkProblem } from "../../src/formulation/network/network-problem.ts";
import { rankingOf } from "../../src/formulation/network/ranking.ts";
import type { Importance } from "../../src/importance/importance.ts";
import { limitable } from "../helpers/limited-network.ts";
import { bottleneckResnet, slicePadResnet } from "../helpers/networks.ts";

test("units are kept in the order that the importance gives, and counts are worth what lies along it", () => {
  const { structure, importance } = limitable(bottleneckResnet());
  const [dim] = structure.dims.filter((candidate) => candidate.pinned === null);
  if (dim === undefined) throw new Error("no dim");
  const order = Array.from({ length: dim.size }, (_, unit) => (unit + 3) % dim.size);
  const scores = order.map((_, unit) => (unit === 3 ? 1 : unit));
  const given: Importance = {
    ...importance,
    dims: [
      { dim: dim.name, units: dim.size, order, layers: [{ layer: "l", block: null, scores }] },
    ],
  };
  const ranking = rankingOf(given, dim);
  expect(ranking.best(2)).toEqual([3, 4]);
  expect(ranking.shares[0]?.bestSum(1)).toBe(1);
  expect(ranking.shares[0]?.bestSum(2)).toBe(5);
});

test("a layer that the importance can't price is not offered for dropping", () => {
  const { structure, importance, table } = limitable(slicePadResnet());
  const options = {
    ...({ step: 4, countFrom: "zero", maxPrune: 0.9, protect: null } as const),
    ...{ blocks: true, layers: true, budgetMs: 1 },
  };
  const { problem } = networkProblem(structure, importance, table, options);
  const names = problem.layers.map((layer) => layer.name);
  expect(names.length).toBeGreaterThan(1);
  const unpricedLayers = names.slice(0, 1);
  const less = networkProblem(structure, { ...importance, unpricedLayers }, table, options);
  expect(less.problem.layers.map((layer) => layer.name)).toEqual(names.slice(1));
});
