import type { Graph, Node, NodeId } from "../../graph/graph.ts";
import { nodeId } from "../../graph/graph.ts";
import { ancestors, namesRead, producerOf } from "../../graph/traversal.ts";

/** What one step wants of a graph. */
export interface Request {
  /** Values that will not change any more: they and what they need are computed once and kept as long as they are read. */
  readonly settle: readonly string[];
  /** Values to look at; what only they need is computed for this step alone. */
  readonly observe: readonly string[];
}

/** The part of a graph that one step runs. */
export interface Segment {
  /** Nodes to run, by id, in order. */
  readonly nodes: readonly NodeId[];
  /** Values that it is fed: settled before, or the graph's inputs. */
  readonly feeds: readonly string[];
  /** Values to hand out: newly settled ones that are still read, and those observed. */
  readonly outputs: readonly string[];
  /** Settled values that later steps still read, among all settled so far. */
  readonly keep: readonly string[];
}

/**
 * Cuts a graph into segments, one per request, so that each settled node runs once: a step starts from the values that the ones
 * before it left. Values that need no input (constants) are computed wherever they are read.
 *
 * Requires that a settled value of a later request is never an ancestor of one that was settled earlier and has changed since.
 */
export function scheduleOf(graph: Graph, requests: readonly Request[]): readonly Segment[] {
  const producers = producerOf(graph);
  const moving = dependents(graph);
  const wanted = (from: number): ReadonlySet<string> =>
    new Set(requests.slice(from).flatMap(({ settle, observe }) => [...settle, ...observe]));
  const needed = new Set(ancestors(graph, wanted(0)));
  const settledNodes = new Set<Node>();
  const settled = new Set(graph.inputs.map((input) => input.name));
  let live = new Set(settled);
  return requests.map((request, index) => {
    const ran = neededNodes(graph, [...request.settle, ...request.observe], live);
    for (const node of neededNodes(graph, request.settle, live)) {
      if (!node.outputs.some((name) => moving.has(name))) continue;
      settledNodes.add(node);
      for (const name of node.outputs) settled.add(name);
    }
    const later = wanted(index + 1);
    const readers = graph.nodes.filter((node) => needed.has(node) && !settledNodes.has(node));
    const readLater = new Set([...readers.flatMap(namesRead), ...later]);
    const keep = [...settled].filter((name) => moving.has(name) && readLater.has(name));
    const made = new Set(ran.flatMap((node) => node.outputs));
    const outputs = new Set([
      ...keep.filter((name) => made.has(name)),
      ...request.observe.filter((name) => made.has(name)),
    ]);
    const feeds = new Set(
      [...ran.flatMap(namesRead), ...request.observe].filter((name) => live.has(name)),
    );
    live = new Set(keep);
    return { nodes: ran.map(nodeId), feeds: [...feeds], outputs: [...outputs], keep };
  });

  function neededNodes(
    whole: Graph,
    names: readonly string[],
    known: ReadonlySet<string>,
  ): readonly Node[] {
    const found = new Set<Node>();
    const open = [...names];
    for (let name = open.pop(); name !== undefined; name = open.pop()) {
      const node = known.has(name) ? undefined : producers.get(name);
      if (node === undefined || found.has(node)) continue;
      found.add(node);
      open.push(...namesRead(node));
    }
    return whole.nodes.filter((node) => found.has(node));
  }
}

/** Values that depend on the graph's inputs. */
function dependents(graph: Graph): ReadonlySet<string> {
  const names = new Set(graph.inputs.map((input) => input.name));
  for (const node of graph.nodes) {
    if (!namesRead(node).some((name) => names.has(name))) continue;
    for (const name of node.outputs) if (name !== "") names.add(name);
  }
  return names;
}
