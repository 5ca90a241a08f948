import type { Graph } from "../../graph/graph.ts";
import { nodeId } from "../../graph/graph.ts";
import { type Model, withGraph } from "../../onnx/model.ts";
import { serializeModel } from "../../onnx/write.ts";
import { randomFeeds } from "../../runtime/feeds.ts";
import type { RunProfile } from "../../runtime/profile.ts";
import {
  type Feeds,
  type Optimisation,
  openSession,
  runtimeVersion,
  type Session,
} from "../../runtime/session.ts";
import { timedRun, timingOf } from "../../runtime/timing.ts";
import type { Structure } from "../../structure/structure.ts";
import { cutGraph } from "../../subnet/cut.ts";
import { keepAll, type Subnet } from "../../subnet/subnet.ts";
import type { ProfiledOp } from "../ops.ts";
import { type CreditedTime, creditEvents, creditedTimes } from "./credit.ts";
import { localDevice } from "./device-facts.ts";
import type { EndToEnd, Measurement, Measurer, ProfileTarget } from "./measurer.ts";

export interface LocalOptions {
  readonly batch: number;
  readonly threads: number;
  readonly optimisation: Optimisation;
  /** Counted runs per network. */
  readonly repeats: number;
  readonly seed: number;
}

/** This machine with its onnxruntime. */
export function localTarget(): ProfileTarget {
  return {
    device: localDevice(),
    runtime: { name: "onnxruntime", version: runtimeVersion() },
    precisions: ["float32"],
    settings: {},
  };
}

/** Counted runs in a row; one more before them warms the caches that another network's run has emptied. */
const BURST = 5;
const WARMUP = 2;

/** Measures on this machine with onnxruntime. The dense network stays loaded as the reference. */
export async function localMeasurer(
  model: Model,
  structure: Structure,
  ops: readonly ProfiledOp[],
  options: LocalOptions,
): Promise<Measurer> {
  const open = (graph: Graph, profile: boolean): Promise<Session> =>
    openSession(Buffer.concat(serializeModel(withGraph(model, graph))), {
      threads: options.threads,
      optimisation: options.optimisation,
      profile,
      where: structure.graph.name,
    });
  const reference = await open(cutGraph(structure, keepAll(structure)), false);
  const feeds = randomFeeds(reference.inputs, { seed: options.seed, batch: options.batch });
  for (let run = 0; run < WARMUP; run += 1) await reference.run(feeds);
  const turns = {
    rounds: Math.max(1, Math.ceil(options.repeats / BURST)),
    threads: options.threads,
  };

  const time = async (subnet: Subnet): Promise<EndToEnd> => {
    const session = await open(cutGraph(structure, subnet), false);
    try {
      const [total, dense] = await inTurns([session, reference], feeds, turns);
      return { totalMs: total ?? Number.NaN, referenceMs: dense ?? Number.NaN };
    } finally {
      await session.close();
    }
  };
  const measure = async (subnet: Subnet): Promise<Measurement> => {
    const graph = cutGraph(structure, subnet);
    const recorded = await open(graph, true);
    const plain = await open(graph, false);
    try {
      const [, total, dense] = await inTurns([recorded, plain, reference], feeds, turns);
      const times = opTimes(graph, ops, countedRuns(recorded.endProfile()));
      const present = new Set(graph.nodes.map(nodeId));
      return {
        opMs: ops.map((op, index) =>
          op.nodes.some((id) => present.has(id)) ? (times[index]?.ms ?? 0) : null,
        ),
        opEvents: times.map(({ events }) => events),
        totalMs: total ?? Number.NaN,
        referenceMs: dense ?? Number.NaN,
      };
    } finally {
      await recorded.close();
      await plain.close();
    }
  };
  return { measure, time, close: reference.close };
}

/** Median times of the sessions in milliseconds, as `mdp eval` gives them. The last one is the reference, which fewer runs in a row are enough for. */
async function inTurns(
  sessions: readonly Session[],
  feeds: Feeds,
  { rounds, threads }: { readonly rounds: number; readonly threads: number },
): Promise<number[]> {
  const samples = sessions.map((): number[] => []);
  for (const session of sessions.slice(0, -1)) {
    for (let run = 0; run < WARMUP; run += 1) await session.run(feeds);
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, session] of sessions.entries()) {
      await session.run(feeds);
      const burst = index === sessions.length - 1 ? 2 : BURST;
      for (let run = 0; run < burst; run += 1) {
        samples[index]?.push(await timedRun(session, feeds, { threads }));
      }
    }
  }
  return samples.map((list) => timingOf(list).medianMs);
}

/** The recorded runs without those that only warmed up. */
function countedRuns(runs: readonly RunProfile[]): RunProfile[] {
  return runs.slice(WARMUP).filter((_, index) => index % (BURST + 1) !== 0);
}

function opTimes(
  graph: Graph,
  ops: readonly ProfiledOp[],
  runs: readonly RunProfile[],
): CreditedTime[] {
  const events = runs[0]?.events ?? [];
  const durations = events.map((_, index) =>
    lowMean(runs.flatMap((run) => run.events[index]?.durationUs ?? [])),
  );
  return creditedTimes(ops, creditEvents(graph, ops, events), durations);
}

/**
 * The mean of the lower part of the values, without the very lowest. Recorded times are whole microseconds, so that a
 * quantile would move in steps of one; a mean of several doesn't.
 */
export function lowMean(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  const part = sorted.slice(
    Math.floor(sorted.length * 0.05),
    Math.max(1, Math.ceil(sorted.length * 0.45)),
  );
  return part.reduce((sum, value) => sum + value, 0) / Math.max(1, part.length);
}
