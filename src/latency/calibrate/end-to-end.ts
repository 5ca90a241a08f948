import type { Graph } from "../../graph/graph.ts";
import { type Model, withGraph } from "../../onnx/model.ts";
import { serializeModel } from "../../onnx/write.ts";
import { randomFeeds } from "../../runtime/feeds.ts";
import { type Optimisation, openSession, type Session } from "../../runtime/session.ts";
import { quantile, timedRun } from "../../runtime/timing.ts";
import { timeSessions } from "../../runtime/turns.ts";
import type { Structure } from "../../structure/structure.ts";
import { cutGraph } from "../../subnet/cut.ts";
import { keepAll, type Subnet } from "../../subnet/subnet.ts";
import { localMeasurer } from "../measure/local-measurer.ts";
import type { Measurer } from "../measure/measurer.ts";
import type { ProfiledOp } from "../ops.ts";

/** How networks are timed to compare them with a budget. */
export interface EndToEndOptions {
  readonly batch: number;
  readonly threads: number;
  readonly optimisation: Optimisation;
  /** Counted runs per session, at least. */
  readonly repeats: number;
  /** More of them until the standard error of the network's share of the dense one is at most this, within limits. */
  readonly noise: number;
  /** Sessions of each network: how its weights come to lie in memory moves its time by a per cent. */
  readonly sessions: number;
  readonly seed: number;
  /** Ends the measuring between two runs. */
  readonly signal?: AbortSignal | undefined;
}

/** Recorded runs tell how an operation differs from the others; that needs fewer than the end-to-end time. */
const RECORDED_REPEATS = 20;
/** The repeats, while a shared machine is noisy. */
const MOST_TIMES = 12;

/**
 * Measures networks on this machine as `mdp eval` does, more carefully than for a table: each in several sessions in turns
 * with the dense network, of which the median ratio counts.
 */
export async function endToEndMeasurer(
  model: Model,
  structure: Structure,
  ops: readonly ProfiledOp[],
  options: EndToEndOptions,
): Promise<Measurer> {
  const { batch, threads, optimisation, seed } = options;
  const open = (graph: Graph): Promise<Session> =>
    openSession(Buffer.concat(serializeModel(withGraph(model, graph))), {
      ...{ threads, optimisation, profile: false },
      where: structure.graph.name,
    });
  const dense = cutGraph(structure, keepAll(structure));
  const local = await localMeasurer(model, structure, ops, {
    ...{ batch, threads, optimisation, seed, signal: options.signal },
    repeats: RECORDED_REPEATS,
  });
  const time = async (subnet: Subnet): ReturnType<Measurer["time"]> => {
    const cut = cutGraph(structure, subnet);
    const passes: { readonly ratio: number; readonly reference: number }[] = [];
    for (let pass = 0; pass < options.sessions; pass += 1) {
      const pair = [await open(cut), await open(dense)] as const;
      try {
        passes.push(await inTurns(pair, options));
      } finally {
        for (const session of pair) await session.close();
      }
    }
    const referenceMs = quantile(
      passes.map(({ reference }) => reference),
      0.5,
    );
    const ratio = quantile(
      passes.map((pass) => pass.ratio),
      0.5,
    );
    return { totalMs: ratio * referenceMs, referenceMs, paired: true };
  };
  const measure = async (subnet: Subnet): ReturnType<Measurer["measure"]> => ({
    ...(await local.measure(subnet)),
    ...(await time(subnet)),
  });
  return { measure, time, close: local.close };
}

/** How long a network takes beside the dense one, and that one's median in milliseconds. */
async function inTurns(
  [cut, dense]: readonly [Session, Session],
  { batch, threads, repeats, noise, sessions, seed, signal }: EndToEndOptions,
): Promise<{ readonly ratio: number; readonly reference: number }> {
  const feeds = randomFeeds(dense.inputs, { seed, batch });
  const [reference, total] = await timeSessions(
    [dense, cut].map((session) => ({ session, feeds })),
    {
      repeats,
      signal,
      // The median of several passes is steadier than each.
      noise: noise * Math.sqrt(sessions),
      most: MOST_TIMES,
      time: (session, fed) => timedRun(session, fed, { threads }),
    },
  );
  return {
    ratio: total?.ofFirst ?? Number.NaN,
    reference: reference?.medianMs ?? Number.NaN,
  };
}
