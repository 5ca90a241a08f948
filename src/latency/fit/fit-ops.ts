import { evaluateCount } from "../../structure/counts.ts";
import type { ProfiledOp } from "../ops.ts";
import type { RunSample } from "../run-sample.ts";
import { type Calibration, calibrate, withoutDrift } from "./calibrate.ts";
import { type CellModel, fitCells } from "./cell-model.ts";
import { type CellSample, type FamilyMember, fitFamily, type Law } from "./law.ts";
import { fitTotals, type SummedNetwork, type Totals } from "./totals.ts";

/** What measured networks say of their operations, before it becomes a table. */
export interface FittedOps {
  readonly calibration: Calibration;
  /** One per signature, learnt from all operations that bear it. */
  readonly models: ReadonlyMap<string, CellModel>;
  readonly totals: Totals;
}

/** A network as far as its times depend on it: units per dim, and a time for each operation that it has. */
export type NetworkCounts = Readonly<Pick<RunSample, "opMs">> & UnitCounts;

/** Kept units per dim. */
export interface UnitCounts {
  readonly counts: readonly number[];
}

/** @param samples in the order they were measured; the first is the dense network */
export function fitOps(ops: readonly ProfiledOp[], samples: readonly RunSample[]): FittedOps {
  const steady = withoutDrift(samples);
  const calibration = calibrate(steady);
  const models = cellModels(ops, steady, calibration);
  const networks = steady.map(
    (sample): SummedNetwork => ({
      summedMs: summedMs(ops, models, sample),
      totalMs: sample.totalMs,
    }),
  );
  return { calibration, models, totals: fitTotals(networks) };
}

/** Milliseconds that the network is expected to take at the speed that the machine had for the fit. */
export function fittedMs(
  ops: readonly ProfiledOp[],
  { models, totals }: FittedOps,
  network: NetworkCounts,
): number {
  return totals.factor * summedMs(ops, models, network) + totals.offsetMs;
}

/** Channel counts of an operation in a network. */
export function countsOf(op: ProfiledOp, { counts }: UnitCounts): number[] {
  return op.axes.map((axis) => evaluateCount(axis, counts));
}

/** A recorded time without what recording adds, at the scale of the network's own time. */
export function calibratedMs(
  { scale, perEventMs }: Calibration,
  ms: number,
  events: number,
): number {
  return Math.max(0, scale * ms + perEventMs * events);
}

function summedMs(
  ops: readonly ProfiledOp[],
  models: ReadonlyMap<string, CellModel>,
  network: NetworkCounts,
): number {
  const times = ops.map((op, index) => {
    const isGone = network.opMs[index] === null;
    return isGone ? 0 : (models.get(op.signature)?.at(countsOf(op, network)) ?? 0);
  });
  return times.reduce((sum, ms) => sum + ms, 0);
}

function cellModels(
  ops: readonly ProfiledOp[],
  samples: readonly RunSample[],
  calibration: Calibration,
): ReadonlyMap<string, CellModel> {
  const pools = new Map<string, CellSample[]>();
  for (const sample of samples) {
    for (const [index, op] of ops.entries()) {
      const ms = sample.opMs[index];
      if (ms === null || ms === undefined) continue;
      const pool = pools.get(op.signature) ?? [];
      pools.set(op.signature, pool);
      pool.push({
        counts: countsOf(op, sample),
        ms: calibratedMs(calibration, ms, sample.opEvents[index] ?? 0),
      });
    }
  }
  const families = familyLaws(ops, pools);
  return new Map(
    [...pools].map(([signature, pool]) => [signature, fitCells(pool, families.get(signature))]),
  );
}

/** For each signature whose family has others, the family's law at its positions. */
function familyLaws(
  ops: readonly ProfiledOp[],
  pools: ReadonlyMap<string, readonly CellSample[]>,
): ReadonlyMap<string, Law> {
  const families = new Map<string, Map<string, FamilyMember>>();
  for (const { signature, family, positions } of ops) {
    const samples = pools.get(signature);
    if (samples === undefined) continue;
    const members = families.get(family) ?? new Map<string, FamilyMember>();
    families.set(family, members.set(signature, { samples, positions }));
  }
  const laws = new Map<string, Law>();
  for (const members of families.values()) {
    if (members.size < 2) continue;
    const law = fitFamily([...members.values()]);
    for (const [signature, { positions }] of members) laws.set(signature, law(positions));
  }
  return laws;
}
