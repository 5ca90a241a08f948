import type { Feeds, Session } from "./session.ts";

/** Times of one session over all its counted runs, in milliseconds. */
export interface Timing {
  readonly minMs: number;
  /** The time that a fifth of the runs stay under: what the network takes when nothing else disturbs it. */
  readonly lowMs: number;
  readonly medianMs: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly samplesMs: readonly number[];
}

/** A session with what it is fed. */
export interface TimedSession {
  readonly session: Pick<Session, "run">;
  readonly feeds: Feeds;
}

export interface TimingOptions {
  /** Counted runs per session; 30 unless given. */
  readonly repeats?: number;
  /** Runs per session before counting starts; 3 unless given. */
  readonly warmup?: number;
  /**
   * Counted runs of a session in a row before the next one's turn; 10 unless given. Two more, uncounted, go before
   * them: after another network's runs the caches hold nothing of this one, and a network that runs alone on its device
   * finds its weights there. (MobileNetV2 at batch 1: turns of 3 with one uncounted run made a pruned network 5 % slower.)
   */
  readonly burst?: number;
  /** The clock, in milliseconds. */
  readonly now?: () => number;
  /** Runs a session once and tells what it took, in milliseconds; by the clock unless given. */
  readonly time?: (session: TimedSession["session"], feeds: Feeds) => Promise<number>;
  /** Called after each round over the sessions with the counted runs so far. */
  readonly onRound?: (done: number, total: number) => void;
}

export const LOW_QUANTILE = 0.2;
const UNCOUNTED = 2;

/** Times several sessions in turns, so that a drift of the machine meets all of them alike. */
export async function timeSessions(
  sessions: readonly TimedSession[],
  options: TimingOptions = {},
): Promise<Timing[]> {
  const repeats = options.repeats ?? 30;
  const burst = Math.max(1, options.burst ?? 10);
  const now = options.now ?? (() => performance.now());
  const byClock: NonNullable<TimingOptions["time"]> = async (session, feeds) => {
    const start = now();
    await session.run(feeds);
    return now() - start;
  };
  const time = options.time ?? byClock;
  const samples = sessions.map((): number[] => []);
  for (const { session, feeds } of sessions) {
    for (let run = 0; run < (options.warmup ?? 3); run += 1) await session.run(feeds);
  }
  const turn = async ({ session, feeds }: TimedSession, counted: number): Promise<number[]> => {
    for (let run = 0; run < UNCOUNTED; run += 1) await session.run(feeds);
    const times: number[] = [];
    for (let run = 0; run < counted; run += 1) times.push(await time(session, feeds));
    return times;
  };
  for (let done = 0; done < repeats; done += burst) {
    for (const [index, timed] of sessions.entries()) {
      samples[index]?.push(...(await turn(timed, Math.min(burst, repeats - done))));
    }
    options.onRound?.(Math.min(repeats, done + burst), repeats);
  }
  return samples.map(timingOf);
}

/**
 * One run, in milliseconds. With one thread, a run that other work on the machine interrupted counts as the processor
 * time it had: that is what it takes on a quiet machine. With more threads only the time on the wall says anything.
 */
export async function timedRun(
  session: Pick<Session, "run">,
  feeds: Feeds,
  { threads }: { readonly threads: number },
): Promise<number> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  await session.run(feeds);
  const wallMs = performance.now() - start;
  if (threads > 1) return wallMs;
  const { user, system } = process.cpuUsage(cpu);
  return Math.min(wallMs, (user + system) / 1000);
}

/** Quantiles of a list of times in milliseconds. */
export function timingOf(samplesMs: readonly number[]): Timing {
  const sorted = Float64Array.from(samplesMs).sort();
  return {
    minMs: quantileOfSorted(sorted, 0),
    lowMs: quantileOfSorted(sorted, LOW_QUANTILE),
    medianMs: quantileOfSorted(sorted, 0.5),
    p90Ms: quantileOfSorted(sorted, 0.9),
    p99Ms: quantileOfSorted(sorted, 0.99),
    samplesMs,
  };
}

/** The value that the fraction `level` of the values stay under, interpolated between neighbours; NaN for none. */
export function quantile(values: readonly number[], level: number): number {
  return quantileOfSorted(Float64Array.from(values).sort(), level);
}

function quantileOfSorted(sorted: Float64Array, level: number): number {
  const position = (sorted.length - 1) * level;
  const below = sorted[Math.floor(position)];
  const above = sorted[Math.ceil(position)];
  if (below === undefined || above === undefined) return Number.NaN;
  return below + (above - below) * (position - Math.floor(position));
}
