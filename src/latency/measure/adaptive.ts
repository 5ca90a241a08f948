import { randomFrom } from "../../core/random.ts";
import type { Structure } from "../../structure/structure.ts";
import { keepAll, type Subnet, unitCounts } from "../../subnet/subnet.ts";
import { drifts, usualPace } from "../fit/calibrate.ts";
import { type FittedOps, fitOps, fittedMs } from "../fit/fit-ops.ts";
import type { ProfiledOp } from "../ops.ts";
import { goneNodes } from "../predict-network.ts";
import type { RunSample } from "../run-sample.ts";
import type { Measurer } from "./measurer.ts";
import { type Plan, randomPlan } from "./plan.ts";
import { type ProfileOptions, type Runs, startRuns } from "./profile.ts";
import type { SampleFile } from "./samples.ts";
import { type Uncertainty, uncertaintyOf } from "./seek.ts";

export interface AdaptiveOptions extends ProfileOptions {
  readonly ops: readonly ProfiledOp[];
  /** Mean error, as a share, at which enough is measured. */
  readonly targetError: number;
}

/** How good what was measured so far is. Errors are |predicted - measured| / measured. */
export interface CurvePoint {
  /** Networks that the predictions were made from. */
  readonly runs: number;
  readonly meanError: number;
  readonly worstError: number;
  /** Random networks that were predicted before they were measured. */
  readonly networks: number;
}

export interface AdaptiveRuns {
  readonly samples: readonly RunSample[];
  readonly curve: readonly CurvePoint[];
  readonly reached: boolean;
}

/** Random networks, the dense one included, before anything can be predicted. */
const FIRST_RUNS = 8;
/** Of each round, networks that judge because they are random, and networks that are chosen to tell the most. */
const JUDGES = 4;
const SOUGHT = 4;
/** Random subnets of which the most telling is taken. */
const CANDIDATES = 40;
/** The latest judged networks that errors are over, and how many there must be to stop. */
const WINDOW = 16;
const ENOUGH_JUDGED = 12;
/** Candidates come from another sequence than the random networks. */
const SEEK_SEED = 0x5eec;

/**
 * Measures until the error is small enough, the runs are used up or the time is over. In rounds: what is measured so far
 * predicts a few random networks, which are then measured and so tell the error without a run of their own; and a
 * few networks are chosen where operations are most uncertain. Both then belong to what is known. The same seed and the
 * same samples ask for the same networks, so that an interrupted profile goes on where it was.
 *
 * @throws InterruptedError `latency/interrupted`
 */
export async function profileAdaptively(
  structure: Structure,
  measurer: Measurer,
  file: SampleFile,
  options: AdaptiveOptions,
): Promise<AdaptiveRuns> {
  const { ops } = options;
  const plan = randomPlan(structure, options.grid, randomFrom(options.seed));
  const candidates = randomPlan(structure, options.grid, randomFrom(options.seed + SEEK_SEED));
  const runs = startRuns(measurer, file, options);
  const uncertainty = await firstRuns(structure, runs, plan, options);
  const errors: number[] = [];
  const curve: CurvePoint[] = [];
  const isLeft = (): boolean => runs.samples.length < options.runs && !runs.isOver();
  let reached = false;
  while (isLeft() && !reached) {
    const known = runs.samples.length;
    const fitted = fitOps(ops, runs.samples);
    errors.push(...(await judge(runs, plan, fitted, options)));
    if (runs.samples.length === known) break;
    const point = pointOf(known, errors.slice(-WINDOW));
    curve.push(point);
    options.progress.note(
      `After ${point.runs} networks the mean error is ${percent(point.meanError)}, the worst ${percent(point.worstError)}.`,
    );
    reached = point.networks >= ENOUGH_JUDGED && point.meanError <= options.targetError;
    for (const sample of runs.samples.slice(known)) visitAndLearn(uncertainty, fitted, sample);
    for (let sought = 0; sought < SOUGHT && isLeft() && !reached; sought += 1) {
      const sample = await runs.take(mostTelling(structure, candidates, uncertainty));
      if (sample !== null) visitAndLearn(uncertainty, fitted, sample);
    }
  }
  return { samples: runs.samples, curve, reached };
}

/** The dense network and random ones, and how uncertain everything is after them. */
async function firstRuns(
  structure: Structure,
  runs: Runs,
  plan: Plan,
  { ops, runs: most }: AdaptiveOptions,
): Promise<Uncertainty> {
  await runs.take(keepAll(structure));
  for (let run = 1; run < Math.min(FIRST_RUNS, most); run += 1) await runs.take(plan.next());
  const uncertainty = uncertaintyOf(ops, runs.samples[0]?.opMs ?? []);
  for (const { counts, opMs } of runs.samples) {
    uncertainty.visit(counts, (_, index) => opMs[index] !== null);
  }
  return uncertainty;
}

/** Errors of the prediction on random networks, which are measured for it. */
async function judge(
  runs: Runs,
  plan: Plan,
  fitted: FittedOps,
  { ops, runs: most }: AdaptiveOptions,
): Promise<number[]> {
  const errors: number[] = [];
  // The pace that the fit is of: networks that are measured now must not move it.
  const usual = usualPace(runs.samples);
  for (let network = 0; network < JUDGES; network += 1) {
    const sample = await takeNew(runs, plan, most);
    if (sample === null) continue;
    const drift = drifts(runs.samples, usual).at(-1) ?? 1;
    errors.push(Math.abs((fittedMs(ops, fitted, sample) * drift) / sample.totalMs - 1));
  }
  return errors;
}

/** Small networks have few subnets; after as many fruitless draws there are none left. */
const DRAWS = 20;

async function takeNew(runs: Runs, plan: Plan, most: number): Promise<RunSample | null> {
  for (let draw = 0; draw < DRAWS && runs.samples.length < most && !runs.isOver(); draw += 1) {
    const sample = await runs.take(plan.next());
    if (sample !== null) return sample;
  }
  return null;
}

function visitAndLearn(uncertainty: Uncertainty, fitted: FittedOps, sample: RunSample): void {
  uncertainty.learn(fitted, sample);
  uncertainty.visit(sample.counts, (_, index) => sample.opMs[index] !== null);
}

/** Of some random subnets, the one whose operations are the most uncertain for the time that it takes to run. */
function mostTelling(structure: Structure, plan: Plan, uncertainty: Uncertainty): Subnet {
  let best = plan.next();
  let most = -1;
  for (let candidate = 0; candidate < CANDIDATES; candidate += 1) {
    const subnet = plan.next();
    const gone = goneNodes(structure, subnet);
    const score = uncertainty.of(unitCounts(subnet), (op) => !gone.has(op.id));
    if (score <= most) continue;
    most = score;
    best = subnet;
  }
  return best;
}

function pointOf(runs: number, errors: readonly number[]): CurvePoint {
  const meanError = errors.reduce((sum, error) => sum + error, 0) / errors.length;
  return { runs, meanError, worstError: Math.max(...errors), networks: errors.length };
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
