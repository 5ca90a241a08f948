/** What the schema alone doesn't say of a table: every cell is there, in range, once, and in the units that its name says. */
import { countsAt } from "./lookup.ts";
import { COLUMNS, type Column, type LatencyOp, type LatencyTable } from "./table-schema.ts";

/** The whole network's time and its cells' sum may differ by measurement, not by the factor of a wrong unit. */
const UNIT_FACTOR = 20;
/** Written with six digits, a bound may lie this much on the wrong side of its cell. */
const ROUNDING = 1e-5;

/** What is wrong with a table in one sentence; null where nothing is. */
export function tableFault(table: LatencyTable): string | null {
  return headFault(table) ?? opsFault(table) ?? unitFault(table);
}

function headFault({ batch, step, denseMs, fixedMs }: LatencyTable): string | null {
  if (batch < 1) return `batch is ${batch}; a run has at least one image.`;
  if (step < 1) return `step is ${step}; a grid is at least one channel wide.`;
  if (denseMs <= 0) return `denseMs is ${denseMs}; a network takes time.`;
  if (!Number.isFinite(fixedMs)) return `fixedMs is ${fixedMs}.`;
  return null;
}

function opsFault(table: LatencyTable): string | null {
  const seen = new Map<string, string>();
  for (const op of table.ops) {
    const other = seen.get(op.id);
    if (other !== undefined) {
      return `operation '${op.id}' is there twice, as '${other}' and as '${op.label}'.`;
    }
    seen.set(op.id, op.label);
    const fault = shapeFault(op) ?? columnsFault(op, table) ?? rangeFault(op);
    if (fault !== null) return fault;
  }
  return null;
}

function shapeFault(op: LatencyOp): string | null {
  if (op.axes.length !== op.counts.length) {
    return `op '${op.label}' has ${op.axes.length} axes but ${op.counts.length} lists of counts.`;
  }
  for (const [axis, counts] of op.counts.entries()) {
    if (counts.length === 0) return `op '${op.label}' covers no count on axis ${axis}.`;
    const wrong = counts.findIndex(
      (count, index) => index > 0 && count <= (counts[index - 1] ?? 0),
    );
    if (wrong > 0) {
      const twice = counts[wrong] === counts[wrong - 1];
      return (
        `the counts of op '${op.label}' on axis ${axis} are not increasing: ${counts[wrong]} ` +
        `${twice ? "is there twice" : `comes after ${counts[wrong - 1]}`}.`
      );
    }
  }
  const cells = op.counts.reduce((product, counts) => product * counts.length, 1);
  if (op.ms.length !== cells || op.origin.length !== cells) {
    return `op '${op.label}' has ${cells} cells but ${op.ms.length} times and ${op.origin.length} origins.`;
  }
  const letter = [...op.origin].findIndex((origin) => !"mip".includes(origin));
  return letter < 0
    ? null
    : `${cellName(op, letter)}: its origin is '${op.origin[letter]}', which is none of m (measured), i (interpolated), p (predicted).`;
}

/** Which columns there are is one thing for all operations, and the header says what they mean. */
function columnsFault(op: LatencyOp, table: LatencyTable): string | null {
  const { interval, energyMj, memoryBytes } = table;
  const head = { lowMs: interval, highMs: interval, energyMj, memoryBytes };
  for (const column of COLUMNS) {
    const values = op[column];
    if ((values === undefined) !== (head[column] === undefined)) {
      return values === undefined
        ? `the header speaks of '${column}', which op '${op.label}' doesn't have.`
        : `op '${op.label}' has a column '${column}' that the header says nothing of.`;
    }
    if (values !== undefined && values.length !== op.ms.length) {
      return `op '${op.label}' has ${op.ms.length} cells but ${values.length} values of '${column}'.`;
    }
  }
  return null;
}

function rangeFault(op: LatencyOp): string | null {
  for (const column of ["ms", ...COLUMNS] as const) {
    const values = op[column] ?? [];
    const cell = values.findIndex((value) => !(value >= 0));
    if (cell >= 0)
      return `${cellName(op, cell)}: ${column} is ${values[cell]}; it can't be below 0.`;
  }
  const { lowMs, highMs } = op;
  if (lowMs === undefined || highMs === undefined) return null;
  const cell = op.ms.findIndex(
    (ms, index) =>
      (lowMs[index] ?? 0) > ms * (1 + ROUNDING) || (highMs[index] ?? 0) < ms * (1 - ROUNDING),
  );
  return cell < 0
    ? null
    : `${cellName(op, cell)}: its time ${op.ms[cell]} ms is outside of its interval ${lowMs[cell]} to ${highMs[cell]} ms.`;
}

/** The dense network is the widest cell of every operation and the fixed part. */
function unitFault({ ops, denseMs, fixedMs }: LatencyTable): string | null {
  const sum = ops.reduce((total, op) => total + (op.ms.at(-1) ?? 0), fixedMs);
  const ratio = sum / denseMs;
  if (ops.length === 0 || (ratio < UNIT_FACTOR && ratio > 1 / UNIT_FACTOR)) return null;
  const largest = ops.reduce((a, b) => ((a.ms.at(-1) ?? 0) >= (b.ms.at(-1) ?? 0) ? a : b));
  return (
    `the widest cells add up to ${sum.toPrecision(4)} ms and the whole network takes ${denseMs.toPrecision(4)} ms. ` +
    `Times are milliseconds; the largest is ${largest.ms.at(-1)} in ${cellName(largest, largest.ms.length - 1)}.`
  );
}

/** A cell for people: its operation and its channels. */
export function cellName(op: Pick<LatencyOp, "label" | "kind" | "counts">, cell: number): string {
  const channels = countsAt(cell, op.counts);
  const at = channels.length === 0 ? "" : ` at (${channels.join(", ")}) channels`;
  return `${op.kind} '${op.label}'${at}`;
}

/** Where the schema found a fault, in words: the cell, where it is one. */
export function placeOf(value: unknown, path: readonly PropertyKey[]): string | null {
  const [ops, index, column, cell] = path;
  const isCell =
    ops === "ops" &&
    typeof index === "number" &&
    typeof cell === "number" &&
    (["ms", ...COLUMNS] as readonly unknown[]).includes(column);
  if (!isCell || typeof value !== "object" || value === null || !("ops" in value)) return null;
  const op: unknown = Array.isArray(value.ops) ? value.ops[index] : null;
  if (!isNamed(op)) return null;
  const read = (op as Partial<Record<Column | "ms", unknown[]>>)[column as Column]?.[cell];
  return read === null
    ? `${cellName(op, cell)} has no ${String(column)}: the table has a hole.`
    : `${cellName(op, cell)}: ${String(column)} is ${JSON.stringify(read)}, which is no number.`;
}

function isNamed(op: unknown): op is Pick<LatencyOp, "label" | "kind" | "counts"> {
  if (typeof op !== "object" || op === null) return false;
  const { label, kind, counts } = op as Partial<LatencyOp>;
  return (
    typeof label === "string" &&
    typeof kind === "string" &&
    Array.isArray(counts) &&
    counts.every((axis) => Array.isArray(axis) && axis.every((count) => typeof count === "number"))
  );
}
