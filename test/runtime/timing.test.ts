import { describe, expect, test } from "vitest";
import type { Feed } from "../../src/runtime/session.ts";
import { quantile, type TimedSession, timeSessions, timingOf } from "../../src/runtime/timing.ts";

describe("timeSessions", () => {
  test("runs sessions in turns and doesn't count a turn's first two runs", async () => {
    let clock = 0;
    const log: string[] = [];
    const session = (name: string, times: () => number): TimedSession => ({
      feeds: {},
      session: {
        run: async (): Promise<Record<string, Feed>> => {
          clock += times();
          log.push(name);
          return {};
        },
      },
    });
    let run = 0;
    // The first two of every four runs of "a" are slow, as with cold caches.
    const a = session("a", () => (run++ % 4 < 2 ? 50 : 2));
    const b = session("b", () => 3);
    const rounds: number[] = [];
    const [first, second] = await timeSessions([a, b], {
      repeats: 4,
      burst: 2,
      warmup: 0,
      now: () => clock,
      onRound: (done) => rounds.push(done),
    });
    expect(log.join("")).toBe("aaaabbbbaaaabbbb");
    expect(first?.samplesMs).toEqual([2, 2, 2, 2]);
    expect(second?.medianMs).toBe(3);
    expect(rounds).toEqual([2, 4]);
  });
});

describe("quantiles", () => {
  test("interpolate between neighbours", () => {
    expect(quantile([4, 1, 2, 3], 0.5)).toBe(2.5);
    expect(quantile([5], 0.9)).toBe(5);
    expect(quantile([], 0.5)).toBeNaN();
    const timing = timingOf([5, 4, 3, 2, 1, 0]);
    expect(timing).toMatchObject({ minMs: 0, lowMs: 1, medianMs: 2.5, p90Ms: 4.5 });
  });
});
