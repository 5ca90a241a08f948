import { InterruptedError } from "../../core/errors.ts";
import type { Progress } from "../../core/progress.ts";
import { randomFrom } from "../../core/random.ts";
import { quantile } from "../../runtime/timing.ts";
import type { Structure } from "../../structure/structure.ts";
import type { Subnet } from "../../subnet/subnet.ts";
import { drifts, type UsualPace } from "../fit/calibrate.ts";
import { predictNetwork } from "../predict-network.ts";
import type { LatencyTable } from "../table.ts";
import type { EndToEnd, Measurer } from "./measurer.ts";
import { randomPlan } from "./plan.ts";
import { subnetKey } from "./samples.ts";

export interface ValidationOptions {
  readonly grid: readonly (readonly number[])[];
  /** Networks to time. */
  readonly count: number;
  readonly seed: number;
  /** Keys of subnets that the table was made from; they are left out. */
  readonly used: ReadonlySet<string>;
  /** The machine's pace that the table is of; the dense network's time in the table unless given. */
  readonly usual?: UsualPace;
  /** Whether the time for it is over; a few networks are timed all the same. */
  readonly isOver?: () => boolean;
  readonly progress: Progress;
  readonly signal?: AbortSignal;
}

/** One network that the table had not seen. */
export interface ValidatedNetwork {
  readonly predictedMs: number;
  readonly measuredMs: number;
  /** (predicted - measured) / measured, the measured time taken at the speed that the machine had for the table. */
  readonly error: number;
  readonly droppedBlocks: number;
  readonly droppedLayers: number;
}

export interface Validation {
  readonly networks: readonly ValidatedNetwork[];
  readonly meanError: number;
  readonly worstError: number;
  /** Mean of the signed errors: above 0, the table is too pessimistic. */
  readonly bias: number;
  /** Speed of the machine against the time of the table: above 1, it has become slower. */
  readonly drift: number;
  /** As the mean and the worst error, without taking the drift out. */
  readonly plainMeanError: number;
  readonly plainWorstError: number;
}

/** Fewer networks than this say nothing of a mean. */
const FEWEST_NETWORKS = 3;

/**
 * Times random subnets that the table was not made from, in turns with the dense network, and compares them with what
 * the table predicts.
 * @throws InterruptedError `latency/interrupted`
 */
export async function validateTable(
  table: LatencyTable,
  structure: Structure,
  measurer: Measurer,
  options: ValidationOptions,
): Promise<Validation> {
  const timed: ({ readonly subnet: Subnet } & EndToEnd)[] = [];
  for (const subnet of unseenSubnets(structure, options)) {
    if (timed.length >= FEWEST_NETWORKS && options.isOver?.() === true) {
      options.progress.note(
        `Validated on ${timed.length} of ${options.count} networks: the time is over.`,
      );
      break;
    }
    if (options.signal?.aborted === true) throw interrupted(timed.length, options.count);
    timed.push({ subnet, ...(await measurer.time(subnet)) });
    options.progress.step("validate", timed.length, options.count);
  }
  const around = drifts(timed, options.usual ?? { referenceMs: table.denseMs, thinMs: null });
  const networks = timed.map(({ subnet, totalMs }, index): ValidatedNetwork => {
    const drift = around[index] ?? 1;
    const predictedMs = predictNetwork(table, structure, subnet).ms;
    return {
      predictedMs,
      measuredMs: totalMs,
      error: (predictedMs * drift) / totalMs - 1,
      droppedBlocks: subnet.droppedBlocks.length,
      droppedLayers: subnet.droppedLayers.length,
    };
  });
  const errors = networks.map(({ error }) => Math.abs(error));
  const plain = networks.map(({ predictedMs, measuredMs }) =>
    Math.abs(predictedMs / measuredMs - 1),
  );
  return {
    networks,
    meanError: mean(errors),
    worstError: Math.max(...errors),
    bias: mean(networks.map(({ error }) => error)),
    drift: quantile(around, 0.5),
    plainMeanError: mean(plain),
    plainWorstError: Math.max(...plain),
  };
}

/** The table with what the validation found. */
export function withExpectedError(table: LatencyTable, validation: Validation): LatencyTable {
  const { networks, meanError, worstError, plainMeanError, plainWorstError } = validation;
  return {
    ...table,
    expectedError: {
      mean: meanError,
      worst: worstError,
      networks: networks.length,
      how: "random subnets that the table was not made from, timed end to end in turns with the dense network",
      withDrift: { mean: plainMeanError, worst: plainWorstError },
    },
  };
}

function unseenSubnets(structure: Structure, options: ValidationOptions): Subnet[] {
  const plan = randomPlan(structure, options.grid, randomFrom(options.seed));
  const seen = new Set(options.used);
  const subnets: Subnet[] = [];
  // Small networks have few subnets; after as many fruitless tries there are none left.
  for (let tries = 0; subnets.length < options.count && tries < 20 * options.count; tries += 1) {
    const subnet = plan.next();
    const key = subnetKey(subnet);
    if (seen.has(key)) continue;
    seen.add(key);
    subnets.push(subnet);
  }
  return subnets;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function interrupted(done: number, count: number): InterruptedError {
  return new InterruptedError({
    code: "latency/interrupted",
    message: `Interrupted after validating ${done} of ${count} networks.`,
    hint: "Give the same command again: measured networks are not measured again.",
  });
}
