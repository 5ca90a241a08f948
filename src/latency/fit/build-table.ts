import { quantile } from "../../runtime/timing.ts";
import type { ProfiledOp } from "../ops.ts";
import type { RunSample } from "../run-sample.ts";
import type { LatencyOp, LatencyTable } from "../table.ts";
import { type Calibration, spreadOf } from "./calibrate.ts";
import type { CellModel } from "./cell-model.ts";
import { cellsOf, reachableCounts } from "./cells.ts";
import { fitOps } from "./fit-ops.ts";
import { USUAL_STAIRS } from "./law.ts";

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
  const { calibration, models, totals } = fitOps(ops, samples);
  const { factor, offsetMs } = totals;
  const timesOf = cellTimes(models, factor);
  let fixedMs = offsetMs;
  const tableOps: LatencyOp[] = [];
  for (const op of ops) {
    const entry = tableOp(op, grid, timesOf);
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
    notes: [...notesOf(samples, calibration, offsetMs), ...stairNotes(models)],
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

/** Stairs that differ from the usual ones; whoever chooses widths wants to know. */
function stairNotes(models: ReadonlyMap<string, CellModel>): string[] {
  const kinds = new Map<string, number>();
  for (const { stairs } of models.values()) {
    if (stairs === USUAL_STAIRS) continue;
    const { period, phase } = stairs;
    const text = `every ${period} channels${phase === 0 ? "" : ` from ${phase}`}`;
    kinds.set(text, (kinds.get(text) ?? 0) + 1);
  }
  if (kinds.size === 0) return [];
  const texts = [...kinds].map(([text, count]) => `${count} ${text}`);
  return [
    `Times rise in stairs; of ${models.size} kinds of operations ${texts.join(", ")}, the others every ${USUAL_STAIRS.period}.`,
  ];
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function tableOp(
  op: ProfiledOp,
  grid: readonly (readonly number[])[],
  timesOf: CellTimes,
): LatencyOp | null {
  const counts = op.axes.map((axis) => reachableCounts(axis, grid));
  const { ms, origin } = timesOf(op.signature, counts);
  if (ms.every((value) => value === 0)) return null;
  const axes = op.axes.map(({ fixed, parts }) => ({ fixed, parts: parts.map((p) => ({ ...p })) }));
  return { id: op.id, label: op.label, kind: op.kind, axes, counts, ms: [...ms], origin };
}

/** Times and origins of all cells over the counts; worked out once for ops of one signature over the same counts. */
type CellTimes = (
  signature: string,
  counts: readonly (readonly number[])[],
) => { readonly ms: readonly number[]; readonly origin: string };

function cellTimes(models: ReadonlyMap<string, CellModel>, factor: number): CellTimes {
  const known = new Map<string, ReturnType<CellTimes>>();
  return (signature, counts) => {
    const key = `${signature} ${JSON.stringify(counts)}`;
    const found = known.get(key);
    if (found !== undefined) return found;
    const model = models.get(signature);
    const cells = cellsOf(counts);
    const times = {
      ms: cells.map((cell) => factor * (model?.at(cell) ?? 0)),
      origin: cells.map((cell) => (model?.measured(cell) === true ? "m" : "i")).join(""),
    };
    known.set(key, times);
    return times;
  };
}
