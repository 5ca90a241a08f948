import { describe, expect, test } from "vitest";
import { metricLimits, refuseMetricLimits } from "../../src/pipeline/metrics/metric-limits.ts";

const code = (id: string) => expect.objectContaining({ code: id });
const caught = (act: () => unknown): unknown => {
  try {
    return act();
  } catch (error) {
    return error;
  }
};

describe("limits on metrics", () => {
  test("are parted from the others, with either kind of quotes", () => {
    const { limit, requirements } = metricLimits([
      "params <= 60%",
      "metric('scratches') >= 97%",
      'metric("effort") <= 1.2 * dense',
    ]);
    expect(limit).toEqual(["params <= 60%"]);
    expect([...requirements]).toEqual([
      ["scratches", ">= 97%"],
      ["effort", "<= 1.2 * dense"],
    ]);
    expect(metricLimits(undefined).limit).toBeUndefined();
  });

  test("stand alone, and need metrics", () => {
    const mixed = caught(() => metricLimits("params + metric('x') <= 3"));
    expect(mixed).toEqual(code("metrics/limit"));
    expect(caught(() => refuseMetricLimits("metric('x') >= 1"))).toEqual(code("cli/needs-metrics"));
    expect(caught(() => refuseMetricLimits(["params <= 60%"]))).toBeUndefined();
  });
});
