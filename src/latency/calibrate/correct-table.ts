/**
 * A table corrected by whole networks that were measured after it was made.
 *
 * Times are brought to one speed of the machine by the dense network, which runs in turns with every other. Then
 *
 *     cell' = a * cell * exp(sum over measured networks of w * ln(seen / cell))      fixed' = a * fixed + b
 *
 * where `seen` is what the runtime recorded for the operation in that network and `w` falls with the distance between
 * the cell's widths and that network's; a and b make the dense network and the measured ones come out as measured.
 */
import { evaluateCount } from "../../structure/counts.ts";
import type { Structure } from "../../structure/structure.ts";
import { keepAll, type Subnet, unitCounts } from "../../subnet/subnet.ts";
import { countsAt, latencyMs } from "../lookup.ts";
import type { Measurement } from "../measure/measurer.ts";
import type { ProfiledOp } from "../ops.ts";
import { predictNetwork } from "../predict-network.ts";
import type { LatencyOp, LatencyTable } from "../table.ts";
import { eventCost } from "./event-cost.ts";

/** A whole network that was measured, operation by operation where the device tells. */
export interface MeasuredNetwork {
  readonly subnet: Subnet;
  readonly measurement: Measurement;
}

export interface CorrectionInput {
  readonly structure: Structure;
  /** In the order of the measurements' `opMs`. */
  readonly ops: readonly Pick<ProfiledOp, "id">[];
  /** The whole network. */
  readonly dense: Measurement;
  readonly measured: readonly MeasuredNetwork[];
  /** ISO 8601. */
  readonly date: string;
}

export interface Correction {
  readonly table: LatencyTable;
  /** Factor on every cell, and the milliseconds that were added to the fixed part. */
  readonly factor: number;
  readonly offsetMs: number;
  /** Cells that were seen by themselves. */
  readonly cells: number;
}

/** How far one recorded time moves its cell; the rest stays with the table, which saw more networks. */
const TRUST = 0.7;
/** Times as short as this, in milliseconds, are recorded too coarsely to move a cell by more than half of that. */
const COARSE_MS = 0.005;
/** Widths this far apart, as a natural logarithm, have little to say of one another. */
const REACH = 0.15;
/** No single operation is believed to be off by more than this factor. */
const MOST = 2;

/**
 * The table as the measured networks correct it; the given one is left alone. Without measured networks only its speed
 * is brought to today's.
 */
export function correctTable(table: LatencyTable, input: CorrectionInput): Correction {
  const { structure, dense, measured } = input;
  const speed = dense.totalMs / table.denseMs;
  const today = scaled(table, speed, 0);
  const denseNetwork = { subnet: keepAll(structure), measurement: dense };
  const seen = [denseNetwork, ...measured];
  const { ops, cells } =
    measured.length === 0 ? { ops: today.ops, cells: 0 } : cellwise(today, seen, input);
  const shaped = { ...today, ops };
  const rows = seen.map(({ subnet, measurement }) => ({
    sumMs: predictNetwork(shaped, structure, subnet).ms,
    wantedMs: (measurement.totalMs * dense.totalMs) / measurement.referenceMs,
  }));
  const { factor, offsetMs } = measured.length === 0 ? { factor: 1, offsetMs: 0 } : line(rows);
  const corrected = scaled(shaped, factor, offsetMs);
  const errors = (of: LatencyTable): number =>
    mean(
      seen.map(({ subnet }, index) => {
        const wanted = rows[index]?.wantedMs ?? Number.NaN;
        return Math.abs(predictNetwork(of, structure, subnet).ms / wanted - 1);
      }),
    );
  const calibration = {
    date: input.date,
    networks: seen.length,
    factor: speed * factor,
    cells,
    errorBefore: errors(today),
    errorAfter: errors(corrected),
  };
  const calibrated = {
    ...corrected,
    denseMs: dense.totalMs,
    expectedError: notOfThis(table.expectedError),
    calibrations: [...(table.calibrations ?? []), calibration],
  };
  return { table: calibrated, factor: speed * factor, offsetMs, cells };
}

const BEFORE = "; before the table was calibrated";

/** Nobody has judged the corrected table on networks that were left out. */
function notOfThis(error: LatencyTable["expectedError"]): LatencyTable["expectedError"] {
  if (error === null || error.how.endsWith(BEFORE)) return error;
  return { ...error, how: `${error.how}${BEFORE}` };
}

/** Every time of the table times the factor, and the offset on the fixed part. */
function scaled(table: LatencyTable, factor: number, offsetMs: number): LatencyTable {
  const times = (values: readonly number[]): number[] => values.map((value) => factor * value);
  return {
    ...table,
    denseMs: factor * table.denseMs,
    scale: factor * table.scale,
    fixedMs: factor * table.fixedMs + offsetMs,
    ops: table.ops.map((op) => ({
      ...op,
      ms: times(op.ms),
      ...(op.lowMs === undefined ? {} : { lowMs: times(op.lowMs) }),
      ...(op.highMs === undefined ? {} : { highMs: times(op.highMs) }),
    })),
  };
}

