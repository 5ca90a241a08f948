import type { NodeId } from "../../graph/graph.ts";
import { nodeId } from "../../graph/graph.ts";
import { consumersOf, namesRead, producerOf } from "../../graph/traversal.ts";
import type { Structure } from "../structure.ts";

/**
 * The component that each node belongs to, by its index: a layer to its own, any other node to that of the nearest layer before it,
 * or behind it where there is none before. Nodes that no layer is connected with are absent.
 */
export function componentOfNodes({
  graph,
  layers,
  components,
}: Pick<Structure, "graph" | "layers" | "components">): ReadonlyMap<NodeId, number> {
  const found = new Map<NodeId, number>();
  for (const [index, component] of components.entries()) {
    for (const at of component.layers) {
      const id = layers[at]?.id;
      if (id !== undefined) found.set(id, index);
    }
  }
  const producers = producerOf(graph);
  for (const node of graph.nodes) {
    const before = namesRead(node).flatMap((name) => {
      const producer = producers.get(name);
      return producer === undefined ? [] : (found.get(nodeId(producer)) ?? []);
    });
    if (!found.has(nodeId(node)) && before[0] !== undefined) found.set(nodeId(node), before[0]);
  }
  const consumers = consumersOf(graph);
  for (const node of [...graph.nodes].reverse()) {
    const behind = node.outputs
      .flatMap((name) => consumers.get(name) ?? [])
      .flatMap((reader) => found.get(nodeId(reader)) ?? []);
    if (!found.has(nodeId(node)) && behind[0] !== undefined) found.set(nodeId(node), behind[0]);
  }
  return found;
}
