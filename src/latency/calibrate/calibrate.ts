import { InterruptedError } from "../../core/errors.ts";
import type { Progress } from "../../core/progress.ts";
import type { Structure } from "../../structure/structure.ts";
import { keepAll, type Subnet } from "../../subnet/subnet.ts";
import type { EndToEnd, Measurement, Measurer } from "../measure/measurer.ts";
import { subnetKey } from "../measure/samples.ts";
import type { ProfiledOp } from "../ops.ts";
import type { LatencyTable } from "../table.ts";
import { correctTable, type MeasuredNetwork } from "./correct-table.ts";

/** The best subnet of a table within a budget. */
export interface Solution {
  readonly subnet: Subnet;
  /** What the table says it takes, in milliseconds. */
  readonly predictedMs: number;
  /** What was made as large as possible. */
  readonly value: number;
}

export interface CalibrateOptions<Found extends Solution = Solution> {
  readonly structure: Structure;
  readonly ops: readonly ProfiledOp[];
  /** The budget in milliseconds where the dense network takes `denseMs`: a share of it, or the same whatever it is. */
  readonly budgetMs: (denseMs: number) => number;
  /** How far below the budget the network may end, as a share: 0.02. */
  readonly tolerance: number;
  /** Corrections of the table at most. */
  readonly rounds: number;
  readonly measurer: Pick<Measurer, "measure" | "time">;
  readonly solve: (table: LatencyTable, budgetMs: number) => Promise<Found>;
  /** ISO 8601. */
  readonly date: () => string;
  readonly progress: Progress;
  readonly signal?: AbortSignal;
}

/** One subnet that was solved for and measured. */
export interface CalibrationTry {
  /** Corrections of the table before it. */
  readonly round: number;
  /** What the solver was given, in milliseconds of the corrected table. */
  readonly askedMs: number;
  readonly predictedMs: number;
  readonly measuredMs: number;
  /** The dense network, measured in turns with it. */
  readonly denseMs: number;
  /** The budget at that time. */
  readonly budgetMs: number;
  /** measuredMs / budgetMs. */
  readonly used: number;
  readonly value: number;
}

export type CalibrationStatus =
  /** Within the budget and the tolerance. */
  | "met"
  /** Within the budget; no subnet nearer to it was found. */
  | "below"
  /** Every subnet that was tried takes longer than the budget. */
  | "above";

export interface Calibrated<Found extends Solution = Solution> {
  readonly status: CalibrationStatus;
  /** The best of `tries` within the budget; where there is none, the nearest. */
  readonly best: number;
  readonly solution: Found;
  readonly tries: readonly CalibrationTry[];
  /** Corrected by every network that was measured. */
  readonly table: LatencyTable;
}

/** Share of the tolerance that a network stays away from the budget itself: another measurement differs a little. */
const MARGIN = 0.1;
/** After the last correction only the budget is moved, so often. */
const LAST_TRIES = 3;

/**
 * Solves, measures, corrects the table by what was measured and solves again, until a network's real time lies within
 * the tolerance below its budget. The solver prefers cells that the table has too short, so that the first answers tend
 * to be slower than predicted; every correction takes that away where the solver looks.
 *
 * It aims at the middle of the band. After the last correction the budget that the solver gets is moved instead, between
 * what proved too much and too little.
 *
 * @throws InterruptedError `latency/interrupted`; whatever `solve` and the measurer throw
 */
