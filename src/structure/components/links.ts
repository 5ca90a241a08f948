import type { NodeId } from "../../graph/graph.ts";
import { nodeId } from "../../graph/graph.ts";
import { producerOf } from "../../graph/traversal.ts";
import { contractionMacs, denseUnits, dimsAlong, evaluateCount } from "../counts.ts";
import type { Structure } from "../structure.ts";
import { componentOfNodes } from "./nodes.ts";

/** Values that go from one component to another. */
export interface ComponentLink {
  readonly from: number;
  readonly to: number;
  /** Dims on those values, ascending. */
  readonly dims: readonly number[];
}

/** What flows between the components, in the order of `from` and `to`. */
export function componentLinks(structure: Structure): readonly ComponentLink[] {
  const { graph, shapes, axis } = structure;
  const home = componentOfNodes(structure);
  const producers = producerOf(graph);
  const found = new Map<string, { from: number; to: number; dims: Set<number> }>();
  for (const node of graph.nodes) {
    const to = home.get(nodeId(node));
    for (const name of node.inputs) {
      const producer = producers.get(name);
      const from = producer === undefined ? undefined : home.get(nodeId(producer));
      if (from === undefined || to === undefined || from === to) continue;
      const key = `${from} ${to}`;
      const link = found.get(key) ?? { from, to, dims: new Set<number>() };
      found.set(key, link);
      for (const at of (shapes.of(name) ?? []).keys()) {
        for (const dim of dimsAlong(axis(name, at))) link.dims.add(dim);
      }
    }
  }
  return [...found.values()]
    .map(({ from, to, dims }) => ({ from, to, dims: [...dims].sort((a, b) => a - b) }))
    .sort((a, b) => a.from - b.from || a.to - b.to);
}

/** Parameters and multiply-accumulates of each component, dense. */
export function componentSizes(
  structure: Structure,
): readonly { readonly parameters: number; readonly macs: number }[] {
  const home = componentOfNodes(structure);
  const dense = denseUnits(structure);
  const sizes = structure.components.map(() => ({ parameters: 0, macs: 0 }));
  for (const { factor, axes, consumers } of structure.weights) {
    const size = sizes[home.get(consumers[0] ?? "") ?? -1];
    const count = axes.reduce((product, axis) => product * evaluateCount(axis, dense), factor);
    if (size !== undefined) size.parameters += count;
  }
  const add = (id: NodeId, macs: number): void => {
    const size = sizes[home.get(id) ?? -1];
    if (size !== undefined) size.macs += macs;
  };
  for (const { id, macs } of structure.layers) add(id, macs);
  for (const each of structure.contractions) add(each.id, contractionMacs(structure, each));
  return sizes;
}
