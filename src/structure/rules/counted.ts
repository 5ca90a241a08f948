import type { Node } from "../../graph/graph.ts";
import { nodeId } from "../../graph/graph.ts";
import { dataInputs } from "../../graph/op-traits.ts";
import { consumersOf } from "../../graph/traversal.ts";
import { describe, type Propagation, pinValues } from "../propagation.ts";

/**
 * Shape and Size tell how long an axis is. Where the network computes with that as a number, surgery writes the number that it
 * was; where it can't be known before the network runs (it is a multiple of the batch), the axis is pinned.
 */
export function pinCounted(flow: Propagation, node: Node): void {
  const use = unknownUse(flow, nodeId(node));
  if (use === null) return;
  const reason = `${describe(node)} reads its length, and ${describe(use)} computes with it`;
  pinValues(flow, node.inputs, reason);
}

/** A node that reads, as a number, what follows from a value of sizes and isn't known before the network runs. */
function unknownUse(flow: Propagation, start: string): Node | null {
  const consumers = consumersOf(flow.graph);
  const seen = new Set<string>();
  const open = [start];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (seen.has(name)) continue;
    seen.add(name);
    const isKnown = flow.shapes.extents(name)?.every(isIndependent) ?? false;
    for (const reader of consumers.get(name) ?? []) {
      if (!dataInputs(reader).includes(name)) continue;
      const computed = flow.shapes.extents(nodeId(reader));
      if (computed !== null) open.push(nodeId(reader));
      else if (!isKnown) return reader;
    }
  }
  return null;
}

/** A number, which surgery can write; or an extent of its own, such as the batch, which no count of channels is part of. */
function isIndependent(extent: number | string | null): boolean {
  return typeof extent === "number" || (extent !== null && !/^\d+\*/.test(extent));
}
