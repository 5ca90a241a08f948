import { setImmediate } from "node:timers/promises";
import { InterruptedError } from "../core/errors.ts";
import type { Feeds, Session } from "./session.ts";
import { quantile, type Timing, timingOf } from "./timing.ts";

/** A session with what it is fed. */
export interface TimedSession {
  readonly session: Pick<Session, "run">;
  readonly feeds: Feeds;
}

export interface TurnOptions {
  /** Counted runs per session, at least; 30 unless given. */
  readonly repeats?: number;
  /** Go on until the standard error of every `ofFirst` is at most this share of it. */
  readonly noise?: number;
  /** But at most so many times the repeats; 4 unless given. */
  readonly most?: number;
  /** The clock, in milliseconds. */
  readonly now?: () => number;
  /** Runs a session once and tells what it took, in milliseconds; by the clock unless given. */
  readonly time?: (session: TimedSession["session"], feeds: Feeds) => Promise<number>;
  /** Ends the timing before the next run. */
  readonly signal?: AbortSignal | undefined;
  /** Called after each round over the sessions with the counted runs so far, and the most that there may be. */
  readonly onRound?: (done: number, total: number) => void;
}

/** What one session took beside the first. */
export interface SessionTurns extends Timing {
  /**
   * Its time as a share of the first session's: the median over the rounds, in each against the first session's turns
   * just before and after. What the machine does meanwhile meets both, so that this is far steadier than the ratio of
   * two medians.
   */
  readonly ofFirst: number;
  /** Standard error of `ofFirst`, as a share of it. */
  readonly ofFirstError: number;
  /**
   * For every run of the session since the start: how long the first session took around it, as a share of what it usually
   * took; null for runs that don't count.
   */
  readonly paces: readonly (number | null)[];
}

/** How long turns are; a script on a board keeps to the same. */
export const TURNS = {
  /** Runs of each session before the first turn, which tell how long one takes. */
  warmup: 3,
  /**
   * After another network's runs the caches hold nothing of this one, and a network that runs alone on its device finds its
   * weights there: runs of this many milliseconds go uncounted before each turn, 1 to `mostUncounted`. (A ResNet-56
   * of 1 ms takes 41, 9 and 3 % longer in its first three runs, a MobileNetV2 of 8 ms doesn't differ by 1 %.)
   */
  warmMs: 12,
  mostUncounted: 5,
  /** Counted runs in a row take this long in the first session, since the machine's pace changes within tenths of a second. */
  turnMs: 24,
  fewestCounted: 2,
  mostCounted: 5,
} as const;

/** Fewer rounds don't tell how far they are off. */
const FEWEST_ROUNDS = 4;

/** What was timed of one session. */
export interface TimedTurns {
  /** Runs before each turn that don't count. */
  readonly uncounted: number;
  /** Milliseconds of the counted runs, turn by turn. */
  readonly turns: readonly (readonly number[])[];
}

/**
 * Times several sessions in turns, so that a drift of the machine meets all of them alike.
 * @throws InterruptedError `runtime/interrupted`
 */
export async function timeSessions(
  sessions: readonly TimedSession[],
  options: TurnOptions = {},
): Promise<SessionTurns[]> {
  const now = options.now ?? (() => performance.now());
  const byClock: NonNullable<TurnOptions["time"]> = async (session, feeds) => {
    const start = now();
    await session.run(feeds);
    return now() - start;
  };
  const timeRun = options.time ?? byClock;
  const { signal } = options;
  // A run blocks the event loop: signals only come in between two of them.
  const time: typeof timeRun = async (session, feeds) => {
    const ms = await timeRun(session, feeds);
    if (ms > LONG_RUN_MS) await pause(signal);
    return ms;
  };
  const usual = await warmUp(sessions, time);
  const counted = within(TURNS.turnMs / (usual[0] ?? 1), TURNS.fewestCounted, TURNS.mostCounted);
  const timed = usual.map((ms) => ({
    uncounted: within(TURNS.warmMs / ms, 1, TURNS.mostUncounted),
    turns: [] as number[][],
  }));
  const fewest = Math.ceil((options.repeats ?? 30) / counted);
  const most = options.noise === undefined ? fewest : fewest * (options.most ?? 4);
  for (let round = 0; round < most; round += 1) {
    if (round >= fewest && isPrecise(timed, options.noise)) break;
    for (const [index, session] of sessions.entries()) {
      await pause(signal);
      const own = timed[index];
      own?.turns.push(await turnOf(session, own.uncounted, counted, time));
    }
    options.onRound?.((round + 1) * counted, most * counted);
  }
  return sessionTurns(timed);
}