export async function calibrateTable<Found extends Solution>(
  table: LatencyTable,
  options: CalibrateOptions<Found>,
): Promise<Calibrated<Found>> {
  const { structure, measurer, tolerance, rounds, progress } = options;
  refuseInterrupted(options.signal, 0);
  progress.note("measuring the dense network");
  const dense = await measurer.measure(keepAll(structure));
  const known = new Map<string, Measurement>();
  const networks: MeasuredNetwork[] = [];
  const solutions: Found[] = [];
  const tries: CalibrationTry[] = [];
  const correct = (): LatencyTable =>
    correctTable(table, {
      ...options,
      dense: steady(dense, networks),
      measured: networks,
      date: options.date(),
    }).table;

  const isMet = ({ used }: CalibrationTry): boolean =>
    used <= 1 - MARGIN * tolerance && used >= 1 - tolerance;

  const attempt = async (
    round: number,
    current: LatencyTable,
    askedMs: number,
  ): Promise<CalibrationTry> => {
    refuseInterrupted(options.signal, tries.length);
    const solution = await options.solve(current, askedMs);
    const key = subnetKey(solution.subnet);
    const measurement = known.get(key) ?? (await measurer.measure(solution.subnet));
    if (!known.has(key)) networks.push({ subnet: solution.subnet, measurement });
    const first = tryOf(round, askedMs, solution, measurement, options.budgetMs);
    // One measurement that happens to be low must not decide: what seems to meet the budget is timed again.
    const seemsMet = first.used <= 1 && first.used >= 1 - tolerance;
    const done = seemsMet ? confirmed(first, await measurer.time(solution.subnet), options) : first;
    // A network that is solved for again starts from all of its times, so that no lucky one of many decides.
    known.set(key, { ...measurement, totalMs: done.measuredMs });
    solutions.push(solution);
    tries.push(done);
    progress.note(
      `round ${round}: ${done.measuredMs.toFixed(3)} ms measured, ${done.predictedMs.toFixed(3)} predicted, ${(100 * done.used).toFixed(1)} % of the budget`,
    );
    return done;
  };
  const aim = 1 - tolerance / 2;
  let met = false;
  for (let round = 1; round <= rounds && !met; round += 1) {
    const current = correct();
    const budgetMs = options.budgetMs(current.denseMs);
    let askedMs = aim * budgetMs;
    const mostTries = round === rounds ? 1 + LAST_TRIES : 1;
    const bracket = { low: 0, high: Number.POSITIVE_INFINITY };
    for (let turn = 0; turn < mostTries && !met; turn += 1) {
      const done = await attempt(round, current, askedMs);
      met = isMet(done);
      askedMs = nextAsked(done, aim, bracket);
    }
  }
  const best = bestOf(tries, 1 - MARGIN * tolerance);
  const solution = solutions[best];
  const chosen = tries[best];
  if (solution === undefined || chosen === undefined) throw nothingTried();
  const status = chosen.used > 1 ? "above" : chosen.used >= 1 - tolerance ? "met" : "below";
  return { status, best, solution, tries, table: correct() };
}

function tryOf(
  round: number,
  askedMs: number,
  { predictedMs, value }: Solution,
  { totalMs, referenceMs }: Measurement,
  budgetOf: (denseMs: number) => number,
): CalibrationTry {
  const budgetMs = budgetOf(referenceMs);
  return {
    ...{ round, askedMs, predictedMs, value, budgetMs },
    measuredMs: totalMs,
    denseMs: referenceMs,
    used: totalMs / budgetMs,
  };
}

/** With the mean of two measurements. */
function confirmed(
  first: CalibrationTry,
  { totalMs, referenceMs }: EndToEnd,
  { budgetMs }: Pick<CalibrateOptions, "budgetMs">,
): CalibrationTry {
  const used = (first.used + totalMs / budgetMs(referenceMs)) / 2;
  return { ...first, used, measuredMs: used * first.budgetMs };
}

/**
 * In proportion to how far off the measured time was, but inside of what is known to be too little and too much: below
 * and above the aim, since what is only just within the budget is too much.
 */
function nextAsked(
  { askedMs, used }: CalibrationTry,
  aim: number,
  bracket: { low: number; high: number },
): number {
  if (used > aim) bracket.high = Math.min(bracket.high, askedMs);
  else bracket.low = Math.max(bracket.low, askedMs);
  const wanted = (askedMs * aim) / used;
  const isInside = wanted > bracket.low && wanted < bracket.high;
  return isInside || !Number.isFinite(bracket.high) ? wanted : (bracket.low + bracket.high) / 2;
}

/** The dense network's time as its turns with all others tell it, which one time alone is less steady than. */
function steady(dense: Measurement, networks: readonly MeasuredNetwork[]): Measurement {
  const times = [
    dense.totalMs,
    dense.referenceMs,
    ...networks.map(({ measurement }) => measurement.referenceMs),
  ];
  const sorted = times.sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? dense.totalMs;
  const totalMs = Number.isInteger(middle) ? ((sorted[middle - 1] ?? upper) + upper) / 2 : upper;
  return { ...dense, totalMs, referenceMs: totalMs };
}

/** The most valuable that is surely within the budget, or just within; the nearest to it where all are above. */
function bestOf(tries: readonly CalibrationTry[], surely: number): number {
  for (const most of [surely, 1]) {
    const within = tries.flatMap((one, index) => (one.used <= most ? [{ ...one, index }] : []));
    const better = within.sort((a, b) => b.value - a.value || b.used - a.used)[0];
    if (better !== undefined) return better.index;
  }
  const all = tries.map(({ used }, index) => ({ used, index }));
  return all.sort((a, b) => a.used - b.used)[0]?.index ?? -1;
}

function refuseInterrupted(signal: AbortSignal | undefined, done: number): void {
  if (signal?.aborted !== true) return;
  throw nothingTried(done);
}

function nothingTried(done = 0): InterruptedError {
  return new InterruptedError({
    code: "latency/interrupted",
    message: `Interrupted after ${done} measured networks; nothing was written.`,
    hint: "Give the same command again.",
  });
}
