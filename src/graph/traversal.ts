import { InputError } from "../core/errors.ts";
import type { Graph, Node } from "./graph.ts";
import { nodeLabel } from "./graph.ts";

interface Links {
  readonly producers: ReadonlyMap<string, Node>;
  readonly consumers: ReadonlyMap<string, readonly Node[]>;
}

// Graphs are immutable, so what links their nodes is worked out once per graph object.
const linksByGraph = new WeakMap<Graph, Links>();

function linksOf(graph: Graph): Links {
  const known = linksByGraph.get(graph);
  if (known !== undefined) return known;
  const producers = new Map<string, Node>();
  const consumers = new Map<string, Node[]>();
  for (const node of graph.nodes) {
    for (const name of node.outputs) if (name !== "") producers.set(name, node);
    for (const name of new Set(namesRead(node))) {
      const list = consumers.get(name);
      if (list === undefined) consumers.set(name, [node]);
      else list.push(node);
    }
  }
  const links = { producers, consumers };
  linksByGraph.set(graph, links);
  return links;
}

/** The node that writes each value; graph inputs and initializers are absent. */
export function producerOf(graph: Graph): ReadonlyMap<string, Node> {
  return linksOf(graph).producers;
}

/** The nodes that read each value, each once and in topological order; values that nothing reads are absent. */
export function consumersOf(graph: Graph): ReadonlyMap<string, readonly Node[]> {
  return linksOf(graph).consumers;
}

/** Names of the values a node reads: its inputs, and what its subgraphs (If, Loop) take from outside. */
export function namesRead(node: Node): readonly string[] {
  const names = node.inputs.filter((name) => name !== "");
  for (const attribute of node.attributes.values()) {
    if (attribute.kind === "graph") names.push(...namesCaptured(attribute.value));
  }
  return names;
}

/** Names that a subgraph reads and doesn't define itself. */
export function namesCaptured(graph: Graph): readonly string[] {
  const own = new Set([
    ...graph.inputs.map((value) => value.name),
    ...graph.initializers.keys(),
    ...graph.nodes.flatMap((node) => node.outputs),
  ]);
  const read = [...graph.nodes.flatMap(namesRead), ...graph.outputs.map((value) => value.name)];
  return [...new Set(read)].filter((name) => !own.has(name));
}

/**
 * The nodes so that each comes after those it reads from; nodes that are in order already keep their order.
 * @throws InputError `graph/cycle`
 */
export function topologicalOrder(nodes: readonly Node[]): readonly Node[] {
  const writer = new Map<string, number>();
  nodes.forEach((node, index) => {
    for (const name of node.outputs) if (name !== "") writer.set(name, index);
  });
  const state = new Uint8Array(nodes.length);
  const order: Node[] = [];
  for (let start = 0; start < nodes.length; start += 1) {
    visit(nodes, writer, state, start, order);
  }
  return order;
}

const OPEN = 1;
const DONE = 2;

// Depth first with a stack of its own: networks of thousands of layers would overflow the call stack.
function visit(
  nodes: readonly Node[],
  writer: ReadonlyMap<string, number>,
  state: Uint8Array,
  start: number,
  order: Node[],
): void {
  const stack: { index: number; sources: number[] }[] = [];
  const enter = (index: number): void => {
    const node = nodes[index];
    if (node === undefined || state[index] === DONE) return;
    if (state[index] === OPEN) throw cycleAt(node);
    state[index] = OPEN;
    const sources = namesRead(node).flatMap((name) => writer.get(name) ?? []);
    stack.push({ index, sources: sources.reverse() });
  };
  enter(start);
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const next = top.sources.pop();
    if (next !== undefined) {
      enter(next);
      continue;
    }
    stack.pop();
    state[top.index] = DONE;
    const node = nodes[top.index];
    if (node !== undefined) order.push(node);
  }
}

function cycleAt(node: Node): InputError {
  return new InputError({
    code: "graph/cycle",
    message: `The graph has a cycle: ${node.opType} '${nodeLabel(node)}' depends on its own output.`,
    where: `node '${nodeLabel(node)}'`,
    hint: "A network must be acyclic. Export the model again from its framework.",
  });
}

/** The nodes that the named values depend on, in topological order. */
export function ancestors(graph: Graph, names: Iterable<string>): readonly Node[] {
  const producers = producerOf(graph);
  const kept = new Set<Node>();
  const open = [...names];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const node = producers.get(name);
    if (node === undefined || kept.has(node)) continue;
    kept.add(node);
    open.push(...namesRead(node));
  }
  return graph.nodes.filter((node) => kept.has(node));
}

/**
 * Removes nodes, initializers and value infos that no graph output depends on. Graph inputs stay. Requires a checked
 * graph; ensures one.
 */
export function removeDeadNodes(graph: Graph): {
  readonly graph: Graph;
  readonly changed: boolean;
} {
  const outputs = graph.outputs.map((value) => value.name);
  const nodes = ancestors(graph, outputs);
  const read = new Set([...nodes.flatMap(namesRead), ...outputs]);
  const initializers = new Map([...graph.initializers].filter(([name]) => read.has(name)));
  const written = new Set(nodes.flatMap((node) => node.outputs));
  const values = graph.values.filter((value) => written.has(value.name) || read.has(value.name));
  const changed =
    nodes.length < graph.nodes.length ||
    initializers.size < graph.initializers.size ||
    values.length < graph.values.length;
  return { graph: changed ? { ...graph, nodes, initializers, values } : graph, changed };
}
