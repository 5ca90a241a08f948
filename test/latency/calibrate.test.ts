import { describe, expect, test } from "vitest";
import { randomFrom } from "../../src/core/random.ts";
import {
  calibrate,
  drifts,
  spreadOf,
  usualPace,
  withoutDrift,
} from "../../src/latency/fit/calibrate.ts";
import type { RunSample } from "../../src/latency/run-sample.ts";

function sample(opMs: readonly number[], totalMs: number, referenceMs = 10): RunSample {
  return {
    key: String(totalMs),
    counts: [],
    droppedBlocks: [],
    droppedLayers: [],
    opMs: [...opMs],
    opEvents: opMs.map(() => 1),
    totalMs,
    referenceMs,
    date: "",
  };
}

/** Networks of 10 to 40 operations of which recording shortens and events lengthen the times. */
function recorded(count: number, outliers: number): RunSample[] {
  const random = randomFrom(2);
  return Array.from({ length: count }, (_, index) => {
    const opMs = Array.from({ length: 10 + random.integer(30) }, () => 0.02 + 0.2 * random.next());
    const sum = opMs.reduce((total, ms) => total + ms, 0);
    const total = 1.03 * sum - 0.0025 * opMs.length;
    return sample(opMs, index < outliers ? 1.5 * total : total);
  });
}

describe("calibrate", () => {
  test("finds the scale and what an event costs, in spite of a few disturbed runs", () => {
    const { scale, perEventMs } = calibrate(recorded(40, 4));
    expect(scale).toBeCloseTo(1.03, 3);
    expect(perEventMs).toBeCloseTo(-0.0025, 4);
  });

  test("fits the scale alone to few networks", () => {
    const { scale, perEventMs } = calibrate(recorded(3, 0));
    expect(perEventMs).toBe(0);
    expect(scale).toBeGreaterThan(0.98);
    expect(scale).toBeLessThan(1.03);
  });
});

describe("withoutDrift", () => {
  test("takes out a slow change of the machine and leaves one stray reference alone", () => {
    const drifting = Array.from({ length: 12 }, (_, index) => {
      const speed = index < 6 ? 1 : 1.2;
      return sample([speed], speed, index === 2 ? 30 : 10 * speed);
    });
    const steady = withoutDrift(drifting).map(({ totalMs }) => totalMs);
    const usual = steady[0] ?? 0;
    for (const index of [1, 2, 3, 8, 9, 10]) expect((steady[index] ?? 0) / usual).toBeCloseTo(1, 6);
    expect(spreadOf(drifting)).toBeGreaterThan(0.1);
  });

  test("takes a network back to the usual pace between a thin and a wide one that run beside it", () => {
    // What the machine does to arithmetic and to calls, apart; the networks are 10, 4 and 1 parts of the one and 2 of the other.
    const random = randomFrom(7);
    const steadyMs = 4 + 2;
    const drifting = Array.from({ length: 15 }, () => {
      const [work, calls] = [1 + 0.1 * random.next(), 1 + 0.5 * random.next()];
      const totalMs = 4 * work + 2 * calls;
      return {
        ...sample([totalMs], totalMs, 10 * work + 2 * calls),
        ...{ thinMs: 1 * work + 2 * calls, paired: true },
      };
    });
    const usual = { referenceMs: 12, thinMs: 3 };
    for (const [index, factor] of drifts(drifting, usual).entries()) {
      expect((drifting[index]?.totalMs ?? 0) / factor).toBeCloseTo(steadyMs, 6);
    }
    const plain = drifts(drifting.map(({ thinMs: _, ...rest }) => rest));
    const spread = drifting.map(({ totalMs }, index) => totalMs / (plain[index] ?? 1));
    expect(Math.max(...spread) / Math.min(...spread)).toBeGreaterThan(1.02);
    expect(usualPace(drifting).thinMs).toBeGreaterThan(3);
  });

  test("draws no line where the thin network is as slow as the dense one, nor beyond the dense one", () => {
    const usual = { referenceMs: 10, thinMs: 10 };
    const alike = (totalMs: number, referenceMs: number, thinMs: number): number =>
      drifts([{ totalMs, referenceMs, thinMs, paired: true }], usual)[0] ?? Number.NaN;
    expect(alike(10.2, 10, 10)).toBe(1);
    expect(alike(10.2, 10, 10.1)).toBe(1);
    expect(alike(10.05, 10, 10.1)).toBeCloseTo(1.01, 6);
    expect(alike(30, 11, 5)).toBeCloseTo(1.1, 6);
  });

  test("doesn't extend the line to networks thinner than the thin one", () => {
    const short = { ...sample([0.5], 0.5, 12), thinMs: 4, paired: true };
    expect(drifts([short], { referenceMs: 12, thinMs: 3 })).toEqual([4 / 3]);
  });
});
