import { expect, test } from "vitest";
import { createGlpk } from "../../solvers/glpk.ts";
import { createHighs } from "../../solvers/highs.ts";
import { randomFrom } from "../../src/core/random.ts";
import { explain } from "../../src/formulation/explain/explain.ts";
import { keptImportance, measuredSubnet } from "../../src/formulation/limits/measure.ts";
import { networkProblem } from "../../src/formulation/network/network-problem.ts";
import { selectedSubnet } from "../../src/formulation/network/selected-subnet.ts";
import { evaluate } from "../../src/formulation/problem/evaluate.ts";
import type { Problem } from "../../src/formulation/problem/problem.ts";
import { solveProblem } from "../../src/formulation/solve/solve-problem.ts";
import type { Importance } from "../../src/importance/importance.ts";
import type { JointImportance } from "../../src/importance/joint.ts";
import { pairsOf } from "../../src/importance/sensitivity/candidates.ts";
import { allSelections, enumerateProblem } from "../helpers/enumerate-problem.ts";
import { limitable } from "../helpers/limited-network.ts";
import { randomSelection } from "../helpers/random-selection.ts";
import { TRANSFORMERS } from "../helpers/transformers.ts";

const SEED = 17;
const OPTIONS = {
  ...({ step: 8, countFrom: "full", maxPrune: 0.4, protect: null } as const),
  ...{ blocks: true, layers: true, budgetMs: Number.POSITIVE_INFINITY },
};

/** A small transformer with random scores and joint tables, and its program at a share of the dense latency. */
function jointNetwork(seed: number, share: number) {
  const random = randomFrom(seed);
  const { structure, importance, table } = limitable(TRANSFORMERS.crossAttention(), 3);
  const joint = pairsOf(structure).map(([first, second]): JointImportance => {
    const lists = [first, second].map(({ size }) => [Math.ceil(size / 2), size]);
    const layer = importance.dims.find(({ dim }) => dim === second.name)?.layers[0];
    return {
      ...{ layer: layer?.layer ?? "", block: layer?.block ?? null },
      ...{ dims: [first.name, second.name], counts: lists },
      gains: [20 * random.normal(), 0, 0, 0],
    };
  });
  const scored: Importance = { ...importance, joint };
  const whole = networkProblem(structure, scored, table, OPTIONS);
  const { usage } = evaluate(whole.problem, {
    options: whole.problem.dims.map(({ counts }) => counts.length - 1),
    ...{ droppedBlocks: new Set(), droppedLayers: new Set() },
  });
  const budgetMs = share * (usage[0] ?? 0);
  const network = networkProblem(structure, scored, table, { ...OPTIONS, budgetMs });
  return { structure, scored, network };
}

test("an objective with joint tables is what is counted of the subnet", () => {
  const { structure, scored, network } = jointNetwork(SEED, 1);
  const random = randomFrom(SEED);
  let moved = 0;
  for (let draw = 0; draw < 30; draw += 1) {
    const selection = randomSelection(network.problem, random);
    const { objective } = evaluate(network.problem, selection);
    const subnet = measuredSubnet(structure, selectedSubnet(network, selection));
    expect(objective).toBeCloseTo(
      keptImportance(subnet, scored, () => true),
      8,
    );
    const alone = keptImportance(subnet, { ...scored, joint: [] }, () => true);
    if (Math.abs(alone - objective) > 1e-6) moved += 1;
  }
  expect(moved).toBeGreaterThan(5);
});

test(`presolve with HiGHS, HiGHS and GLPK alone find the enumerator's optimum (seed ${SEED})`, async () => {
  const solvers = [createHighs(), createGlpk()];
  let jointMatters = 0;
  for (const [at, share] of [0.8, 0.9, 0.96].entries()) {
    const { problem } = jointNetwork(SEED + at, share).network;
    const best = enumerateProblem(problem);
    const [highs, glpk] = solvers;
    if (highs === undefined || glpk === undefined || best === null) throw new Error("no optimum");
    for (const presolve of [undefined, false] as const) {
      for (const solver of [highs, glpk]) {
        const answer = await solveProblem(problem, [solver], { timeLimitSeconds: 60, presolve });
        expect(answer.status).toBe("optimal");
        expect(answer.objective).toBeCloseTo(best.objective, 6);
      }
    }
    const without: Problem = {
      ...problem,
      terms: problem.terms.filter(({ name }) => !name.startsWith("joint importance")),
    };
    const blind = enumerateProblem(without);
    const earned = blind === null ? 0 : evaluate(problem, blind.selection).objective;
    if (earned < best.objective - 1e-6) jointMatters += 1;
  }
  for (const solver of solvers) await solver.close();
  expect(jointMatters).toBeGreaterThan(0);
});

test("an explanation's losses are those of the enumerator", async () => {
  const { problem } = jointNetwork(SEED, 0.9).network;
  const best = enumerateProblem(problem);
  if (best === null) throw new Error("no optimum");
  const highs = createHighs();
  const explanation = await explain(problem, [highs], { selection: best.selection });
  await highs.close();
  let compared = 0;
  for (const [dim, reason] of explanation.dims.entries()) {
    for (const step of [reason.narrower, reason.wider]) {
      if (step?.loss.kind !== "exact") continue;
      const option = problem.dims[dim]?.counts.indexOf(step.count) ?? -1;
      let forced = Number.NEGATIVE_INFINITY;
      for (const selection of allSelections(problem)) {
        if (selection.options[dim] !== option) continue;
        const { objective, usage } = evaluate(problem, selection);
        if (usage.every((used, r) => used <= (problem.resources[r]?.limit ?? 0) * (1 + 1e-9))) {
          forced = Math.max(forced, objective);
        }
      }
      expect(step.loss.loss).toBeCloseTo(best.objective - forced, 6);
      compared += 1;
    }
  }
  expect(compared).toBeGreaterThan(1);
});
