import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { createHighs } from "../../../solvers/highs.ts";
import { InfeasibleError } from "../../../src/core/errors.ts";
import { explain } from "../../../src/formulation/explain/explain.ts";
import type { Explanation, Loss } from "../../../src/formulation/explain/explanation.ts";
import { type Choice, forceChoice, makesChoice } from "../../../src/formulation/explain/forced.ts";
import { evaluate, isWithinLimit } from "../../../src/formulation/problem/evaluate.ts";
import type { Problem, Selection } from "../../../src/formulation/problem/problem.ts";
import { checkProblem } from "../../../src/formulation/problem/problem-check.ts";
import { allSelections, enumerateProblem } from "../../helpers/enumerate-problem.ts";
import { randomProblem } from "../../helpers/random-problem.ts";

const highs = createHighs();
afterAll(() => highs.close());
const seeds = fc.integer({ min: 0, max: 1e9 });

/** Every choice there is in a problem. */
function allChoices(problem: Problem): Choice[] {
  return [
    ...problem.dims.flatMap(({ counts }, dim) =>
      counts.map((_, option): Choice => ({ kind: "option", dim, option })),
    ),
    ...problem.blocks.flatMap((_, block): Choice[] =>
      [true, false].map((kept) => ({ kind: "block", block, kept })),
    ),
    ...problem.layers.flatMap((_, layer): Choice[] =>
      [true, false].map((kept) => ({ kind: "layer", layer, kept })),
    ),
  ];
}

/** The most that a selection within the limits earns that makes a choice, by trying all; null where there is none. */
function forcedOptimum(problem: Problem, choice: Choice): number | null {
  let best: number | null = null;
  for (const selection of allSelections(problem)) {
    if (!makesChoice(selection, choice) || isInDroppedBlock(problem, selection, choice)) continue;
    const { objective, usage } = evaluate(problem, selection);
    const fits = problem.resources.every(({ limit }, r) => isWithinLimit(usage[r] ?? 0, limit));
    if (fits && (best === null || objective > best)) best = objective;
  }
  return best;
}

/** A layer that "stands" in a dropped block is no choice of its own. */
function isInDroppedBlock(problem: Problem, { droppedBlocks }: Selection, choice: Choice): boolean {
  const block = choice.kind === "layer" ? problem.layers[choice.layer]?.block : null;
  return block !== null && block !== undefined && droppedBlocks.has(block);
}

/** What the best selection of the forced problem earns, null where it doesn't make the choice either. */
function bestOfForced(problem: Problem, choice: Choice): number | null {
  const shrunk = forceChoice(problem, choice);
  if (shrunk === null) throw new Error("nothing was removed before");
  checkProblem(shrunk.problem);
  const small = enumerateProblem(shrunk.problem);
  if (small === null) return null;
  const selection = shrunk.lift(small.selection);
  return makesChoice(selection, choice) ? evaluate(problem, selection).objective : null;
}

describe("a forced choice", () => {
  test("leaves a problem whose best selection is the best of those that make it", () => {
    let compared = 0;
    fc.assert(
      fc.property(seeds, (seed) => {
        const problem = randomProblem(seed);
        for (const choice of allChoices(problem)) {
          const found = bestOfForced(problem, choice);
          const optimum = forcedOptimum(problem, choice);
          expect(found ?? Number.NEGATIVE_INFINITY).toBeCloseTo(
            optimum ?? Number.NEGATIVE_INFINITY,
            9,
          );
          compared += 1;
        }
      }),
      { seed: 20, numRuns: 150 },
    );
    expect(compared).toBeGreaterThan(1000);
  });
});

/** What is asked of every loss at an optimum, against trying all selections. */
function expectLoss(problem: Problem, optimum: number, choice: Choice, loss: Loss): void {
  const forced = forcedOptimum(problem, choice);
  if (forced === null) expect(loss).toEqual({ kind: "impossible" });
  else {
    expect(loss.kind).toBe("exact");
    if (loss.kind !== "exact") return;
    expect(loss.loss).toBeCloseTo(optimum - forced, 8);
    expect(loss.loss).toBeGreaterThanOrEqual(0);
  }
}

async function explained(problem: Problem): Promise<Explanation | null> {
  try {
    return await explain(problem, [highs]);
  } catch (error) {
    if (error instanceof InfeasibleError) return null;
    throw error;
  }
}

describe("explain", () => {
  test("gives every step, block and layer the loss that trying all selections gives, never below 0", async () => {
    let losses = 0;
    let explanations = 0;
    await fc.assert(
      fc.asyncProperty(seeds, async (seed) => {
        const problem = randomProblem(seed);
        const optimum = enumerateProblem(problem);
        const found = await explained(problem);
        if (optimum === null || found === null) {
          expect(found).toBe(null);
          expect(optimum).toBe(null);
          return;
        }
        explanations += 1;
        expect(found.objective).toBeCloseTo(optimum.objective, 9);
        found.dims.forEach(({ narrower, wider }, dim) => {
          const counts = problem.dims[dim]?.counts ?? [];
          for (const step of [narrower, wider]) {
            if (step === null) continue;
            const option = counts.indexOf(step.count);
            losses += 1;
            expectLoss(problem, found.objective, { kind: "option", dim, option }, step.loss);
          }
        });
        for (const { name, kept, loss } of found.blocks) {
          const block = problem.blocks.findIndex((each) => each.name === name);
          losses += 1;
          expectLoss(problem, found.objective, { kind: "block", block, kept: !kept }, loss);
        }
        for (const { name, kept, loss } of found.layers) {
          const layer = problem.layers.findIndex((each) => each.name === name);
          losses += 1;
          expectLoss(problem, found.objective, { kind: "layer", layer, kept: !kept }, loss);
        }
      }),
      { seed: 21, numRuns: 25 },
    );
    expect(explanations).toBeGreaterThan(10);
    expect(losses).toBeGreaterThan(40);
  });
});
