import { describe, expect, test } from "vitest";
import { SILENT } from "../../../src/core/progress.ts";
import { randomFrom } from "../../../src/core/random.ts";
import { levelsOf, measuredCounts } from "../../../src/formulation/sparsity/levels.ts";
import { lampScores, ratesByRule } from "../../../src/formulation/sparsity/rates.ts";
import { bytesPerElementAt } from "../../../src/formulation/sparsity/sparse-problem.ts";
import type { WeightDamages } from "../../../src/importance/sparse/damages.ts";
import {
  densitiesByProgram,
  levelledWeights,
} from "../../../src/pipeline/sparsify/choose-densities.ts";
import type { CheckedRequest } from "../../../src/pipeline/sparsify/request.ts";
import { findStructure } from "../../../src/structure/find-structure.ts";
import { matrixOf, sparseWeights, weightCount } from "../../../src/subnet/sparse/weights.ts";
import { flattenVgg } from "../../helpers/networks.ts";

const structure = findStructure(flattenVgg());
const { weights } = sparseWeights(structure);
const context = {
  progress: SILENT,
  signal: new AbortController().signal,
  commandLine: "test",
  onEvent: () => {},
};

function request(limit: readonly string[], sparsity: number | null): CheckedRequest {
  return {
    limits: { limit, soft: [], penalty: [], minimize: null },
    ...{ components: new Map(), score: "magnitude", rates: "program", repair: "none" },
    ...{ format: "zeros", keepDense: null, images: 1, measured: 1, batch: 2, labels: "self" },
    ...{
      ridge: 0,
      looks: 1,
      rounds: 1,
      passes: 1,
      refine: 0,
      damage: "squares",
      memory: 1,
      seed: 0,
      threads: 1,
    },
    pattern: { kind: "none" },
    sparsity,
  };
}

/** Two options per weight with damages of their own; the program's levels lie between them. */
function measured(seed: number): readonly WeightDamages[] {
  const random = randomFrom(seed);
  return weights.map((weight) => {
    const count = weightCount(weight);
    const options = [0.1, 0.4].map((share) => ({
      kept: Math.ceil(share * count),
      pattern: { kind: "none" } as const,
    }));
    return { weight, options, damages: [1 + random.next(), random.next()], repaired: false };
  });
}

interface Counted {
  readonly kept: readonly number[];
  readonly damage: number;
}

/** Every combination of levels, by a loop that knows no program. */
function* combinations(seed: number): Generator<Counted> {
  const levels = levelledWeights(weights, measured(seed), { kind: "none" }).map(
    (each) => each.levels,
  );
  const walk = function* (index: number, so: Counted): Generator<Counted> {
    const own = levels[index];
    if (own === undefined) {
      yield so;
      return;
    }
    for (const { kept, damage } of own)
      yield* walk(index + 1, { kept: [...so.kept, kept], damage: so.damage + damage });
  };
  yield* walk(0, { kept: [], damage: 0 });
}

const total = weights.reduce((sum, weight) => sum + weightCount(weight), 0);
const sumOf = (kept: readonly number[]): number => kept.reduce((sum, count) => sum + count, 0);

