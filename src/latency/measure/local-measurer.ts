import type { Graph } from "../../graph/graph.ts";
import { type Model, withGraph } from "../../onnx/model.ts";
import { serializeModel } from "../../onnx/write.ts";
import { randomFeeds } from "../../runtime/feeds.ts";
import { runtimeVersion } from "../../runtime/onnxruntime.ts";
import { type Feeds, type Optimisation, openSession, type Session } from "../../runtime/session.ts";
import { quantile, timedRun } from "../../runtime/timing.ts";
import { type SessionTurns, timeSessions } from "../../runtime/turns.ts";
import type { Structure } from "../../structure/structure.ts";
import { cutGraph } from "../../subnet/cut.ts";
import { keepAll, type Subnet } from "../../subnet/subnet.ts";
import { type EnergyMeter, openRapl } from "../energy/rapl.ts";
import type { ProfiledOp } from "../ops.ts";
import { localDevice } from "./device-facts.ts";
import type { EndToEnd, Measurement, Measurer, ProfileTarget } from "./measurer.ts";
import { operationTimes, recordedTimes } from "./op-times.ts";

export interface LocalOptions {
  readonly batch: number;
  readonly threads: number;
  readonly optimisation: Optimisation;
  /** Counted runs per network, at least. */
  readonly repeats: number;
  /** More of them until the standard error of a network's time is at most this share of it, within limits. */
  readonly noise?: number;
  /** A second reference beside the dense network, which tells how the machine treats thin networks meanwhile. */
  readonly thin?: Subnet;
  readonly seed: number;
  /** Ends the measuring between two runs. */
  readonly signal?: AbortSignal | undefined;
}

/** This machine with its onnxruntime. */
export function localTarget(): ProfileTarget {
  return {
    device: localDevice(),
    runtime: { name: "onnxruntime", version: runtimeVersion() },
    precisions: ["float32"],
    // Samples from before this way of timing don't go with these.
    settings: { times: "turns" },
  };
}

/** Sessions of a network that is timed as a whole: how its weights come to lie in memory moves its time by a per cent. */
const SESSIONS = 3;

/** Measures on this machine with onnxruntime. The dense network stays loaded as the reference, the thin one beside it. */
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
  const references = [await open(cutGraph(structure, keepAll(structure)), false)];
  const closeReferences = async (): Promise<void> => {
    for (const session of references) await session.close();
  };
  if (options.thin !== undefined) {
    try {
      references.push(await open(cutGraph(structure, options.thin), false));
    } catch (error) {
      await closeReferences();
      throw error;
    }
  }
  const inputs = references[0]?.inputs ?? [];
  const feeds = randomFeeds(inputs, { seed: options.seed, batch: options.batch });
  const inTurns = async (sessions: readonly Session[]): Promise<PacedTurns> => {
    const turns = await timeSessions(
      [...references, ...sessions].map((session) => ({ session, feeds })),
      {
        repeats: options.repeats,
        signal: options.signal,
        ...(options.noise === undefined ? {} : { noise: options.noise }),
        time: (session, fed) => timedRun(session, fed, options),
      },
    );
    const referenceMs = turns[0]?.medianMs ?? Number.NaN;
    const thinMs = references.length > 1 ? (turns[1]?.ofFirst ?? Number.NaN) * referenceMs : null;
    return {
      pace: { referenceMs, ...(thinMs === null ? {} : { thinMs }), paired: true },
      turns: turns.slice(references.length),
    };
  };

  const meter = openRapl();
  const time = async (subnet: Subnet): Promise<EndToEnd> => {
    const graph = cutGraph(structure, subnet);
    const sessions: Session[] = [];
    try {
      while (sessions.length < SESSIONS) sessions.push(await open(graph, false));
      const { pace, turns } = await inTurns(sessions);
      const share = quantile(
        turns.map(({ ofFirst }) => ofFirst),
        0.5,
      );
      return { totalMs: share * pace.referenceMs, ...pace };
    } finally {
      for (const session of sessions) await session.close();
    }
  };
  const measure = async (subnet: Subnet): Promise<Measurement> => {
    const graph = cutGraph(structure, subnet);
    const recorded = await open(graph, true);
    const plain = await open(graph, false);
    try {
      const { pace, turns } = await inTurns([plain, recorded]);
      const [total, alone] = turns;
      const times = recordedTimes(graph, ops, recorded.endProfile(), alone?.paces ?? []);
      return {
        ...operationTimes(graph, ops, times),
        totalMs: (total?.ofFirst ?? Number.NaN) * pace.referenceMs,
        ...pace,
        ...(meter === null
          ? {}
          : { energyMj: await energyPerRun(plain, feeds, meter, total?.medianMs ?? 1) }),
      };
    } finally {
      await recorded.close();
      await plain.close();
    }
  };
  return { measure, time, close: closeReferences };
}

/** The references' times, and the turns of what was run beside them. */
interface PacedTurns {
  readonly pace: Omit<EndToEnd, "totalMs">;
  readonly turns: readonly SessionTurns[];
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
