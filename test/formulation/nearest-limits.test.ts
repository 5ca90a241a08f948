import { expect, test } from "vitest";
import {
  InfeasibleLimitsError,
  type NearestLimit,
  nearestText,
} from "../../src/formulation/solve/answer.ts";
import { nearestLimits } from "../../src/formulation/solve/nearest-limits.ts";
import { residual } from "./programs.ts";

const impossible = {
  ...residual,
  resources: residual.resources.map((resource) => ({ ...resource, limit: -1 })),
};

const near: NearestLimit = {
  ...{ resource: "latency", unit: "ms", limit: 2, least: 8.6365, reading: null },
  ...{ proven: true, othersKept: true },
};

test("without time each limit is named as one of which nothing is known", async () => {
  const { nearest, open } = await nearestLimits(impossible, { solvers: [], secondsLeft: () => 0 });
  expect(nearest).toEqual([]);
  expect(open).toEqual(residual.resources.map(({ name }) => name));
  const { message, hint } = new InfeasibleLimitsError("program", nearest, open);
  expect(message).toContain("ran out of time");
  expect(message).toContain(`'${open[0]}'`);
  expect(hint).toContain("Loosen one of the limits");
});

test("with time the least of each is found without a solver", async () => {
  const { nearest, open } = await nearestLimits(impossible, { solvers: [], secondsLeft: () => 60 });
  expect(open).toEqual([]);
  expect(nearest).toHaveLength(residual.resources.length);
  for (const { proven, least } of nearest) {
    expect(proven).toBe(true);
    expect(least).toBeGreaterThan(-1);
  }
});

test("a figure that isn't proven is no least", () => {
  expect(nearestText(near)).toBe("latency needs at least 8.6365 ms, and its limit is 2 ms");
  expect(nearestText({ ...near, proven: false })).toBe(
    "latency needs 8.6365 ms or less (the search ran out of time), and its limit is 2 ms",
  );
  const reading = { text: "importance >= 95%", scale: -1, offset: 100 };
  const importance = { ...near, unit: "", limit: 5, least: 20, reading };
  expect(nearestText({ ...importance, proven: false })).toBe(
    "'importance >= 95%' reaches 80 or more (the search ran out of time), and it asks for 95",
  );
});
