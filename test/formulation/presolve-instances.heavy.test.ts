import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { createHighs } from "../../solvers/highs.ts";
import { readInstance } from "../../src/authors/read-instance.ts";
import { randomFrom } from "../../src/core/random.ts";
import { foldTriangles } from "../../src/formulation/presolve/shrinking/fold.ts";
import { evaluate } from "../../src/formulation/problem/evaluate.ts";
import type { Problem, ProblemTerm } from "../../src/formulation/problem/problem.ts";
import { solveProblem } from "../../src/formulation/solve/solve-problem.ts";
import { allSelections } from "../helpers/enumerate-problem.ts";
import { sharedPath } from "../helpers/shared.ts";

const highs = createHighs();
afterAll(() => highs.close());

test("one table over three dims earns and costs what the three over pairs did", () => {
  const random = randomFrom(3);
  const counts = [2, 3, 4].map((length) => Array.from({ length }, (_, k) => k + 1));
  const pair = (one: number, other: number): ProblemTerm => {
    const size = (counts[one]?.length ?? 0) * (counts[other]?.length ?? 0);
    const table = (): Float64Array => Float64Array.from({ length: size }, () => random.integer(99));
    return {
      name: `${one}-${other}`,
      block: 0,
      layer: null,
      axes: [one, other].map((index) => ({ kind: "dim", index })),
      gain: random.next() < 0.5 ? table() : null,
      cost: [table(), null],
    };
  };
  const limit = Number.POSITIVE_INFINITY;
  const problem: Problem = {
    name: "triangle",
    dims: counts.map((each, index) => ({
      name: `${index}`,
      counts: each,
      block: index === 0 ? null : 0,
    })),
    sums: [],
    blocks: [{ name: "b", parent: null }],
    layers: [],
    exclusiveLayers: [],
    terms: [pair(1, 0), pair(1, 2), pair(2, 1), pair(0, 2)],
    resources: [
      { name: "ms", unit: "", limit },
      { name: "bytes", unit: "", limit },
    ],
  };
  const folded = foldTriangles(problem);
  expect(folded.terms).toHaveLength(1);
  for (const selection of allSelections(problem)) {
    expect(evaluate(folded, selection)).toEqual(evaluate(problem, selection));
  }
});

describe("published and synthetic instances", () => {
  const folder = sharedPath("synthetic-instances");
  const names = folder === null ? [] : readdirSync(folder).filter((name) => name.endsWith(".json"));

  test.skipIf(folder === null)(
    "the 7 synthetic ones are proven at their reference (needs ../shared/synthetic-instances)",
    async () => {
      expect(names).toHaveLength(7);
      for (const name of names) {
        const { problem, reference } = readInstance(join(folder ?? "", name));
        const answer = await solveProblem(problem, [highs]);
        expect(answer, name).toMatchObject({ status: "optimal", gap: 0, solver: "highs" });
        expect(answer.objective, name).toBeCloseTo(reference.optimum ?? Number.NaN, 6);
      }
    },
  );
});