/** A recorded time against its cell. */
interface Sighting {
  readonly counts: readonly number[];
  readonly logRatio: number;
  readonly weight: number;
}

function cellwise(
  table: LatencyTable,
  seen: readonly MeasuredNetwork[],
  { ops, dense }: CorrectionInput,
): { readonly ops: LatencyOp[]; readonly cells: number } {
  const position = new Map<string, number>(ops.map((op, index) => [op.id, index]));
  const recorded = seen.map((network) => recordedTimes(network, dense, table, position));
  let cells = 0;
  const corrected = table.ops.map((op) => {
    const sightings = recorded.flatMap((times) => times.get(op.id) ?? []);
    if (sightings.length === 0) return op;
    const own = new Set(sightings.map(({ counts }) => counts.join(",")));
    const factors = op.ms.map((_, cell) => factorAt(countsAt(cell, op.counts), sightings));
    const isSeen = op.ms.map((_, cell) => own.has(countsAt(cell, op.counts).join(",")));
    cells += isSeen.filter(Boolean).length;
    return timesFactors(op, factors, isSeen);
  });
  return { ops: corrected, cells };
}

function timesFactors(
  op: LatencyOp,
  factors: readonly number[],
  isSeen: readonly boolean[],
): LatencyOp {
  const times = (values: readonly number[]): number[] =>
    values.map((value, cell) => value * (factors[cell] ?? 1));
  return {
    ...op,
    ms: times(op.ms),
    ...(op.lowMs === undefined ? {} : { lowMs: times(op.lowMs) }),
    ...(op.highMs === undefined ? {} : { highMs: times(op.highMs) }),
    origin: [...op.origin].map((origin, cell) => (isSeen[cell] === true ? "m" : origin)).join(""),
  };
}

function factorAt(counts: readonly number[], sightings: readonly Sighting[]): number {
  let [sum, weights] = [0, 0];
  for (const sighting of sightings) {
    const distance = sighting.counts.reduce(
      (total, count, axis) => total + Math.log((counts[axis] ?? count) / count) ** 2,
      0,
    );
    const weight = sighting.weight * Math.exp(-distance / (2 * REACH ** 2));
    sum += weight * sighting.logRatio;
    weights += weight;
  }
  return Math.exp(sum / Math.max(1, weights));
}

/** What each operation took in a measured network, against its cell. */
function recordedTimes(
  { subnet, measurement }: MeasuredNetwork,
  dense: Measurement,
  table: LatencyTable,
  position: ReadonlyMap<string, number>,
): ReadonlyMap<string, Sighting> {
  const units = unitCounts(subnet);
  const drift = dense.totalMs / measurement.referenceMs;
  const cells = table.ops.flatMap((op) => {
    const index = position.get(op.id);
    const ms = index === undefined ? null : (measurement.opMs[index] ?? null);
    if (index === undefined || ms === null || !(ms > 0)) return [];
    const counts = op.axes.map((axis) => evaluateCount(axis, units));
    const events = measurement.opEvents[index] ?? 1;
    return [{ op, counts, events, ms: drift * ms, cellMs: latencyMs(op, counts).ms }];
  });
  const cost = eventCost(cells);
  return new Map(
    cells.flatMap(({ op, counts, events, ms, cellMs }) => {
      const seenMs = cost.scale * ms + cost.perEventMs * events;
      if (!(seenMs > 0 && cellMs > 0)) return [];
      const logRatio = Math.log(Math.min(MOST, Math.max(1 / MOST, seenMs / cellMs)));
      const weight = (TRUST * cellMs) / (cellMs + COARSE_MS);
      return [[op.id, { counts, logRatio, weight }] as const];
    }),
  );
}

interface Row {
  readonly sumMs: number;
  readonly wantedMs: number;
}

const MOST_FACTOR = 1.2;
const MOST_OFFSET = 0.1;
/** A network as large as this share of the dense one can't tell a factor from an offset. */
const TOO_NEAR = 0.85;

/**
 * factor * sum + offset through the dense network (the first row) and the measured ones, the last of which counts most:
 * what is asked next will be near it.
 */
function line(rows: readonly Row[]): { readonly factor: number; readonly offsetMs: number } {
  const [dense, ...others] = rows;
  const last = others.at(-1);
  if (dense === undefined || last === undefined) return { factor: 1, offsetMs: 0 };
  const weights = others.map((_, index) => 0.5 ** (others.length - 1 - index));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const average = (of: (row: Row) => number): number =>
    others.reduce((sum, row, index) => sum + (weights[index] ?? 0) * of(row), 0) / total;
  const [sum, wanted] = [average(({ sumMs }) => sumMs), average(({ wantedMs }) => wantedMs)];
  const factor = (dense.wantedMs - wanted) / (dense.sumMs - sum);
  const offsetMs = wanted - factor * sum;
  const isUsable =
    sum < TOO_NEAR * dense.sumMs &&
    factor > 1 / MOST_FACTOR &&
    factor < MOST_FACTOR &&
    Math.abs(offsetMs) < MOST_OFFSET * dense.wantedMs;
  return isUsable ? { factor, offsetMs } : { factor: wanted / sum, offsetMs: 0 };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}
