import type { Graph } from "../../graph/graph.ts";
import { nodeId } from "../../graph/graph.ts";
import type { RunProfile } from "../../runtime/profile.ts";
import type { ProfiledOp } from "../ops.ts";
import { type CreditedTime, creditEvents, creditedTimes } from "./credit.ts";
import type { Measurement } from "./measurer.ts";

/**
 * What each operation took, from the runtime's recording of all runs of a network.
 * @param paces per run, how slow the machine was (1 as usual), which is taken out; null for runs that don't count
 */
export function recordedTimes(
  graph: Graph,
  ops: readonly ProfiledOp[],
  recorded: readonly RunProfile[],
  paces: readonly (number | null)[],
): CreditedTime[] {
  const runs = recorded.flatMap(({ events }, index) => {
    const pace = paces[index] ?? null;
    return pace === null ? [] : [{ events, pace }];
  });
  const events = runs[0]?.events ?? [];
  const durations = events.map((_, index) =>
    middleMean(runs.map((run) => (run.events[index]?.durationUs ?? Number.NaN) / run.pace)),
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
 * The mean of the middle half of the values: the same middle as the median that networks are timed by. Recorded times are whole
 * microseconds, so that a quantile would move in steps of one; a mean of several doesn't. (The mean of the lowest values, as it
 * was before, is far below the median while neighbours disturb the machine: sums then missed the networks' times by up to 20 %.)
 */
function middleMean(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  const quarter = Math.floor(sorted.length / 4);
  const part = sorted.slice(quarter, sorted.length - quarter);
  return part.reduce((sum, value) => sum + value, 0) / Math.max(1, part.length);
}
