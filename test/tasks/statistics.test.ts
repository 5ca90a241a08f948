import { describe, expect, test } from "vitest";
import { randomFrom } from "../../src/core/random.ts";
import { measure, measureDifference } from "../../src/tasks/measure.ts";
import { type Metric, meanMetric, meanOf } from "../../src/tasks/metric.ts";
import { bootstrap, middleOf } from "../../src/tasks/statistics/bootstrap.ts";
import {
  betaShare,
  normalQuantile,
  studentQuantile,
} from "../../src/tasks/statistics/distributions.ts";
import {
  clopperPearson,
  pairedRateDifference,
  studentMean,
  wilson,
} from "../../src/tasks/statistics/intervals.ts";

describe("quantiles are those of printed tables", () => {
  test.each([
    [0.975, 1.959963985],
    [0.95, 1.644853627],
    [0.5, 0],
    [0.00001, -4.264890794],
  ])("normal, %d", (share, wanted) => {
    expect(normalQuantile(share)).toBeCloseTo(wanted, 8);
  });

  test.each([
    [0.975, 1, 12.7062047364],
    [0.975, 4, 2.7764451052],
    [0.95, 10, 1.8124611228],
    [0.975, 1000, 1.9623390808],
    [0.025, 4, -2.7764451052],
  ])("Student, %d with %i degrees", (share, degrees, wanted) => {
    expect(studentQuantile(share, degrees)).toBeCloseTo(wanted, 7);
  });

  test("the beta distribution's share is that of its polynomial where both parameters are whole", () => {
    // P(Beta(2, 3) <= x) is the chance of at least 2 successes in 4 draws.
    const x = 0.3;
    const wanted = 6 * x ** 2 * (1 - x) ** 2 + 4 * x ** 3 * (1 - x) + x ** 4;
    expect(betaShare(x, 2, 3)).toBeCloseTo(wanted, 12);
  });
});

describe("intervals", () => {
  // Newcombe 1998, Statistics in Medicine 17:857, the first table: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
  test.each([
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ])("Wilson's of %i in %i are the published ones", (hits, count, low, high) => {
    const interval = wilson(hits, count, 0.95);
    expect(interval.low).toBeCloseTo(low, 4);
    expect(interval.high).toBeCloseTo(high, 4);
  });

  test.each([
    [81, 263, 0.2527, 0.3676],
    [0, 20, 0, 0.1684],
    [1, 29, 0.0009, 0.1776],
  ])("Clopper and Pearson's of %i in %i are the published ones", (hits, count, low, high) => {
    const interval = clopperPearson(hits, count, 0.95);
    expect(interval.low).toBeCloseTo(low, 4);
    expect(interval.high).toBeCloseTo(high, 4);
  });

  test("Student's of five numbers is the mean and 2.776 standard errors", () => {
    const { value, low, high } = studentMean([1, 2, 3, 4, 5], 0.95);
    const half = 2.7764451052 * Math.sqrt(2.5 / 5);
    expect(value).toBe(3);
    expect([low, high].map((end) => Math.abs(end - 3))).toEqual([
      expect.closeTo(half, 8),
      expect.closeTo(half, 8),
    ]);
  });

  test("paired rates: the difference is covered about as often as the interval says, seed 5", () => {
    const random = randomFrom(5);
    const [trials, items] = [1500, 60];
    let covered = 0;
    for (let trial = 0; trial < trials; trial += 1) {
      const pairs = { both: 0, firstOnly: 0, secondOnly: 0, neither: 0 };
      for (let item = 0; item < items; item += 1) {
        const draw = random.next();
        if (draw < 0.75) pairs.both += 1;
        else if (draw < 0.83) pairs.firstOnly += 1;
        else if (draw < 0.86) pairs.secondOnly += 1;
        else pairs.neither += 1;
      }
      const { low, high } = pairedRateDifference(pairs, 0.95);
      if (low <= -0.05 && -0.05 <= high) covered += 1;
    }
    expect(covered / trials).toBeGreaterThan(0.93);
    expect(covered / trials).toBeLessThan(0.99);
  });

  test("paired rates that never differ still have a width", () => {
    const { value, low, high } = pairedRateDifference(
      { both: 18, firstOnly: 0, secondOnly: 0, neither: 2 },
      0.95,
    );
    expect(value).toBe(0);
    expect(low).toBeLessThan(-0.01);
    expect(high).toBeGreaterThan(0.01);
  });
});

describe("the bootstrap", () => {
  test("of a mean agrees with Student's interval, and its seed repeats it", () => {
    const random = randomFrom(3);
    const values = Array.from({ length: 200 }, random.normal);
    const mean = (counts: ArrayLike<number>): number =>
      values.reduce((sum, value, item) => sum + value * (counts[item] ?? 0), 0) / values.length;
    const drawn = bootstrap(values.length, mean, { seed: 1 });
    const ends = middleOf(drawn, 0.95);
    const student = studentMean(values, 0.95);
    expect(ends.low).toBeCloseTo(student.low, 1);
    expect(ends.high).toBeCloseTo(student.high, 1);
    expect(bootstrap(values.length, mean, { seed: 1 })).toEqual(drawn);
    expect(bootstrap(values.length, mean, { seed: 2 })).not.toEqual(drawn);
  });

  test("keeps the size of every stratum", () => {
    const strata = [0, 0, 0, 1];
    const lastOnce = bootstrap(4, (counts) => counts[3] ?? 0, { seed: 1, resamples: 50, strata });
    expect([...new Set(lastOnce)]).toEqual([1]);
  });
});

describe("a metric is measured", () => {
  const hit = meanMetric(
    { name: "hit", better: "higher", unit: "share", pooling: "rate" },
    () => 0,
  );
  const worst: Metric<number> = {
    ...{ name: "worst", better: "lower", unit: "number", pooling: "pooled" },
    perItem: () => 0,
    pooled: (evidence) => Math.max(...evidence),
  };

  test("as a rate with Wilson's interval", () => {
    const evidence = Array.from({ length: 263 }, (_, item) => (item < 81 ? 1 : 0));
    const measured = measure(hit, evidence);
    expect(measured).toMatchObject({ by: "wilson", items: 263 });
    expect(measured.high).toBeCloseTo(0.3662, 4);
  });

  test("pooled, with a fast way that gives what repeats give", () => {
    const evidence = [3, 1, 2, 5, 4, 4, 1];
    const slow = measure(worst, evidence, { seed: 4 });
    const fast = measure(
      {
        ...worst,
        pooler: (all) => (counts) => Math.max(...all.filter((_, item) => (counts[item] ?? 0) > 0)),
      },
      evidence,
      { seed: 4 },
    );
    expect(fast).toEqual(slow);
    expect(slow).toMatchObject({ value: 5, high: 5, by: "bootstrap" });
  });

  test("a difference on the same items is far surer than two intervals", () => {
    const random = randomFrom(9);
    const first = Array.from({ length: 100 }, () => 10 * random.normal());
    const second = first.map((value) => value + 1 + 0.1 * random.normal());
    const mean: Metric<number> = { ...hit, pooling: "mean", pooled: meanOf };
    const difference = measureDifference(mean, first, second);
    expect(difference.low).toBeGreaterThan(0.95);
    expect(difference.high).toBeLessThan(1.05);
    expect(measure(mean, second).low).toBeLessThan(measure(mean, first).high);
    expect(() => measureDifference(mean, first, second.slice(1))).toThrow(RangeError);
  });
});
