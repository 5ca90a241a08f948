import { LimitError, UsageError } from "../../core/errors.ts";
import type { CalibrateReport } from "../../documents/calibrate.ts";
import { latencyBudget } from "../../formulation/network/latency-budget.ts";
import {
  type Calibrated,
  type CalibrationTry,
  calibrateTable,
  type Solution,
} from "../../latency/calibrate/calibrate.ts";
import { endToEndMeasurer } from "../../latency/calibrate/end-to-end.ts";
import { localDevice } from "../../latency/measure/device-facts.ts";
import type { Measurer } from "../../latency/measure/measurer.ts";
import { profiledOps } from "../../latency/ops.ts";
import type { LatencyTable } from "../../latency/table.ts";
import { percent } from "../../report/amounts.ts";
import { runtimeVersion } from "../../runtime/onnxruntime.ts";
import { OPTIMISATIONS } from "../../runtime/session.ts";
import type { OpenNetwork } from "../open/network.ts";
import type { RunContext } from "../run-context.ts";
import {
  type SolvedNetwork,
  type SolveNetworkOptions,
  withBudget,
} from "../solve/asked-network.ts";
import { prepareNetwork, solvePrepared } from "../solve/solve-network.ts";
import type { TableSource } from "./table-source.ts";

export interface CalibrateSettings {
  /** Share below the budget that the network may end at. */
  readonly tolerance: number;
  readonly rounds: number;
  readonly repeats: number;
  readonly seed: number;
  /** Runs the subnets; onnxruntime on this machine unless given. */
  readonly measurer?: Measurer;
}

interface SolvedRound extends Solution {
  readonly solved: SolvedNetwork;
  readonly source: TableSource;
}

/** A network within its budget on the device itself, with the table that was corrected on the way. */
export interface CalibratedNetwork {
  readonly solved: SolvedNetwork;
  /** With the table that the subnet was solved with. */
  readonly source: TableSource;
  /** Corrected by every network that was measured. */
  readonly table: LatencyTable;
  readonly report: CalibrateReport;
}

/** Corrections of the table, and counted runs per session, unless somebody says otherwise. */
export const CALIBRATION = { rounds: 3, repeats: 50 } as const;
/** Of the tolerance, what the noise of a measurement may be. */
const NOISE_SHARE = 0.25;
/** Sessions of each network that is timed. */
const SESSIONS = 3;

/**
 * Solves, measures on this machine, corrects the table and solves again until the network's real latency meets the budget.
 * @throws UsageError `cli/calibrate-budget`, `cli/calibrate-device`, `cli/calibrate-robust`; whatever solving throws
 */
export async function calibrateOpened(
  open: OpenNetwork,
  source: TableSource,
  wanted: SolveNetworkOptions,
  settings: CalibrateSettings,
  context: RunContext,
): Promise<CalibratedNetwork> {
  const { structure, model } = open;
  const { table } = source;
  if (wanted.robust !== undefined && wanted.robust !== null) throw robustAsWell();
  const budgetMs = await budgetFunction(wanted.budget);
  if (settings.measurer === undefined) checkDevice(table);
  const ops = profiledOps(structure);
  const measurer =
    settings.measurer ??
    (await endToEndMeasurer(model, structure, ops, {
      signal: context.signal,
      batch: table.batch,
      threads: table.threads ?? 1,
      optimisation: OPTIMISATIONS.find((name) => name === table.optimisation) ?? "all",
      repeats: settings.repeats,
      noise: NOISE_SHARE * settings.tolerance,
      sessions: SESSIONS,
      seed: settings.seed,
    }));
  const solve = async (current: LatencyTable, askedMs: number): Promise<SolvedRound> => {
    const now = withTable(source, current);
    const prepared = await prepareNetwork(open, now, wanted);
    const problem = withBudget(prepared.network.problem, askedMs);
    const solved = await solvePrepared(prepared, problem, wanted, context);
    return {
      ...{ solved, source: now, subnet: solved.subnet },
      predictedMs: solved.latencyMs.chosen,
      value: solved.minimised === null ? solved.importanceKept.chosen : -solved.minimised.chosen,
    };
  };
  try {
    const calibrated = await calibrateTable<SolvedRound>(table, {
      ...{ structure, ops, budgetMs, measurer, solve },
      tolerance: settings.tolerance,
      rounds: settings.rounds,
      date: () => new Date().toISOString(),
      progress: context.progress,
      signal: context.signal,
    });
    const { solved, source: solvedWith } = calibrated.solution;
    const report = reportOf(open, source, wanted, settings, calibrated);
    return { solved, source: solvedWith, table: calibrated.table, report };
  } finally {
    await measurer.close();
  }
}

/** The same way to the tables of other devices, with this device's table replaced. */
function withTable(source: TableSource, table: LatencyTable): TableSource {
  const other = (name: string): LatencyTable => {
    const found = source.other(name);
    return found === source.table ? table : found;
  };
  return { ...source, table, other };
}

async function budgetFunction(text: string): Promise<(denseMs: number) => number> {
  const [atOne, atTwo] = [await latencyBudget(text, 1), await latencyBudget(text, 2)];
  if (!Number.isFinite(atOne)) {
    throw new UsageError({
      code: "cli/calibrate-budget",
      message: "Without a latency budget there is nothing that a measured network could meet.",
      where: "--budget",
      hint: "Give one, such as --budget 50% or --budget 12ms.",
    });
  }
  return (denseMs) => atOne + (atTwo - atOne) * (denseMs - 1);
}

function checkDevice({ device, runtime }: LatencyTable): void {
  const here = localDevice().model;
  if (device.model === here && runtime.name === "onnxruntime") return;
  throw new UsageError({
    code: "cli/calibrate-device",
    message: `The table is for ${runtime.name} on '${device.model}'; this machine runs onnxruntime ${runtimeVersion()} on '${here}', so that its times say nothing about it.`,
    where: "--table",
    hint: "Calibrate on the device itself, with a table of mdp profile made there.",
  });
}

function reportOf(
  open: OpenNetwork,
  { table, path }: TableSource,
  wanted: SolveNetworkOptions,
  { tolerance, rounds }: CalibrateSettings,
  { status, best, tries, table: corrected, solution }: Calibrated<SolvedRound>,
): CalibrateReport {
  const { importanceKept } = solution.solved;
  const last = corrected.calibrations?.at(-1);
  const chosen = tries[best];
  return {
    schema: "mdp-calibrate/1",
    network: open.name,
    device: table.device.name,
    tablePath: path,
    budget: wanted.budget,
    tolerance,
    rounds,
    status,
    best,
    chosen: chosen ?? null,
    tries: tries.map((one: CalibrationTry) => ({ ...one })),
    importanceKept,
    correction:
      last === undefined
        ? null
        : {
            networks: last.networks,
            factor: last.factor,
            cells: last.cells,
            errorBefore: last.errorBefore,
            errorAfter: last.errorAfter,
          },
  };
}

function robustAsWell(): UsageError {
  return new UsageError({
    code: "cli/calibrate-robust",
    message:
      "A calibrated network is measured: there is no probability left that it keeps its budget.",
    where: "--robust",
    hint: "Leave --robust out, or solve without calibrating.",
  });
}

/** Every network that was tried takes longer than the budget. */
export function notMet({ chosen }: CalibrateReport, where: string): LimitError {
  return new LimitError({
    code: "cli/calibrate-above",
    message: `No network was found within the budget: the nearest takes ${percent(chosen?.used ?? Number.NaN)} of it.`,
    where,
    hint: "The corrected table is there: calibrate from it with --table, allow more rounds, or ask for a larger budget.",
  });
}
