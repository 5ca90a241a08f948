import { describe, expect, test } from "vitest";
import { quantile, timingOf } from "../../src/runtime/timing.ts";

describe("quantiles", () => {
  test("interpolate between neighbours", () => {
    expect(quantile([4, 1, 2, 3], 0.5)).toBe(2.5);
    expect(quantile([5], 0.9)).toBe(5);
    expect(quantile([], 0.5)).toBeNaN();
    const timing = timingOf([5, 4, 3, 2, 1, 0]);
    expect(timing).toMatchObject({ minMs: 0, lowMs: 1, medianMs: 2.5, p90Ms: 4.5 });
  });
});
