import { describe, expect, test } from "vitest";
import { randomFrom } from "../../src/core/random.ts";
import { fitTotals, type SummedNetwork } from "../../src/latency/fit/totals.ts";

function networks(count: number, total: (summedMs: number) => number): SummedNetwork[] {
  const random = randomFrom(9);
  return Array.from({ length: count }, () => {
    const summedMs = 2 + 6 * random.next();
    return { summedMs, totalMs: total(summedMs) * (1 + 0.005 * random.normal()) };
  });
}

describe("fitTotals", () => {
  test("needs no offset where the sums are right but for a factor", () => {
    const { factor, offsetMs } = fitTotals(networks(60, (sum) => 1.02 * sum));
    expect(factor).toBeCloseTo(1.02, 2);
    expect(Math.abs(offsetMs)).toBeLessThan(0.03);
  });

  test("finds the offset of networks that grow faster than their sums", () => {
    const { factor, offsetMs } = fitTotals(networks(60, (sum) => 1.06 * sum - 0.2));
    expect(factor).toBeCloseTo(1.06, 2);
    expect(offsetMs).toBeCloseTo(-0.2, 1);
  });

  test("keeps to the factor with few networks, and where the offset would be large", () => {
    expect(fitTotals(networks(10, (sum) => 1.06 * sum - 0.2)).offsetMs).toBe(0);
    expect(fitTotals(networks(60, (sum) => sum + 3)).offsetMs).toBe(0);
  });
});
