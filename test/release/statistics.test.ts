import { describe, expect, test } from "vitest";
import type { Goal } from "../../src/coefficients/goals/goal.ts";
import { parseRequirement } from "../../src/coefficients/goals/requirement.ts";
import { randomFrom } from "../../src/core/random.ts";
import { alphaOf, judgeGate } from "../../src/release/gate.ts";
import {
  chiSquared,
  chiSquaredTail,
  holm,
  kolmogorovSmirnov,
  kolmogorovTail,
} from "../../src/release/two-sample.ts";
import { type Metric, meanMetric } from "../../src/tasks/metric.ts";

describe("distributions have the values of published tables", () => {
  // Abramowitz and Stegun, table 26.8: the 5 % and 1 % points of chi-squared.
  test.each([
    [1, 3.841, 0.05],
    [1, 6.635, 0.01],
    [5, 11.07, 0.05],
    [10, 18.307, 0.05],
    [30, 50.892, 0.01],
    [100, 124.342, 0.05],
  ])("chi-squared with %i degrees at %f", (degrees, x, tail) => {
    expect(chiSquaredTail(x, degrees)).toBeCloseTo(tail, 4);
  });

  // Smirnov 1948: P(K > 1.358) = 0.05, P(K > 1.628) = 0.01, P(K > 1.224) = 0.1.
  test.each([
    [1.224, 0.1],
    [1.358, 0.05],
    [1.628, 0.01],
  ])("Kolmogorov's at %f", (x, tail) => {
    expect(kolmogorovTail(x)).toBeCloseTo(tail, 3);
  });
});

test("Holm's correction is that of a worked example", () => {
  const adjusted = holm([0.01, 0.04, 0.03, 0.005]);
  expect(adjusted.map((p) => Number(p.toFixed(4)))).toEqual([0.03, 0.06, 0.06, 0.02]);
});

describe("two-sample tests", () => {
  test("raise a false alarm about as often as they say, and see a shift", () => {
    const random = randomFrom(3);
    let [alarms, seen, mixed] = [0, 0, 0];
    for (let draw = 0; draw < 400; draw += 1) {
      const sample = (shift: number): number[] =>
        Array.from({ length: 150 }, () => random.normal() + shift);
      if (kolmogorovSmirnov(sample(0), sample(0)).p < 0.05) alarms += 1;
      if (kolmogorovSmirnov(sample(0), sample(0.5)).p < 0.05) seen += 1;
      const counts = (): number[] => {
        const list = [0, 0, 0, 0];
        for (let k = 0; k < 200; k += 1) {
          const at = random.integer(4);
          list[at] = (list[at] ?? 0) + 1;
        }
        return list;
      };
      if (chiSquared(counts(), counts()).p < 0.05) mixed += 1;
    }
    expect(alarms / 400).toBeLessThan(0.08);
    expect(mixed / 400).toBeLessThan(0.08);
    expect(seen / 400).toBeGreaterThan(0.9);
  });

  test("say nothing of lists of one class", () => {
    expect(chiSquared([30], [40])).toEqual({ statistic: 0, p: 1 });
  });
});

describe("tests against one fixed reference", () => {
  const [references, size, samples, doubt] = [40, 150, 400, 0.05];

  /** Draws references, takes the one that is farthest from the truth among all but the worst two, and counts its false alarms. */
  function alarmsOf<Sample>(
    draw: (count: number) => Sample,
    distance: (reference: Sample) => number,
    p: (reference: Sample, now: Sample, doubt?: number) => number,
  ): { readonly plain: number; readonly fixed: number } {
    const drawn = Array.from({ length: references }, () => draw(size));
    const [, , odd] = drawn.sort((a, b) => distance(b) - distance(a));
    if (odd === undefined) throw new Error("no reference");
    let [plain, fixed] = [0, 0];
    for (let at = 0; at < samples; at += 1) {
      const now = draw(1200);
      if (p(odd, now) < 0.05) plain += 1;
      if (p(odd, now, doubt) < 0.05) fixed += 1;
    }
    return { plain: plain / samples, fixed: fixed / samples };
  }

  test("keep their rate of false alarms where the reference is an odd one, and a plain test does not: numbers", () => {
    const random = randomFrom(4);
    // Of an even distribution, whose distribution function is the identity.
    const off = (list: readonly number[]): number =>
      [...list]
        .sort((a, b) => a - b)
        .reduce((most, value, at) => Math.max(most, Math.abs((at + 0.5) / list.length - value)), 0);
    const { plain, fixed } = alarmsOf(
      (count) => Array.from({ length: count }, () => random.next()),
      off,
      (reference, now, given) => kolmogorovSmirnov(reference, now, given).p,
    );
    expect(plain).toBeGreaterThan(0.1);
    expect(fixed).toBeLessThan(0.05);
  });

  test("keep it for classes too", () => {
    const random = randomFrom(6);
    const shares = [0.7, 0.15, 0.1, 0.05];
    const draw = (count: number): number[] => {
      const counts = shares.map(() => 0);
      for (let item = 0; item < count; item += 1) {
        let rest = random.next();
        const label = shares.findIndex((share) => {
          rest -= share;
          return rest < 0;
        });
        counts[Math.max(label, 0)] = (counts[Math.max(label, 0)] ?? 0) + 1;
      }
      return counts;
    };
    const off = (counts: readonly number[]): number =>
      counts.reduce((sum, count, at) => {
        const expected = (shares[at] ?? 0) * size;
        return sum + (count - expected) ** 2 / expected;
      }, 0);
    const { plain, fixed } = alarmsOf(draw, off, (a, b, given) => chiSquared(a, b, given).p);
    expect(plain).toBeGreaterThan(0.08);
    expect(fixed).toBeLessThan(0.05);
  });

  test("still see what changed", () => {
    const random = randomFrom(9);
    const draw = (count: number, shift: number): number[] =>
      Array.from({ length: count }, () => random.normal() + shift);
    expect(kolmogorovSmirnov(draw(2000, 0), draw(300, 0.5), doubt).p).toBeLessThan(0.001);
    expect(chiSquared([1400, 300, 200, 100], [174, 36, 72, 18], doubt).p).toBeLessThan(0.01);
  });
});

