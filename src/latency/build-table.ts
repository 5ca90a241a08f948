import { quantile } from "../runtime/timing.ts";
import { evaluateCount } from "../structure/counts.ts";
import type { AxisCount } from "../structure/structure.ts";
import { type Calibration, calibrate, spreadOf, withoutDrift } from "./calibrate.ts";
import { type CellModel, type CellSample, fitCells } from "./fit.ts";
import type { ProfiledOp } from "./ops.ts";
import type { RunSample } from "./samples.ts";
import type { LatencyOp, LatencyTable } from "./table.ts";
import { fitTotals, type SummedNetwork } from "./totals.ts";

/** What a table says besides its times. */
export type TableHead = Pick<
  LatencyTable,
  | "device"
  | "runtime"
  | "precision"
  | "batch"
  | "threads"
  | "optimisation"
  | "date"
  | "command"
  | "repeats"
  | "step"
  | "network"
>;

/** The reference varied by more than this: something else was running. */
const NOISY_SPREAD = 0.05;

/**
 * Makes a table of measured networks. Ops of one signature share their measurements; every cell of the grid gets a time,
 * from its own measurements and those around it.
 *
 * @param samples in the order they were measured; the first is the dense network
 * @param grid numbers of units per dim that the table covers
 */
export function buildTable(
  ops: readonly ProfiledOp[],
  samples: readonly RunSample[],
  grid: readonly (readonly number[])[],
  head: TableHead,
): LatencyTable {
  const steady = withoutDrift(samples);
  const calibration = calibrate(steady);
  const models = cellModels(ops, steady, calibration);
  const { factor, offsetMs } = fitTotals(sums(ops, steady, models));
  let fixedMs = offsetMs;
  const tableOps: LatencyOp[] = [];
  for (const op of ops) {
    const entry = tableOp(op, models.get(op.signature), grid, factor);
    if (entry === null) continue;
    if (op.axes.length === 0 && !op.droppable) fixedMs += entry.ms[0] ?? 0;
    else tableOps.push(entry);
  }
  return {
    schema: "mdp-latency-table/1",
    ...head,
    runs: samples.length,
    spread: spreadOf(samples),
    // Run with every network, so that its median is steadier than the one time it was measured itself.
    denseMs: quantile(
      samples.map((sample) => sample.referenceMs),
      0.5,
    ),
    scale: calibration.scale * factor,
    fixedMs,
    expectedError: null,
    notes: notesOf(samples, calibration, offsetMs),
    ops: tableOps,
  };
}

function notesOf(
  samples: readonly RunSample[],
  calibration: Calibration,
  offsetMs: number,
): string[] {
  const notes = [
    `Recorded times add up to the networks' with a mean error of ${percent(calibration.meanError)}: ` +
      `scale ${calibration.scale.toFixed(4)}, ${(calibration.perEventMs * 1000).toFixed(2)} us per recorded event.`,
  ];
  if (offsetMs !== 0) {
    notes.push(
      `Larger networks lose more to the caches than their operations tell one by one: the fixed part holds ${offsetMs.toFixed(4)} ms for it.`,
    );
  }
  const spread = spreadOf(samples);
  if (spread > NOISY_SPREAD) {
    notes.push(
      `The machine was not quiet: the dense network's time varied by ${percent(spread)} while measuring.`,
    );
  }
  return notes;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/** One model per signature, learnt from all ops that bear it. */
function cellModels(
  ops: readonly ProfiledOp[],
  samples: readonly RunSample[],
  { scale, perEventMs }: Calibration,
): ReadonlyMap<string, CellModel> {
  const pools = new Map<string, CellSample[]>();
  for (const sample of samples) {
    for (const [index, op] of ops.entries()) {
      const ms = sample.opMs[index];
      if (ms === null || ms === undefined) continue;
      const events = sample.opEvents[index] ?? 0;
      const pool = pools.get(op.signature) ?? [];
      pools.set(op.signature, pool);
      pool.push({
        counts: op.axes.map((axis) => evaluateCount(axis, sample.counts)),
        ms: Math.max(0, scale * ms + perEventMs * events),
      });
    }
  }
  return new Map([...pools].map(([signature, pool]) => [signature, fitCells(pool)]));
}

/** Summed cells of each measured network, with the time that it took. */
function sums(
  ops: readonly ProfiledOp[],
  samples: readonly RunSample[],
  models: ReadonlyMap<string, CellModel>,
): SummedNetwork[] {
  return samples.map((sample) => {
    const times = ops.map((op, index) => {
      const counts = op.axes.map((axis) => evaluateCount(axis, sample.counts));
      return sample.opMs[index] === null ? 0 : (models.get(op.signature)?.at(counts) ?? 0);
    });
    return { summedMs: times.reduce((sum, ms) => sum + ms, 0), totalMs: sample.totalMs };
  });
}

function tableOp(
  op: ProfiledOp,
  model: CellModel | undefined,
  grid: readonly (readonly number[])[],
  factor: number,
): LatencyOp | null {
  if (model === undefined) return null;
  const counts = op.axes.map((axis) => reachableCounts(axis, grid));
  const ms: number[] = [];
  let origin = "";
  for (const cell of cellsOf(counts)) {
    ms.push(factor * model.at(cell));
    origin += model.measured(cell) ? "m" : "i";
  }
  if (ms.every((value) => value === 0)) return null;
  const axes = op.axes.map(({ fixed, parts }) => ({ fixed, parts: parts.map((p) => ({ ...p })) }));
  return { id: op.id, label: op.label, kind: op.kind, axes, counts, ms, origin };
}

/** All combinations of the counts, the last axis fastest. */
function cellsOf(counts: readonly (readonly number[])[]): number[][] {
  return counts.reduce<number[][]>(
    (cells, axis) => cells.flatMap((cell) => axis.map((count) => [...cell, count])),
    [[]],
  );
}

/** The channel counts that an axis can have over the grid, increasing. */
function reachableCounts(axis: AxisCount, grid: readonly (readonly number[])[]): number[] {
  let reachable = new Set([axis.fixed]);
  for (const { dim, perUnit } of axis.parts) {
    const next = new Set<number>();
    for (const sum of reachable) {
      for (const units of grid[dim] ?? []) next.add(sum + perUnit * units);
    }
    reachable = next;
  }
  return [...reachable].sort((a, b) => a - b);
}
