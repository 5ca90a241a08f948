/** A latency table as HALP's dictionary: `batch_cin_cout_fmap_kernel_stride_groups` -> milliseconds of a convolution. */
import { nodeId } from "../graph/graph.ts";
import { countsAt } from "../latency/lookup.ts";
import { profiledOps } from "../latency/ops.ts";
import type { LatencyTable } from "../latency/table.ts";
import type { Structure } from "../structure/structure.ts";
import { channelsOf, convKind } from "./dictionary-table.ts";

export interface ExportedDictionary {
  /** In the order of the network. */
  readonly entries: Readonly<Record<string, number>>;
  /** Operations that are no convolutions, which a dictionary has no place for. */
  readonly leftOut: number;
  /** Convolutions of several operations under one key, whose mean was taken. */
  readonly shared: number;
}

/** @throws InputError `formulation/dictionary-conv` for convolutions that a key doesn't tell apart */
export function exportDictionary(
  table: LatencyTable,
  structure: Structure,
  where: string,
): ExportedDictionary {
  const nodes = new Map(structure.graph.nodes.map((node) => [nodeId(node), node] as const));
  const profiled = new Map(profiledOps(structure).map((op) => [op.id as string, op] as const));
  const sums = new Map<string, { ms: number; count: number }>();
  let leftOut = 0;
  for (const entry of table.ops) {
    const op = profiled.get(entry.id);
    const node = op === undefined ? undefined : nodes.get(op.id);
    if (op === undefined || node?.opType !== "Conv") {
      leftOut += 1;
      continue;
    }
    const [input = "", weight = ""] = node.inputs;
    const place = { op, node, batch: table.batch, structure, where };
    const { fmap, kernel, stride, groupChannels } = convKind(place, weight);
    const cin = channelsOf(structure, entry.axes, input);
    const cout = channelsOf(structure, entry.axes, node.outputs[0] ?? "");
    for (const [cell, ms] of entry.ms.entries()) {
      const at = countsAt(cell, entry.counts);
      const groups = groupChannels === null ? 1 : Math.max(1, Math.round(cin(at) / groupChannels));
      const key = [table.batch, cin(at), cout(at), fmap, kernel, stride, groups].join("_");
      const known = sums.get(key) ?? { ms: 0, count: 0 };
      sums.set(key, { ms: known.ms + ms, count: known.count + 1 });
    }
  }
  const entries = [...sums].map(([key, { ms, count }]) => [key, ms / count] as const);
  const shared = [...sums.values()].filter(({ count }) => count > 1).length;
  return { entries: Object.fromEntries(entries), leftOut, shared };
}