const score = meanMetric(
  { name: "score", better: "higher", unit: "number", pooling: "mean" },
  () => 0,
) as Metric;
const rate = meanMetric(
  { name: "rate", better: "higher", unit: "share", pooling: "rate" },
  () => 0,
) as Metric;
const goalOf = (metric: Metric, text: string): Goal => ({
  metric,
  require: parseRequirement(text, "test"),
  maximize: null,
});

describe("the gate", () => {
  test("spends at most its error rate over all tries", () => {
    let sum = 0;
    for (let attempt = 1; attempt < 100000; attempt += 1) sum += alphaOf(0.05, attempt);
    expect(sum).toBeLessThan(0.05);
    expect(sum).toBeGreaterThan(0.0499);
    expect(alphaOf(0.05, 1)).toBeCloseTo(0.0475, 12);
    expect(alphaOf(0.05, 2)).toBeCloseTo(4 * alphaOf(0.05, 3), 12);
  });

  test("passes what is clearly good, misses what is clearly bad, and says what it can't decide", () => {
    const dense = Array.from({ length: 400 }, (_, item) => Math.sin(item));
    const worse = (by: number): number[] =>
      dense.map((value, item) => value - by + 0.3 * Math.cos(7 * item));
    const verdict = (by: number, text = ">= dense - 0.1"): string =>
      judgeGate([goalOf(score, text)], [dense], [worse(by)], { rate: 0.05, attempt: 1, seed: 1 })
        .verdict;
    expect(verdict(0)).toBe("pass");
    expect(verdict(0.3)).toBe("missed");
    expect(verdict(0.098)).toBe("undecided");
    const [line] = judgeGate([goalOf(score, ">= dense - 0.1")], [dense], [worse(0.09)], {
      ...{ rate: 0.05, attempt: 1, seed: 1 },
    }).lines;
    expect(line?.itemsNeeded ?? 401).toBeGreaterThan(400);
  });

  test("tests rates by Clopper and Pearson's bound: 97 of 100 is no proof of 95 %, 100 of 100 is", () => {
    const hits = (count: number): number[] =>
      Array.from({ length: 100 }, (_, item) => (item < count ? 1 : 0));
    const of = (count: number): { verdict: string; by: string | undefined } => {
      const { verdict, lines } = judgeGate([goalOf(rate, ">= 95%")], [hits(100)], [hits(count)], {
        ...{ rate: 0.05, attempt: 1, seed: 1 },
      });
      return { verdict, by: lines[0]?.by };
    };
    expect(of(97)).toEqual({ verdict: "undecided", by: "clopper-pearson" });
    expect(of(100).verdict).toBe("pass");
    expect(of(80).verdict).toBe("missed");
  });

  test("needs every requirement: one that is missed misses all", () => {
    const dense = Array.from({ length: 200 }, (_, item) => Math.sin(item));
    const goals = [goalOf(score, ">= dense - 0.5"), goalOf(score, ">= dense - 0.1")];
    const own = dense.map((value, item) => value - 0.3 + 0.2 * Math.cos(5 * item));
    const { verdict, lines } = judgeGate(goals, [dense, dense], [own, own], {
      ...{ rate: 0.05, attempt: 1, seed: 1 },
    });
    expect(lines.map((line) => line.verdict)).toEqual(["pass", "missed"]);
    expect(verdict).toBe("missed");
  });

  // Figure A8: a network exactly at its limit passes at most 5 % of the time, with five tries together.
  test("passes a network at its limit in at most 5 % of five tries, and one well above it mostly", () => {
    const random = randomFrom(8);
    const draw = (mean: number): number[] =>
      Array.from({ length: 400 }, () => mean + random.normal());
    const dense = [draw(1)];
    let [false_, true_] = [0, 0];
    const runs = 300;
    for (let run = 0; run < runs; run += 1) {
      let passed = false;
      for (let attempt = 1; attempt <= 5; attempt += 1) {
        const { verdict } = judgeGate([goalOf(score, ">= 0")], dense, [draw(0)], {
          rate: 0.05,
          attempt,
          seed: 1,
        });
        passed ||= verdict === "pass";
      }
      if (passed) false_ += 1;
      const good = judgeGate([goalOf(score, ">= 0")], dense, [draw(0.15)], {
        rate: 0.05,
        attempt: 1,
        seed: 1,
      });
      if (good.verdict === "pass") true_ += 1;
    }
    expect(false_ / runs).toBeLessThan(0.08);
    expect(true_ / runs).toBeGreaterThan(0.82);
  });
});
