import { describe, expect, test } from "vitest";
import { conflictsAmong } from "../../src/coefficients/goals/conflicts.ts";
import {
  checkGoals,
  type Goal,
  type Stand,
  scoreOf,
  searchLimit,
  standOf,
} from "../../src/coefficients/goals/goal.ts";
import { limitOf, parseRequirement } from "../../src/coefficients/goals/requirement.ts";
import { type Metric, meanMetric } from "../../src/tasks/metric.ts";

const metric = (better: "higher" | "lower", unit: "share" | "number" = "share"): Metric =>
  meanMetric({ name: "it", better, unit, pooling: "mean" }, () => 0) as Metric;
const goal = (text: string, better: "higher" | "lower" = "higher"): Goal => ({
  metric: metric(better),
  require: parseRequirement(text, "test"),
  maximize: null,
});

describe("a requirement is read as people write it", () => {
  test.each([
    [">= 97%", 0.99, "share", 0.97],
    [">= dense - 1%", 0.9, "share", 0.89],
    [">= dense - 10%", -200, "number", -220],
    ["<= 1.3 * dense", 0.1, "number", 0.13],
    [">= 90% dense", 0.8, "share", 0.72],
    [">= dense - 0.5 dB", 26, "dB", 25.5],
    [">= 12.5", 26, "dB", 12.5],
    ["<= dense + 2", 3, "number", 5],
    [">= 0.8 * dense + 0.1", 0.5, "number", 0.5],
  ] as const)("%s with the dense network at %f", (text, dense, unit, limit) => {
    expect(limitOf(parseRequirement(text, "test"), dense, unit)).toBeCloseTo(limit, 12);
  });

  test.each([["97%"], [">="], [">= dense dense"], [">= much"], ["== 3"], [">= 3 +"]])(
    "'%s' is refused",
    (text) => {
      expect(() => parseRequirement(text, "test")).toThrow(
        expect.objectContaining({ code: "coefficients/requirement" }),
      );
    },
  );
});

describe("margins", () => {
  test("are 1 as the dense network and 0 at the limit, whichever side is better", () => {
    for (const [text, better, dense] of [
      [">= dense - 10%", "higher", 0.9],
      ["<= 1.5 * dense", "lower", 0.2],
    ] as const) {
      const asked = goal(text, better);
      const limit = searchLimit(asked, { searched: dense, whole: dense }) ?? Number.NaN;
      expect(standOf(asked, dense, dense, limit).margin).toBeCloseTo(1);
      expect(standOf(asked, limit, dense, limit).margin).toBeCloseTo(0);
      expect(standOf(asked, 2 * limit - dense, dense, limit).margin).toBeCloseTo(-1);
    }
  });

  test("of a fixed limit keep their sign where the dense network misses it on a few items", () => {
    const asked = goal(">= 90%");
    const limit = searchLimit(asked, { searched: 0.85, whole: 0.95 }) ?? Number.NaN;
    expect(limit).toBeCloseTo(0.8);
    expect(standOf(asked, 0.85, 0.85, limit).margin).toBeCloseTo(1);
  });

  test("of a value that is not defined are worse than any other", () => {
    expect(standOf(goal(">= 90%"), Number.NaN, 0.95, 0.9).margin).toBe(Number.NEGATIVE_INFINITY);
  });
});

test("meeting every requirement scores above missing one, whatever is maximised", () => {
  const goals = [goal(">= 50%"), { metric: metric("higher"), require: null, maximize: 1 }];
  const score = (a: number, b: number): number =>
    scoreOf(goals, [
      standOf(goals[0] as Goal, a, 0.9, 0.5),
      standOf(goals[1] as Goal, b, 0.9, null),
    ]);
  expect(score(0.51, 0.1)).toBeGreaterThan(score(0.49, 0.99));
  expect(score(0.51, 0.2)).toBeGreaterThan(score(0.9, 0.1));
  expect(score(0.4, 0.9)).toBeGreaterThan(score(0.3, 0.9));
});

describe("requirements that can't be met as they stand are refused", () => {
  test.each([
    [">= 97%", "higher", 0.9, "dense-misses"],
    ["<= 97%", "higher", 0.9, "wrong-direction"],
    [">= 97%", "higher", Number.NaN, "undefined-metric"],
  ] as const)("%s, %s, at %f", (text, better, dense, code) => {
    expect(() => checkGoals([goal(text, better)], [dense])).toThrow(
      expect.objectContaining({ code: `coefficients/${code}`, exitCode: 2 }),
    );
  });

  test("and so is asking for nothing", () => {
    expect(() => checkGoals([{ ...goal(">= 1%"), require: null }], [1])).toThrow(
      expect.objectContaining({ code: "coefficients/nothing-asked" }),
    );
  });
});

describe("requirements stand against each other", () => {
  const stands = (...margins: readonly (number | null)[]): readonly Stand[] =>
    margins.map((margin, at) => ({
      ...{ name: "abc"[at] ?? "", value: 0, dense: 1, limit: margin === null ? null : 0, margin },
    }));

  test("where subnets meet either and none meets both, and those two are named", () => {
    expect(conflictsAmong([stands(1, -1, 1), stands(-1, 0, 1)])).toEqual([["a", "b"]]);
  });

  test("not where one was never met, has no limit, or both were met once", () => {
    expect(conflictsAmong([stands(1, -1), stands(0.5, -2)])).toEqual([]);
    expect(conflictsAmong([stands(1, null), stands(-1, null)])).toEqual([]);
    expect(conflictsAmong([stands(1, -1), stands(-1, 1), stands(0, 0)])).toEqual([]);
    expect(conflictsAmong([])).toEqual([]);
  });
});
