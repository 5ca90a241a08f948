import type { Graph, Node } from "../../graph/graph.ts";
import { nodeId } from "../../graph/graph.ts";
import { hasTrait } from "../../graph/op-traits.ts";
import { producerOf } from "../../graph/traversal.ts";
import type { OpEvent } from "../../runtime/profile.ts";
import type { ProfiledOp } from "../ops.ts";

/** For each event of a run, the index of the operation whose time it is; null where it is nobody's. */
export type Credits = readonly (number | null)[];

/**
 * Finds whose time each event of a run is. onnxruntime names an event for a node, or for the value it writes: with
 * `_nchwc` behind it in blocked layouts, with a path behind it after some fusions, and for the last of fused nodes.
 * What it inserts itself (layout conversions) has made-up names; it belongs to the operation it serves: one that
 * converts back to the one before it, one that converts into a layout to the one after it.
 *
 * @param graph the network that was run; its nodes keep the names of the one that `ops` come from
 */
export function creditEvents(
  graph: Graph,
  ops: readonly ProfiledOp[],
  events: readonly OpEvent[],
): Credits {
  const finder = nodeFinder(graph);
  const groupOf = new Map(ops.flatMap((op, index) => op.nodes.map((id) => [id, index] as const)));
  const credits = events.map((event): number | null => {
    if (isLayoutChange(event)) return null;
    const node = finder(event.name);
    if (node === null) return null;
    return groupOf.get(nodeId(worker(graph, node, event.opType))) ?? null;
  });
  return credits.map((credit, index) => credit ?? neighbour(events, credits, index));
}

/** Time and number of events of one operation. */
export interface CreditedTime {
  readonly ms: number;
  readonly events: number;
}

/** What each operation took, in the order of `ops`; nothing for those that the run did not have. */
export function creditedTimes(
  ops: readonly ProfiledOp[],
  credits: Credits,
  durationsUs: readonly number[],
): CreditedTime[] {
  const times = ops.map(() => ({ ms: 0, events: 0 }));
  for (const [index, credit] of credits.entries()) {
    const time = credit === null ? undefined : times[credit];
    if (time === undefined) continue;
    time.ms += (durationsUs[index] ?? 0) / 1000;
    time.events += 1;
  }
  return times;
}

function isLayoutChange(event: OpEvent): boolean {
  return event.opType === "ReorderInput" || event.opType === "ReorderOutput";
}

/** The next event's owner for what prepares an input, the previous one's for the rest; whichever exists. */
function neighbour(events: readonly OpEvent[], credits: Credits, index: number): number | null {
  const before = credits.slice(0, index).findLast((credit) => credit !== null) ?? null;
  const after = credits.slice(index + 1).find((credit) => credit !== null) ?? null;
  const preparesInput = events[index]?.opType === "ReorderInput";
  return preparesInput ? (after ?? before) : (before ?? after);
}

/** Finds the node that an event is named for. */
function nodeFinder(graph: Graph): (name: string) => Node | null {
  const byName = new Map<string, Node>();
  for (const node of graph.nodes) {
    for (const output of node.outputs) if (output !== "") byName.set(output, node);
  }
  for (const node of graph.nodes) if (node.name !== "") byName.set(node.name, node);
  return (name) => {
    const plain = name.replace(/_token_\d+$/, "").replace(/(_bn)?_nchwc$/, "");
    const exact = byName.get(name) ?? byName.get(plain);
    if (exact !== undefined) return exact;
    // Fusions put a path behind a node's name, or a word before it: take the longest name that is part of it.
    for (let end = plain.lastIndexOf("/"); end > 0; end = plain.lastIndexOf("/", end - 1)) {
      const node = byName.get(plain.slice(0, end));
      if (node !== undefined) return node;
    }
    return byName.get(plain.slice(plain.indexOf(" ") + 1)) ?? null;
  };
}

/**
 * The node that does the work of an event: where a convolution's event bears the name of an activation behind it, the
 * convolution. Inputs that come later in the graph are followed first: of an Add's operands, the branch that is fused.
 */
function worker(graph: Graph, named: Node, opType: string): Node {
  const wanted = opType.replace(/^Fused/, "");
  const producers = producerOf(graph);
  let node: Node | undefined = named;
  while (node !== undefined && node.opType !== wanted) {
    const sources: Node[] = node.inputs.flatMap((name) => producers.get(name) ?? []);
    const latest = Math.max(-1, ...sources.map((source) => graph.nodes.indexOf(source)));
    node = hasTrait(node, "follows") ? graph.nodes[latest] : undefined;
  }
  // Names of fused kinds (QuickGelu, SkipLayerNormalization) occur nowhere in the graph.
  return node ?? named;
}
