import { droppedNodes, evaluateCount } from "../structure/counts.ts";
import type { Structure } from "../structure/structure.ts";
import { isBlockGone, type Subnet, unitCounts } from "../subnet/subnet.ts";
import { latencyMs } from "./lookup.ts";
import type { LatencyTable } from "./table.ts";

/** What a table says of a whole subnet. */
export interface NetworkPrediction {
  readonly ms: number;
  /** Share of `ms` by where its cells come from; what no choice shapes counts as the table as a whole does. */
  readonly shares: {
    readonly measured: number;
    readonly interpolated: number;
    readonly predicted: number;
  };
}

/**
 * The latency of a subnet: the sum of its operations' cells and of what no choice changes. Operations of dropped blocks
 * and layers, the block's Add included, cost nothing.
 * @throws InputError `latency/outside-table`
 */
export function predictNetwork(
  table: LatencyTable,
  structure: Structure,
  subnet: Subnet,
): NetworkPrediction {
  const gone = goneNodes(structure, subnet);
  const units = unitCounts(subnet);
  const sums = { m: 0, i: 0, p: 0 };
  sums[table.device.kind === "measured" ? "m" : "p"] += table.fixedMs;
  for (const op of table.ops) {
    if (gone.has(op.id)) continue;
    const { ms, origin } = latencyMs(
      op,
      op.axes.map((axis) => evaluateCount(axis, units)),
    );
    sums[origin] += ms;
  }
  const ms = sums.m + sums.i + sums.p;
  return {
    ms,
    shares: { measured: sums.m / ms, interpolated: sums.i / ms, predicted: sums.p / ms },
  };
}

/** Nodes that the subnet doesn't have, the Adds of dropped blocks included. */
export function goneNodes(structure: Structure, subnet: Subnet): ReadonlySet<string> {
  const droppedBlocks = structure.blocks
    .filter((block) => isBlockGone(structure, subnet, block.index))
    .map((block) => block.index);
  const gone = new Set<string>(
    droppedNodes(structure, { droppedBlocks, droppedLayers: subnet.droppedLayers }),
  );
  for (const block of droppedBlocks) {
    const add = structure.blocks[block]?.add;
    if (add !== undefined) gone.add(add);
  }
  return gone;
}
