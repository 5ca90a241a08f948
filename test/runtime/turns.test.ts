import { describe, expect, test } from "vitest";
import { randomFrom } from "../../src/core/random.ts";
import type { Feed } from "../../src/runtime/session.ts";
import { type TimedSession, timeSessions } from "../../src/runtime/turns.ts";

/** Sessions on a clock of our own, with a log of who ran. */
function simulated(): {
  readonly session: (name: string, ms: () => number) => TimedSession;
  readonly log: string[];
  readonly now: () => number;
} {
  let clock = 0;
  const log: string[] = [];
  const session = (name: string, ms: () => number): TimedSession => ({
    feeds: {},
    session: {
      run: async (): Promise<Record<string, Feed>> => {
        clock += ms();
        log.push(name);
        return {};
      },
    },
  });
  return { session, log, now: () => clock };
}

describe("timeSessions", () => {
  test("runs sessions in turns; short networks get more runs that don't count", async () => {
    const { session, log, now } = simulated();
    const sessions = [session("a", () => 12), session("b", () => 6)];
    const rounds: number[] = [];
    const [first, second] = await timeSessions(sessions, {
      repeats: 4,
      now,
      onRound: (done) => rounds.push(done),
    });
    // Three runs of each tell how long it takes; then a turn is 12 ms that don't count and 24 ms of the first that do.
    expect(log.join("")).toBe("aaabbbaaabbbbaaabbbb");
    expect(first?.samplesMs).toEqual([12, 12, 12, 12]);
    expect(second).toMatchObject({ medianMs: 6, ofFirst: 0.5, ofFirstError: 0 });
    const counted = second?.paces.map((pace) => (pace === null ? "." : "x")).join("");
    expect(counted).toBe(".....xx..xx");
    expect(rounds).toEqual([2, 4]);
  });

  test("tells the share of the first session although the machine's pace drifts", async () => {
    const { session, now } = simulated();
    // The machine's pace swings by a factor of 1.7 within a second.
    const pace = (): number => 1 + 0.7 * Math.sin(now() / 160) ** 2;
    const sessions = [session("a", () => 5 * pace()), session("b", () => 2 * pace())];
    const [first, second] = await timeSessions(sessions, { repeats: 60, now });
    expect(Math.max(...(first?.samplesMs ?? []))).toBeGreaterThan(8);
    expect(second?.ofFirst).toBeGreaterThan(0.4 * 0.98);
    expect(second?.ofFirst).toBeLessThan(0.4 * 1.02);
    // Times divided by the pace around them are steady, too.
    const steady = second?.samplesMs.map((ms, run) => {
      const paces = second.paces.filter((known) => known !== null);
      return ms / (paces[run] ?? 1);
    });
    const spread = Math.max(...(steady ?? [])) / Math.min(...(steady ?? []));
    expect(spread).toBeLessThan(1.2);
  });

  test("goes on where the noise is too large, but not for ever", async () => {
    const random = randomFrom(1);
    /** Counted runs of a session that is noisy in its first turns, of three to five runs each. */
    const runs = async (noisy: number): Promise<number> => {
      const { session, now } = simulated();
      let run = 0;
      const unsteady = (): number => (run++ < 4 * noisy ? 6 + 3 * random.next() : 6);
      const sessions = [session("a", () => 12), session("b", unsteady)];
      const [, second] = await timeSessions(sessions, { repeats: 20, noise: 0.001, now });
      return second?.samplesMs.length ?? 0;
    };
    expect(await runs(0)).toBe(20);
    const more = await runs(8);
    expect(more).toBeGreaterThan(20);
    expect(more).toBeLessThan(80);
    expect(await runs(40)).toBe(80);
    // One round says nothing of its own error.
    const { session, now } = simulated();
    const sessions = [session("a", () => 3), session("b", () => 2)];
    const [, few] = await timeSessions(sessions, { repeats: 5, noise: 0.01, now });
    expect(few?.samplesMs).toHaveLength(4 * 5);
  });
});

test("an interrupted timing ends before the next run, also where runs never let the event loop turn", async () => {
  const abort = new AbortController();
  let runs = 0;
  const session = {
    run: () => {
      runs += 1;
      // What a signal handler does, as soon as the event loop turns.
      if (runs === 2) setImmediate(() => abort.abort());
      return Promise.resolve({});
    },
  };
  const time = async (): Promise<number> => {
    await session.run();
    return 1000;
  };
  const options = { time, repeats: 1000, signal: abort.signal };
  await expect(timeSessions([{ session, feeds: {} }], options)).rejects.toMatchObject({
    code: "runtime/interrupted",
    exitCode: 130,
  });
  expect(runs).toBeLessThanOrEqual(3);
});
