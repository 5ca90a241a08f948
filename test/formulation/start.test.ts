import fc from "fast-check";
import { expect, test } from "vitest";
import { checkSelection } from "../../src/formulation/problem/evaluate.ts";
import { startingSelection } from "../../src/formulation/solve/start.ts";
import { enumerateProblem } from "../helpers/enumerate-problem.ts";
import { randomProblem } from "../helpers/random-problem.ts";
import { residual, withLimit } from "./programs.ts";

test("a start keeps every rule and limit of random programs, and is there for most that have an answer", () => {
  let found = 0;
  let missed = 0;
  let optimal = 0;
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e9 }), (seed) => {
      const problem = randomProblem(seed);
      const best = enumerateProblem(problem);
      const start = startingSelection(problem);
      if (start === null) {
        if (best !== null) missed += 1;
        return;
      }
      found += 1;
      const { objective } = checkSelection(problem, start);
      const most = best?.objective ?? Number.NEGATIVE_INFINITY;
      expect(objective).toBeLessThanOrEqual(most + 1e-9);
      if (objective >= most - 1e-9) optimal += 1;
    }),
    { seed: 7, numRuns: 320 },
  );
  expect(found).toBeGreaterThan(150);
  // Those that need a dropped layer, or trade one resource for another.
  expect(missed).toBeLessThan(found / 2);
  expect(optimal).toBeGreaterThan(found / 4);
});

test("without a binding limit the start is the whole network", () => {
  const start = startingSelection(withLimit(residual, 1e6));
  expect(start?.droppedBlocks.size).toBe(0);
  expect(start?.options).toEqual(residual.dims.map(({ counts }) => counts.length - 1));
});

test("a limit that nothing meets has no start", () => {
  expect(startingSelection(withLimit(residual, 1e-6))).toBeNull();
  expect(startingSelection(withLimit(residual, 0))).toBeNull();
});
