import type { Graph } from "../../graph/graph.ts";
import { nodeId } from "../../graph/graph.ts";
import type { RunProfile } from "../../runtime/profile.ts";
import type { ProfiledOp } from "../ops.ts";
import { type CreditedTime, creditEvents, creditedTimes } from "./credit.ts";
import type { Measurement } from "./measurer.ts";

/** How networks take turns while they are measured: here and on a board alike, so that their tables can be compared. */
export interface Turns {
  /** Counted runs in a row; one more before them warms the caches that another network's run has emptied. */
  readonly burst: number;
  /** Runs of each network before the first turn. */
  readonly warmup: number;
}

export const TURNS: Turns = { burst: 5, warmup: 2 };

/** What each operation took, from the runtime's recording of all runs of a network, uncounted ones included. */
export function recordedTimes(
  graph: Graph,
  ops: readonly ProfiledOp[],
  recorded: readonly RunProfile[],
  { burst, warmup }: Turns,
): CreditedTime[] {
  const runs = recorded.slice(warmup).filter((_, index) => index % (burst + 1) !== 0);
  const events = runs[0]?.events ?? [];
  const durations = events.map((_, index) =>
    lowMean(runs.flatMap((run) => run.events[index]?.durationUs ?? [])),
  );
  return creditedTimes(ops, creditEvents(graph, ops, events), durations);
}

/** The times as a measurement has them: none for operations that the network doesn't have. */
export function operationTimes(
  graph: Graph,
  ops: readonly ProfiledOp[],
  times: readonly CreditedTime[],
): Pick<Measurement, "opMs" | "opEvents"> {
  const present = new Set(graph.nodes.map(nodeId));
  return {
    opMs: ops.map((op, index) =>
      op.nodes.some((id) => present.has(id)) ? (times[index]?.ms ?? 0) : null,
    ),
    opEvents: times.map(({ events }) => events),
  };
}

/**
 * The mean of the lower part of the values, without the very lowest. Recorded times are whole microseconds, so that a
 * quantile would move in steps of one; a mean of several doesn't.
 */
function lowMean(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  const part = sorted.slice(
    Math.floor(sorted.length * 0.05),
    Math.max(1, Math.ceil(sorted.length * 0.45)),
  );
  return part.reduce((sum, value) => sum + value, 0) / Math.max(1, part.length);
}
