import { afterAll, expect, test } from "vitest";
import { createHighs } from "../../../solvers/highs.ts";
import { readInstance } from "../../../src/authors/read-instance.ts";
import { InfeasibleError } from "../../../src/core/errors.ts";
import { withoutDrops } from "../../../src/formulation/baselines/channels-only.ts";
import { keeping } from "../../../src/formulation/baselines/meter.ts";
import { type MethodAnswer, parseMethod } from "../../../src/formulation/baselines/method.ts";
import { runMethod } from "../../../src/formulation/baselines/run-method.ts";
import { instanceWrittenAxes } from "../../../src/formulation/baselines/written-axes.ts";
import {
  checkSelection,
  evaluate,
  isWithinLimit,
} from "../../../src/formulation/problem/evaluate.ts";
import type { Problem } from "../../../src/formulation/problem/problem.ts";
import { allSelections, enumerateProblem } from "../../helpers/enumerate-problem.ts";
import { randomProblem } from "../../helpers/random-problem.ts";
import { sharedPath } from "../../helpers/shared.ts";
import { chainProblem } from "./chain-problem.ts";

const highs = createHighs();
afterAll(() => highs.close());

async function run(
  problem: Problem,
  method: string,
  isMatched = true,
): Promise<MethodAnswer | null> {
  const written = instanceWrittenAxes(problem);
  try {
    return await runMethod(problem, parseMethod(method), [highs], { written, isMatched });
  } catch (error) {
    if (error instanceof InfeasibleError) return null;
    throw error;
  }
}

const BASELINES = ["linear-latency", "linear-latency:4", "uniform", "global-threshold"];

const chains = [0.35, 0.5, 0.7, 1.2].flatMap((share) =>
  [1, 2, 3, 4].map((seed) => chainProblem(seed, share)),
);
const problems = [...Array.from({ length: 12 }, (_, seed) => randomProblem(seed + 100)), ...chains];

/** The most that any selection earns, by trying all; minus infinity where none fits. */
const mostOf = (problem: Problem): number =>
  enumerateProblem(problem)?.objective ?? Number.NEGATIVE_INFINITY;

test("mdp and channels-only earn what trying all selections finds, with and without drops", async () => {
  for (const problem of chains) {
    const earned = async (method: string): Promise<number> =>
      (await run(problem, method))?.answer.objective ?? Number.NEGATIVE_INFINITY;
    expect(await earned("mdp")).toBe(mostOf(problem));
    expect(await earned("channels-only")).toBe(mostOf(withoutDrops(problem)));
    expect(mostOf(problem)).toBeGreaterThanOrEqual(mostOf(withoutDrops(problem)));
  }
});

test("no baseline beats the best selection that drops nothing, and all keep the limits", async () => {
  let answers = 0;
  for (const problem of problems) {
    const most = mostOf(withoutDrops(problem));
    for (const method of BASELINES) {
      const found = await run(problem, method);
      if (found === null) continue;
      answers += 1;
      const { selection, objective } = found.answer;
      checkSelection(problem, selection, objective);
      expect(selection.droppedBlocks.size + selection.droppedLayers.size).toBe(0);
      expect(objective).toBeLessThanOrEqual(most + 1e-9);
    }
  }
  expect(answers).toBeGreaterThan(60);
});

test("linear-latency as published is the optimum of its own model, by enumeration", async () => {
  let compared = 0;
  for (let seed = 1; seed <= 30; seed += 1) {
    const problem = chainProblem(seed, 0.6);
    // The cost of each layer at its own width, its input as wide as it was.
    const own = (options: readonly number[]): number =>
      problem.terms.reduce((sum, { axes, cost }) => {
        const [written, read] = axes;
        const table = cost[0];
        if (table == null || written === undefined) return sum;
        const inputs = read === undefined ? 1 : (problem.dims[read.index]?.counts.length ?? 1);
        return sum + (table[(options[written.index] ?? 0) * inputs + inputs - 1] ?? Number.NaN);
      }, 0);
    const limit = problem.resources[0]?.limit ?? 0;
    const best = [...allSelections(withoutDrops(problem))]
      .filter(({ options }) => isWithinLimit(own(options), limit))
      .map(({ options }) => evaluate(problem, keeping(options)).objective)
      .reduce((most, objective) => Math.max(most, objective), Number.NEGATIVE_INFINITY);
    const found = await run(problem, "linear-latency");
    const published = found?.own?.asPublished ?? null;
    expect(published?.objective ?? Number.NEGATIVE_INFINITY).toBe(best);
    if (published === null) continue;
    compared += 1;
    expect(published.ownUsage[0]).toBeCloseTo(own(published.selection.options), 6);
    expect(found?.own?.usage[0]).toBeCloseTo(own(found?.answer.selection.options ?? []), 6);
  }
  expect(compared).toBeGreaterThan(20);
});

test("linear-latency uses at least as much of the budget when it is matched, and earns no less", async () => {
  for (let seed = 1; seed <= 10; seed += 1) {
    const problem = chainProblem(seed, 0.6);
    const asPublished = await run(problem, "linear-latency", false);
    const matched = await run(problem, "linear-latency", true);
    if (asPublished === null || matched === null) continue;
    expect(matched.answer.objective).toBeGreaterThanOrEqual(asPublished.answer.objective);
    expect(asPublished.answer.notes.join(" ")).toContain("predicted");
  }
});

test("linear-latency stops when its time is over or the user wants no more", async () => {
  const problem = chainProblem(3, 0.5);
  const wanted = { written: instanceWrittenAxes(problem), isMatched: true };
  const method = parseMethod("linear-latency:5");
  await expect(
    runMethod(problem, method, [highs], { ...wanted, timeLimitSeconds: 1e-9 }),
  ).rejects.toMatchObject({ code: "formulation/no-answer-in-time", exitCode: 5 });
  await expect(
    runMethod(problem, method, [highs], { ...wanted, signal: AbortSignal.abort() }),
  ).rejects.toMatchObject({ code: "formulation/interrupted", exitCode: 130 });
});

test("where everything fits every method keeps everything", async () => {
  const problem = chainProblem(7, 1);
  const dense = evaluate(problem, keeping(problem.dims.map(({ counts }) => counts.length - 1)));
  for (const method of ["channels-only", ...BASELINES]) {
    const found = await run(problem, method);
    expect(found?.answer.objective, method).toBe(dense.objective);
  }
});

test("steps let the linear model follow the inputs: on a published instance it keeps more of its promise", async (context) => {
  const path = sharedPath("synthetic-instances/r50-8-b50-s1.json");
  if (path === null) return context.skip("shared/synthetic-instances is not here");
  const { problem } = readInstance(path);
  const at = async (method: string): Promise<number> => {
    const found = await run(problem, method, false);
    const published = found?.own?.asPublished;
    return (published?.usage[0] ?? 0) / (published?.ownUsage[0] ?? 1);
  };
  const once = await at("linear-latency");
  const stepwise = await at("linear-latency:10");
  expect(once).toBeLessThan(0.7);
  expect(stepwise).toBeGreaterThan(0.9);
});
