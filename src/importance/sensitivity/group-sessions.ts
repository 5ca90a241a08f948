/** Sessions of the groups of cuts, in this process or spread over several. */
import { at } from "../../core/at.ts";
import type { Graph } from "../../graph/graph.ts";
import type { Model } from "../../onnx/model.ts";
import { type HostedSession, localHost, type SessionHost } from "../../runtime/hosts/host.ts";
import { processHost } from "../../runtime/hosts/process-host.ts";
import type { Session } from "../../runtime/session.ts";
import type { Structure } from "../../structure/structure.ts";
import { graphBytes, openGraph } from "../data/feed.ts";
import type { CutGroup } from "./cut-groups.ts";

/** Below so many multiply-accumulates in all (about two seconds of one core), another process does not pay. */
const WORTH_PROCESSES = 4e10;

export interface HostOptions {
  readonly threads: number;
  /** Number of batches to expect, and of samples in each. */
  readonly batches: number;
  readonly batch: number;
  /** Processes beside this one; one per thread where the work is worth it unless given, none where that is one. */
  readonly processes?: number | undefined;
}

/** Processes of one thread each: operations of small networks are too short to be shared by threads. */
export function hostsFor(
  { layers }: Structure,
  groups: readonly CutGroup[],
  { threads, batch, batches, processes }: HostOptions,
): readonly SessionHost[] {
  const cuts = groups.reduce((sum, group) => sum + group.cuts.length, 0);
  const macs = layers.reduce((sum, layer) => sum + layer.macs, 0) * batch * batches * (cuts / 2);
  const worth = macs < WORTH_PROCESSES ? 1 : threads;
  const count = Math.min(processes ?? worth, groups.length);
  return count < 2 ? [localHost()] : Array.from({ length: count }, () => processHost());
}

export interface GroupSessions {
  /** Gives what the groups read and what is compared; null where the network is fed all of it. */
  readonly before: Session | null;
  /** Does something with every group and its session; groups of different hosts at the same time. */
  readonly behind: (
    work: (group: CutGroup, session: HostedSession, isStopped: () => boolean) => Promise<void>,
  ) => Promise<void>;
  readonly close: () => Promise<void>;
}

export async function openGroupSessions(
  model: Model,
  graph: Graph,
  groups: readonly CutGroup[],
  compared: readonly string[],
  hosts: readonly SessionHost[],
): Promise<GroupSessions> {
  let before: Session | null = null;
  const close = async (): Promise<void> => {
    await before?.close();
    for (const host of hosts) await host.close();
  };
  try {
    const fed = new Set(graph.inputs.map(({ name }) => name));
    const read = new Set([...compared, ...groups.flatMap(({ reads }) => reads)]);
    const outputs = [...read]
      .filter((name) => !fed.has(name))
      .map((name) => ({ name, type: "float32" as const, shape: null }));
    if (outputs.length > 0) {
      before = await openGraph(model, { ...graph, outputs, values: [] }, hosts.length);
    }
    const where = model.path ?? graph.name;
    return {
      before,
      behind: inTurns(groups, hosts, (group) => graphBytes(model, group.graph), where),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * Every host takes the next group that none has taken, in the order of the groups, and opens its session; from then on the group is its
 * own. Early groups have the longest parts of the network, so that hosts finish at about the same time.
 */
function inTurns(
  groups: readonly CutGroup[],
  hosts: readonly SessionHost[],
  bytesOf: (group: CutGroup) => Uint8Array,
  where: string,
): GroupSessions["behind"] {
  const owned = hosts.map((): { group: CutGroup; session: HostedSession }[] => []);
  const left = [...groups];
  return async (work) => {
    const failures: unknown[] = [];
    const isStopped = (): boolean => failures.length > 0;
    const serve = async (host: SessionHost, own: { group: CutGroup; session: HostedSession }[]) => {
      for (const { group, session } of own) {
        if (isStopped()) return;
        await work(group, session, isStopped);
      }
      for (let group = left.shift(); group !== undefined; group = left.shift()) {
        if (isStopped()) return;
        const session = await host.open(bytesOf(group), { threads: 1, where });
        own.push({ group, session });
        await work(group, session, isStopped);
      }
    };
    // All hosts are at rest when this ends, so that they can be closed.
    const served = hosts.map((host, index) =>
      serve(host, at(owned, index)).catch((error: unknown) => void failures.push(error)),
    );
    await Promise.all(served);
    if (failures.length > 0) throw failures[0];
  };
}
