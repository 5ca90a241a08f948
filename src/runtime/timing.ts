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

export const LOW_QUANTILE = 0.2;

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
