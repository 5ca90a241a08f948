import type { Extent, Graph, Node, SourcedAttribute, Value } from "./graph.ts";

/** New names of values, nodes and symbolic extents. */
export interface Renaming {
  readonly value: (name: string) => string;
  readonly node: (name: string) => string;
  readonly extent?: ((name: string) => string) | undefined;
}

/** The graph with other names, in the bodies of If and Loop too. Omitted inputs and outputs stay omitted. */
export function renamed(graph: Graph, by: Renaming): Graph {
  const name = (old: string): string => (old === "" ? "" : by.value(old));
  const extent = (old: Extent): Extent =>
    typeof old === "string" && by.extent !== undefined ? by.extent(old) : old;
  const value = (old: Value): Value => ({
    ...old,
    name: name(old.name),
    shape: old.shape?.map(extent) ?? null,
  });
  const attribute = (old: SourcedAttribute): SourcedAttribute =>
    old.kind === "graph" ? { ...old, value: renamed(old.value, by) } : old;
  const node = (old: Node): Node => ({
    ...old,
    name: old.name === "" ? "" : by.node(old.name),
    inputs: old.inputs.map(name),
    outputs: old.outputs.map(name),
    attributes: new Map([...old.attributes].map(([key, each]) => [key, attribute(each)])),
  });
  return {
    ...graph,
    inputs: graph.inputs.map(value),
    outputs: graph.outputs.map(value),
    values: graph.values.map(value),
    initializers: new Map([...graph.initializers].map(([key, tensor]) => [name(key), tensor])),
    nodes: graph.nodes.map(node),
  };
}
