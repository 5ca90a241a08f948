import { constantOf } from "../graph/constants.ts";
import type { Graph, Node, NodeId } from "../graph/graph.ts";
import { floatAttribute, nodeId } from "../graph/graph.ts";
import { namesCaptured, producerOf, removeDeadNodes } from "../graph/traversal.ts";
import type { Structure } from "../structure/structure.ts";
import { isBlockGone, type Subnet } from "./subnet.ts";

/**
 * The graph without its dropped blocks and layers: readers of a dropped Add read its other operand, readers of a dropped
 * layer (or of its BatchNormalization) read its input. Nodes that nothing needs any more go; a Relu of a Relu is one Relu, and a Clip of
 * a Clip to the same bounds one Clip.
 * Names stay.
 */
export function dropParts(structure: Structure, subnet: Subnet): Graph {
  const { graph } = structure;
  const replaced = replacements(structure, subnet);
  if (replaced.size === 0) return graph;
  const dropped = new Set<NodeId>(replaced.keys());
  const needed = namesThatMustStay(graph);
  const nodes = graph.nodes.map((node) => {
    const own = nodeId(node);
    if (dropped.has(own)) return standIn(node, resolve(replaced, own), needed.has(own));
    const inputs = node.inputs.map((name) => resolve(replaced, name));
    const same = inputs.every((name, index) => name === node.inputs[index]);
    return same ? node : { ...node, inputs };
  });
  const left = removeDeadNodes({ ...graph, nodes: nodes.filter((node) => node !== null) }).graph;
  return mergeClamps(left);
}

/** Name of each value that goes, and of the value that its readers read instead. */
function replacements(structure: Structure, subnet: Subnet): ReadonlyMap<string, string> {
  const producers = producerOf(structure.graph);
  const replaced = new Map<string, string>();
  for (const index of subnet.droppedBlocks) {
    const block = structure.blocks[index];
    if (block === undefined || isBlockGone(structure, subnet, block.parent)) continue;
    const other = producers.get(block.add)?.inputs[1 - block.branchInput];
    if (other !== undefined) replaced.set(block.add, other);
  }
  for (const index of subnet.droppedLayers) {
    const layer = structure.layers[index];
    if (layer === undefined || isBlockGone(structure, subnet, layer.blocks.at(-1) ?? null))
      continue;
    const input = producers.get(layer.id)?.inputs[0];
    if (input !== undefined) replaced.set(layer.normalisation ?? layer.id, input);
  }
  return replaced;
}

function resolve(replaced: ReadonlyMap<string, string>, name: string): string {
  let at = name;
  for (let next = replaced.get(at); next !== undefined; next = replaced.get(at)) at = next;
  return at;
}

/** Graph outputs and what subgraphs capture are read by name. */
function namesThatMustStay(graph: Graph): ReadonlySet<string> {
  const names = new Set(graph.outputs.map((value) => value.name));
  for (const node of graph.nodes) {
    for (const attribute of node.attributes.values()) {
      if (attribute.kind !== "graph") continue;
      for (const name of namesCaptured(attribute.value)) names.add(name);
    }
  }
  return names;
}

function standIn(node: Node, source: string, needed: boolean): Node | null {
  if (!needed) return null;
  const { source: _read, ...rest } = node;
  return { ...rest, opType: "Identity", domain: "", inputs: [source], attributes: new Map() };
}

function mergeClamps(graph: Graph): Graph {
  const producers = producerOf(graph);
  const outputs = new Set(graph.outputs.map((value) => value.name));
  const replaced = new Map<string, string>();
  for (const node of graph.nodes) {
    const source = producers.get(node.inputs[0] ?? "");
    const [own = ""] = node.outputs;
    if (source !== undefined && isSameClamp(graph, node, source) && !outputs.has(own)) {
      replaced.set(own, source.outputs[0] ?? "");
    }
  }
  if (replaced.size === 0) return graph;
  const nodes = graph.nodes.map((node) => ({
    ...node,
    inputs: node.inputs.map((name) => resolve(replaced, name)),
  }));
  return removeDeadNodes({ ...graph, nodes }).graph;
}

/** Whether both clamp to the same range, so that the second one changes nothing. */
function isSameClamp(graph: Graph, node: Node, source: Node): boolean {
  if (node.opType !== source.opType || node.domain !== "" || source.domain !== "") return false;
  if (node.opType === "Relu") return true;
  if (node.opType !== "Clip") return false;
  const bounds = Math.max(node.inputs.length, source.inputs.length);
  for (let input = 1; input < bounds; input += 1) {
    if (!isSameConstant(graph, node.inputs[input] ?? "", source.inputs[input] ?? "")) return false;
  }
  // Before opset 11 the bounds are attributes.
  return ["min", "max"].every(
    (name) =>
      floatAttribute(node, name, Number.NaN) === floatAttribute(source, name, Number.NaN) ||
      !(node.attributes.has(name) || source.attributes.has(name)),
  );
}

function isSameConstant(graph: Graph, left: string, right: string): boolean {
  if (left === right) return true;
  const [a, b] = [constantOf(graph, left), constantOf(graph, right)];
  return a !== null && b !== null && a.type === b.type && isSameBytes(a.bytes(), b.bytes());
}

function isSameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, at) => byte === right[at]);
}
