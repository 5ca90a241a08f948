import { latencyMs } from "../../latency/lookup.ts";
import { evaluateCount } from "../../structure/counts.ts";
import { type Chosen, chosenOf, goneOps } from "./chosen.ts";
import type { Subject } from "./subject.ts";

type Table = NonNullable<Subject["table"]>;
export type TableOp = Table["ops"][number];

/** An operation's time before and after. */
export interface OpTime {
  readonly op: TableOp;
  /** Channels per axis. */
  readonly denseAt: readonly number[];
  readonly denseMs: number;
  /** Null where nothing was chosen. */
  readonly chosenAt: readonly number[] | null;
  /** 0 where it went with its block; as `denseMs` where nothing was chosen. */
  readonly chosenMs: number;
  readonly isGone: boolean;
}

/** Every operation of the table, slowest of the dense network first. */
export function opTimes(subject: Subject, { ops }: Table): OpTime[] {
  const { structure } = subject;
  const chosen = chosenOf(subject);
  const gone =
    structure === null || chosen === null ? new Set<string>() : goneOps(structure, chosen);
  return ops
    .map((op) => opTime(op, structure?.dims.map(({ units }) => units) ?? null, chosen, gone))
    .sort((one, other) => other.denseMs - one.denseMs);
}

function opTime(
  op: TableOp,
  whole: readonly number[] | null,
  chosen: Chosen | null,
  gone: ReadonlySet<string>,
): OpTime {
  const denseAt =
    whole === null
      ? op.counts.map((counts) => counts.at(-1) ?? 0)
      : op.axes.map((axis) => evaluateCount(axis, whole));
  const denseMs = timeAt(op, denseAt);
  if (chosen === null) {
    return { op, denseAt, denseMs, chosenAt: null, chosenMs: denseMs, isGone: false };
  }
  const chosenAt = op.axes.map((axis) => evaluateCount(axis, chosen.units));
  const isGone = gone.has(op.id);
  const chosenMs = isGone ? 0 : timeAt(op, chosenAt);
  return { op, denseAt, denseMs, chosenAt: isGone ? null : chosenAt, chosenMs, isGone };
}

/** Outside of what the table covers, the nearest cell: a subnet of another step than the table's. */
function timeAt(op: TableOp, at: readonly number[]): number {
  const inside = op.counts.map((counts, axis) =>
    Math.min(counts.at(-1) ?? 0, Math.max(counts[0] ?? 0, at[axis] ?? 0)),
  );
  return latencyMs(op as Parameters<typeof latencyMs>[0], inside).ms;
}
