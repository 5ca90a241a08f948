import type { Node } from "../../graph/graph.ts";
import { namesRead } from "../../graph/traversal.ts";
import { axesOf, fixedAxes, type Propagation } from "../propagation.ts";

/** Pins everything that a node reads; nothing can be pruned through it. */
export function forget(flow: Propagation, node: Node, reason: string): void {
  for (const name of namesRead(node)) {
    for (const axis of axesOf(flow, name)) flow.elements.pin(axis, reason);
  }
  for (const output of node.outputs) {
    if (output !== "") flow.axes.set(output, fixedAxes(flow, output));
  }
}
