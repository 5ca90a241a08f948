import type { Node } from "../../graph/graph.ts";
import { namesRead } from "../../graph/traversal.ts";
import type { Axis } from "../elements.ts";
import { axesOf, fixedAxes, type Propagation } from "../propagation.ts";
import { contractedAndProduced, weightOf } from "../weight-of.ts";

/** Pins everything that a node reads; nothing can be pruned through it. */
export function forget(flow: Propagation, node: Node, reason: string): void {
  for (const name of namesRead(node)) {
    for (const axis of axesOf(flow, name)) flow.elements.pin(axis, reason);
  }
  // A layer's channels are listed even where nothing can be pruned, with the reason.
  const out = weightOutput(flow, node);
  if (out !== null) flow.elements.markProduced(out);
  for (const output of node.outputs) {
    if (output !== "") flow.axes.set(output, fixedAxes(flow, output));
  }
}

/** Elements of the channels that a layer's weight produces; null where the node is no layer. */
export function weightOutput(flow: Propagation, node: Node): Axis {
  const weight = weightOf(flow.graph, node);
  if (weight === null) return null;
  const [, produced] = contractedAndProduced(node, weight);
  return axesOf(flow, weight.name)[weight.axes[produced] ?? produced] ?? null;
}
