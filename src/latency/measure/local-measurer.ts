import type { Graph } from "../../graph/graph.ts";
import { type Model, withGraph } from "../../onnx/model.ts";
import { serializeModel } from "../../onnx/write.ts";
import { randomFeeds } from "../../runtime/feeds.ts";
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
import { type EnergyMeter, openRapl } from "../energy/rapl.ts";
import type { ProfiledOp } from "../ops.ts";
import { localDevice } from "./device-facts.ts";
import type { EndToEnd, Measurement, Measurer, ProfileTarget } from "./measurer.ts";
import { operationTimes, recordedTimes, TURNS } from "./op-times.ts";

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

const { burst: BURST, warmup: WARMUP } = TURNS;

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

  const meter = openRapl();
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
      const times = recordedTimes(graph, ops, recorded.endProfile(), TURNS);
      return {
        ...operationTimes(graph, ops, times),
        totalMs: total ?? Number.NaN,
        referenceMs: dense ?? Number.NaN,
        ...(meter === null
          ? {}
          : { energyMj: await energyPerRun(plain, feeds, meter, total ?? 1) }),
      };
    } finally {
      await recorded.close();
      await plain.close();
    }
  };
  return { measure, time, close: reference.close };
}

/** Long enough for counters that are updated every millisecond. */
const ENERGY_MS = 200;

/** Millijoules of one run, of many without a pause. What else the machine does meanwhile is in it. */
async function energyPerRun(
  session: Session,
  feeds: Feeds,
  meter: EnergyMeter,
  runMs: number,
): Promise<number> {
  const runs = Math.max(3, Math.ceil(ENERGY_MS / runMs));
  meter.elapsedMj();
  for (let run = 0; run < runs; run += 1) await session.run(feeds);
  return meter.elapsedMj() / runs;
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
