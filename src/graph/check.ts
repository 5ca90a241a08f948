import { InputError } from "../core/errors.ts";
import type { Graph, Node } from "./graph.ts";
import { nodeLabel } from "./graph.ts";
import { namesRead, topologicalOrder } from "./traversal.ts";

/**
 * A graph that is well formed: every value is written once, every value that is read exists, there is no cycle, and the
 * nodes are in topological order (they are put into it). Subgraphs of If and Loop are checked too.
 * @throws InputError `graph/duplicate-value`, `graph/undefined-value`, `graph/cycle`
 */
export function checkGraph(graph: Graph, outer: ReadonlySet<string> = new Set()): Graph {
  const defined = definedNames(graph, outer);
  const visible = new Set([...outer, ...defined]);
  for (const node of graph.nodes) {
    const missing = namesRead(node).find((name) => !visible.has(name));
    if (missing !== undefined) throw undefinedValue(node, missing);
  }
  for (const output of graph.outputs) {
    if (visible.has(output.name)) continue;
    throw new InputError({
      code: "graph/undefined-value",
      message: `Output '${output.name}' of the graph is written by no node.`,
      where: `graph '${graph.name}'`,
      hint: "The file is incomplete. Export the model again from its framework.",
    });
  }
  const nodes = topologicalOrder(graph.nodes).map((node) => checkSubgraphs(node, visible));
  const same = nodes.every((node, index) => node === graph.nodes[index]);
  return same ? graph : { ...graph, nodes };
}

function definedNames(graph: Graph, outer: ReadonlySet<string>): Set<string> {
  const defined = new Set<string>();
  const define = (name: string, where: string): void => {
    if (!defined.has(name) && !outer.has(name)) {
      defined.add(name);
      return;
    }
    throw new InputError({
      code: "graph/duplicate-value",
      message: `Value '${name}' is defined twice; every value of a network is written once.`,
      where,
      hint: "Rename one of the two, or export the model again from its framework.",
    });
  };
  for (const input of graph.inputs) define(input.name, `input '${input.name}'`);
  for (const name of graph.initializers.keys()) define(name, `initializer '${name}'`);
  for (const node of graph.nodes) {
    for (const name of node.outputs) if (name !== "") define(name, `node '${nodeLabel(node)}'`);
  }
  return defined;
}

function checkSubgraphs(node: Node, visible: ReadonlySet<string>): Node {
  let changed = false;
  const attributes = new Map(node.attributes);
  for (const [name, attribute] of node.attributes) {
    if (attribute.kind !== "graph") continue;
    const value = checkGraph(attribute.value, visible);
    if (value === attribute.value) continue;
    attributes.set(name, { ...attribute, value });
    changed = true;
  }
  return changed ? { ...node, attributes } : node;
}

function undefinedValue(node: Node, name: string): InputError {
  return new InputError({
    code: "graph/undefined-value",
    message: `${node.opType} '${nodeLabel(node)}' reads the value '${name}', which is neither an input, nor an initializer, nor the output of a node.`,
    where: `node '${nodeLabel(node)}'`,
    hint: "The file is incomplete. Export the model again from its framework.",
  });
}