/** After a run as long as this, a signal is looked for at once, and else once a turn. */
const LONG_RUN_MS = 20;

/** Lets signals in, and ends where one asks for it. */
async function pause(signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return;
  await setImmediate();
  if (!signal.aborted) return;
  throw new InterruptedError({
    code: "runtime/interrupted",
    message: "Stopped while networks were timed.",
    hint: "Run the same command again; what was written before is kept.",
  });
}

async function turnOf(
  { session, feeds }: TimedSession,
  uncounted: number,
  counted: number,
  time: NonNullable<TurnOptions["time"]>,
): Promise<number[]> {
  for (let run = 0; run < uncounted; run += 1) await session.run(feeds);
  const times: number[] = [];
  for (let run = 0; run < counted; run += 1) times.push(await time(session, feeds));
  return times;
}

/** What the turns of several sessions say of each beside the first. */
export function sessionTurns(timed: readonly TimedTurns[]): SessionTurns[] {
  return timed.map(({ uncounted, turns }, index): SessionTurns => {
    const { rounds, usualMs } = firstAround(timed, index);
    const skipped = Array<null>(uncounted).fill(null);
    const paces = turns.flatMap((times, round) => [
      ...skipped,
      ...times.map(() => (rounds[round] ?? Number.NaN) / usualMs),
    ]);
    return {
      ...timingOf(turns.flat()),
      ...besideFirst(timed, index),
      paces: [...Array<null>(TURNS.warmup).fill(null), ...paces],
    };
  });
}

/** The shortest time of each session before counting starts. */
async function warmUp(
  sessions: readonly TimedSession[],
  time: NonNullable<TurnOptions["time"]>,
): Promise<number[]> {
  const usual: number[] = [];
  for (const { session, feeds } of sessions) {
    let shortest = Number.POSITIVE_INFINITY;
    for (let run = 0; run < TURNS.warmup; run += 1) {
      shortest = Math.min(shortest, await time(session, feeds));
    }
    usual.push(shortest);
  }
  return usual;
}

function within(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, Math.ceil(value)));
}

/** What the first session took at the moments of another one's turns, between its own before and after, and usually. */
function firstAround(
  timed: readonly TimedTurns[],
  index: number,
): { readonly rounds: readonly number[]; readonly usualMs: number } {
  const first = (timed[0]?.turns ?? []).map(median);
  const share = index / timed.length;
  const rounds = first.map((before, round) => {
    const after = first[round + 1] ?? before;
    return before + share * (after - before);
  });
  return { rounds, usualMs: median(first) };
}

function besideFirst(
  timed: readonly TimedTurns[],
  index: number,
): Pick<SessionTurns, "ofFirst" | "ofFirstError"> {
  if (index === 0) return { ofFirst: 1, ofFirstError: 0 };
  const { rounds } = firstAround(timed, index);
  const ratios = (timed[index]?.turns ?? []).map(
    (times, round) => median(times) / (rounds[round] ?? Number.NaN),
  );
  const ofFirst = median(ratios);
  return { ofFirst, ofFirstError: standardErrorOfMedian(ratios) / ofFirst };
}

/** From the middle half of the values: as if they were normally distributed, without being moved by a few far ones. */
function standardErrorOfMedian(values: readonly number[]): number {
  const deviation = (quantile(values, 0.75) - quantile(values, 0.25)) / 1.349;
  return (1.2533 * deviation) / Math.sqrt(values.length);
}

function isPrecise(timed: readonly TimedTurns[], noise: number | undefined): boolean {
  if (noise === undefined) return true;
  if ((timed[0]?.turns.length ?? 0) < FEWEST_ROUNDS) return false;
  return timed.every((_, index) => besideFirst(timed, index).ofFirstError <= noise);
}

function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}
