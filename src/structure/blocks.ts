import { constantOf } from "../graph/constants.ts";
import type { Graph, Node } from "../graph/graph.ts";
import { nodeId, nodeLabel } from "../graph/graph.ts";
import { consumersOf, namesRead, producerOf } from "../graph/traversal.ts";
import { blockNames, uniqueNames } from "./label.ts";
import type { Block, ResolvedShapes } from "./structure.ts";
import { weightOf } from "./weight-of.ts";

/** A block before its layers have numbers, with its nodes themselves. */
export interface FoundBlock extends Omit<Block, "layers"> {
  /** Nodes of the branch without the Add. */
  readonly branch: ReadonlySet<Node>;
}

/**
 * Branches that can be dropped: for an Add of two activations of one shape, the nodes that lead to one operand only. The
 * branch is the operand with strictly more layers behind it; the other one stays as it is, its convolutions included.
 */
export function findBlocks(graph: Graph, shapes: ResolvedShapes): readonly FoundBlock[] {
  const order = new Map(graph.nodes.map((node, index) => [node, index]));
  const found: Omit<FoundBlock, "parent">[] = [];
  for (const node of graph.nodes) {
    if (node.opType !== "Add" || node.domain !== "" || !addsTwoActivations(graph, shapes, node))
      continue;
    const cones = node.inputs.map((name) => exclusiveCone(graph, node, name));
    const [left, right] = cones.map((cone) => layersIn(graph, cone));
    if (left === right) continue;
    const branchInput = (left ?? 0) > (right ?? 0) ? 0 : 1;
    const branch = cones[branchInput] ?? new Set();
    const sorted = [...branch].sort((a, b) => (order.get(a) ?? 0) - (order.get(b) ?? 0));
    found.push({
      index: found.length,
      name: nodeLabel(node),
      add: nodeId(node),
      branchInput,
      nodes: [...sorted, node].map(nodeId),
      branch,
    });
  }
  const producers = producerOf(graph);
  const adds = found.flatMap((block) => producers.get(block.add) ?? []);
  const names = uniqueNames(blockNames(adds));
  return found.map((block) => {
    const add = producers.get(block.add);
    const around = found.filter((other) => add !== undefined && other.branch.has(add));
    const inner = around.sort((a, b) => a.branch.size - b.branch.size)[0];
    return { ...block, name: names[block.index] ?? block.name, parent: inner?.index ?? null };
  });
}

/** Indices of the blocks whose branch holds the node, outermost first. */
export function blocksAround(blocks: readonly FoundBlock[], node: Node): readonly number[] {
  return blocks
    .filter((block) => block.branch.has(node))
    .sort((a, b) => b.branch.size - a.branch.size)
    .map((block) => block.index);
}

function addsTwoActivations(graph: Graph, shapes: ResolvedShapes, node: Node): boolean {
  const [left = "", right = ""] = node.inputs;
  const shape = shapes.of(left);
  const other = shapes.of(right);
  if (left === right || shape === null || other === null || shape.length < 2) return false;
  const same = shape.length === other.length && shape.every((extent, i) => extent === other[i]);
  return same && constantOf(graph, left) === null && constantOf(graph, right) === null;
}

/** Nodes all of whose outputs lead to this operand of the Add only. */
function exclusiveCone(graph: Graph, add: Node, operand: string): ReadonlySet<Node> {
  const producers = producerOf(graph);
  const consumers = consumersOf(graph);
  const outputs = new Set(graph.outputs.map((value) => value.name));
  const cone = new Set<Node>();
  const leadsHere = (name: string): boolean =>
    !outputs.has(name) &&
    (consumers.get(name) ?? []).every(
      (reader) => cone.has(reader) || (reader === add && name === operand),
    );
  const open = [operand];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const node = producers.get(name);
    if (node === undefined || cone.has(node) || !node.outputs.every(leadsHere)) continue;
    cone.add(node);
    open.push(...namesRead(node));
  }
  return cone;
}

function layersIn(graph: Graph, nodes: Iterable<Node>): number {
  let count = 0;
  for (const node of nodes) if (weightOf(graph, node) !== null) count += 1;
  return count;
}