describe.each([1, 2, 3])("rates by the program, random damages %i", (seed) => {
  test("are the best of all combinations within a share", async () => {
    let best = Number.POSITIVE_INFINITY;
    for (const { kept, damage } of combinations(seed))
      if (sumOf(kept) <= 0.35 * total) best = Math.min(best, damage);
    const chosen = await densitiesByProgram(
      structure,
      weights,
      measured(seed),
      request([], 0.65),
      context,
    );
    const damage = [...chosen.damages.values()].reduce((sum, value) => sum + value, 0);
    expect(damage).toBeCloseTo(best, 9);
    expect(sumOf([...chosen.kept.values()])).toBeLessThanOrEqual(0.35 * total);
    expect(chosen.program?.answer.status).toBe("optimal");
  });

  test("keep several limits at once, from below too", async () => {
    const [first] = weights;
    const label = first?.layers[0]?.name ?? "";
    const bytes = (kept: readonly number[]): number =>
      kept.reduce((sum, count, index) => {
        const whole = weightCount(weights[index] as never);
        return sum + whole * bytesPerElementAt("zeros", count / whole);
      }, 0);
    const sparseBytes = 4 * total;
    let best = Number.POSITIVE_INFINITY;
    for (const { kept, damage } of combinations(seed)) {
      const holds =
        bytes(kept) <= 0.5 * sparseBytes &&
        (kept[0] ?? 0) >= 0.6 * weightCount(first as never) &&
        sumOf(kept) <= 0.4 * total;
      if (holds) best = Math.min(best, damage);
    }
    // All constants count as bytes: those that are no layer's weight come on top of both sides.
    const chosen = await densitiesByProgram(
      structure,
      weights,
      measured(seed),
      request([`nonzeros('^${label}$') >= 60%`, "nonzeros <= 40%"], null),
      context,
    );
    expect(chosen.kept.get(first?.name ?? "")).toBeGreaterThanOrEqual(
      0.6 * weightCount(first as never),
    );
    const damage = [...chosen.damages.values()].reduce((sum, value) => sum + value, 0);
    expect(damage).toBeLessThanOrEqual(best + 1e-9);
    expect(chosen.program?.limits).toHaveLength(2);
  });
});

test("a share that no levels meet is an infeasible limit with the nearest one", async () => {
  const asked = densitiesByProgram(structure, weights, measured(1), request([], 0.99), context);
  await expect(asked).rejects.toThrowError(
    expect.objectContaining({ code: "formulation/infeasible", exitCode: 4 }),
  );
});

test("a layer that no name matches is an error that shows the place", async () => {
  const asked = densitiesByProgram(
    ...([
      structure,
      weights,
      measured(1),
      request(["nonzeros('nosuch') >= 30%"], null),
      context,
    ] as const),
  );
  await expect(asked).rejects.toThrowError(
    expect.objectContaining({ code: "formulation/limit-name", exitCode: 2 }),
  );
});

describe("rates by rule", () => {
  const scored = weights.map((weight) => {
    const values = matrixOf(weight);
    return { weight, values, scores: Float64Array.from(values, Math.abs) };
  });

  test.each(["global", "uniform", "erk", "lamp"] as const)("%s keep the asked total", (rule) => {
    for (const share of [0.9, 0.5, 0.1]) {
      const kept = ratesByRule(rule, scored, share * total);
      expect(Math.abs(sumOf(kept) - share * total)).toBeLessThanOrEqual(weights.length);
      for (const [index, count] of kept.entries())
        expect(count).toBeLessThanOrEqual(weightCount(weights[index] as never));
    }
  });

  test("LAMP gives the largest weight of a layer 1, and each other its share of those not smaller", () => {
    const scores = lampScores(Float32Array.of(1, -3, 2));
    expect([...scores]).toEqual([1 / 14, 1, 4 / 13]);
  });
});

test("levels lie between what was measured, and never damage more where more stays", () => {
  const levels = levelsOf(1000, [
    { kept: 100, damage: 0.2 },
    { kept: 300, damage: 0.3 },
    { kept: 600, damage: 0.01 },
  ]);
  expect(levels[0]).toEqual({ kept: 100, damage: 0.2 });
  expect(levels.at(-1)).toEqual({ kept: 1000, damage: 0 });
  for (const [index, level] of levels.entries()) {
    const before = levels[index - 1];
    if (before === undefined) continue;
    expect(level.kept).toBeGreaterThan(before.kept);
    expect(level.damage).toBeLessThanOrEqual(before.damage);
  }
  expect(measuredCounts(7, null).every((kept) => kept >= 1 && kept < 7)).toBe(true);
});
