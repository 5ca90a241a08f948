import { InterruptedError } from "../../core/errors.ts";
import type { Progress } from "../../core/progress.ts";
import { randomFrom } from "../../core/random.ts";
import type { Structure } from "../../structure/structure.ts";
import { keepAll, type Subnet, unitCounts } from "../../subnet/subnet.ts";
import type { RunSample } from "../run-sample.ts";
import type { Measurer } from "./measurer.ts";
import { randomPlan } from "./plan.ts";
import { type SampleFile, subnetKey } from "./samples.ts";

export interface ProfileOptions {
  /** Numbers of units per dim to cover. */
  readonly grid: readonly (readonly number[])[];
  readonly runs: number;
  /** Ends early after this time, validation included; what was measured before a resume doesn't count. */
  readonly maxMinutes: number;
  /** When that time began, by the clock; with the first network unless given. */
  readonly startedAt?: number;
  /** Networks that are timed afterwards within the same time, to judge the table on. */
  readonly validate?: number;
  readonly seed: number;
  readonly progress: Progress;
  readonly signal?: AbortSignal;
  /** Milliseconds of a clock that only goes forward, and the date as ISO 8601. */
  readonly now: () => number;
  readonly date: () => string;
}

/** Below so many networks no operation is told from the others, however slow they are. */
const FEWEST_RUNS = 4;
/** Below so many a table says little, which is told. */
const FEW_RUNS = 12;
/** A network that is timed without the runtime's recording, as a share of one that is measured. */
const TIMED_SHARE = 0.6;
/** Of the time, the share that is kept for the validation at most. */
const MOST_AHEAD = 0.4;

/** Runs that go into one table, in the order they were asked for. */
export interface Runs {
  readonly samples: readonly RunSample[];
  /**
   * Measures a subnet and writes it to the file at once, or takes it from there. Null where these runs have it already,
   * or where the time is over; `isOver` tells which.
   */
  readonly take: (subnet: Subnet) => Promise<RunSample | null>;
  readonly isOver: () => boolean;
}

/** What the file already holds is not measured again, and costs none of the time. */
export function startRuns(measurer: Measurer, file: SampleFile, options: ProfileOptions): Runs {
  const started = options.startedAt ?? options.now();
  const first = options.now();
  let measured = 0;
  const samples: RunSample[] = [];
  const seen = new Set<string>();
  let over = false;
  const take: Runs["take"] = async (subnet) => {
    const key = subnetKey(subnet);
    if (over || seen.has(key)) return null;
    seen.add(key);
    const known = file.find(key);
    if (known !== null) {
      samples.push(known);
      return known;
    }
    const now = options.now();
    const each = measured === 0 ? 0 : (now - first) / measured;
    // The next network and those of the validation must fit in.
    const ahead = each * (1 + TIMED_SHARE * (options.validate ?? 0));
    const limit = options.maxMinutes * 60_000;
    if (
      now - started + Math.min(ahead, MOST_AHEAD * limit) > limit &&
      samples.length >= FEWEST_RUNS
    ) {
      const few = samples.length < FEW_RUNS ? " So few say little: give it more minutes." : "";
      options.progress.note(
        `Stopped after ${samples.length} of ${options.runs} networks: ${options.maxMinutes} minutes are over, validation included.${few}`,
      );
      over = true;
      return null;
    }
    if (options.signal?.aborted === true) throw interrupted(samples.length, options.runs);
    const sample = sampleOf(subnet, key, options.date(), await measurer.measure(subnet));
    file.add(sample);
    measured += 1;
    samples.push(sample);
    options.progress.step("profile", samples.length, options.runs);
    return sample;
  };
  return { samples, take, isOver: () => over };
}

/**
 * Measures the dense network and then random subnets. The same seed asks for the same subnets.
 * @throws InterruptedError `latency/interrupted`
 */
export async function profileNetworks(
  structure: Structure,
  measurer: Measurer,
  file: SampleFile,
  options: ProfileOptions,
): Promise<readonly RunSample[]> {
  const plan = randomPlan(structure, options.grid, randomFrom(options.seed));
  const runs = startRuns(measurer, file, options);
  for (let run = 0; run < options.runs && !runs.isOver(); run += 1) {
    await runs.take(run === 0 ? keepAll(structure) : plan.next());
  }
  return runs.samples;
}

function sampleOf(
  subnet: Subnet,
  key: string,
  date: string,
  measurement: Awaited<ReturnType<Measurer["measure"]>>,
): RunSample {
  return {
    key,
    counts: [...unitCounts(subnet)],
    droppedBlocks: [...subnet.droppedBlocks],
    droppedLayers: [...subnet.droppedLayers],
    opMs: measurement.opMs.map((ms) => (ms === null ? null : round(ms))),
    opEvents: [...measurement.opEvents],
    totalMs: round(measurement.totalMs),
    referenceMs: round(measurement.referenceMs),
    ...(measurement.thinMs === undefined ? {} : { thinMs: round(measurement.thinMs) }),
    ...(measurement.paired === true ? { paired: true } : {}),
    ...(measurement.energyMj === undefined ? {} : { energyMj: round(measurement.energyMj) }),
    ...(measurement.memoryBytes === undefined ? {} : { memoryBytes: measurement.memoryBytes }),
    date,
  };
}

/** To a tenth of a microsecond; nothing measured here is finer. */
function round(ms: number): number {
  return Math.round(ms * 10_000) / 10_000;
}

function interrupted(done: number, runs: number): InterruptedError {
  return new InterruptedError({
    code: "latency/interrupted",
    message: `Interrupted after ${done} of ${runs} networks.`,
    hint: "Give the same command again: it goes on where it was.",
  });
}
