/**
 * Which operations make one attention, as TensorRT runs it in one kernel: two products of activations with a Softmax between
 * them. The scores stay in registers and shared memory, and the axes of queries, keys and values are turned while they are read
 * (Dao et al., 2205.14135).
 *
 *     product -> scale, mask -> Softmax -> product
 */
import { foldedOf } from "../../graph/fold/folded.ts";
import { type Graph, type Node, type NodeId, nodeId } from "../../graph/graph.ts";
import { traitsOf } from "../../graph/op-traits.ts";
import { opOf } from "../../graph/read-op.ts";
import { consumersOf, producerOf } from "../../graph/traversal.ts";

/** What of a graph costs no memory traffic and no kernel of its own because an attention holds it. */
interface Attentions {
  /** Values that are never written to memory. */
  readonly held: ReadonlySet<string>;
  /** Nodes that the kernel does by the way: Softmax, and Transposes beside the products. */
  readonly absorbed: ReadonlySet<NodeId>;
}

const FOUND = new WeakMap<Graph, Attentions>();

export function attentionsOf(graph: Graph): Attentions {
  const known = FOUND.get(graph);
  if (known !== undefined) return known;
  const held = new Set<string>();
  const absorbed = new Set<NodeId>();
  for (const softmax of graph.nodes.filter(({ opType }) => opType === "Softmax")) {
    const [before, after] = [backToProduct(graph, softmax), forwardToProduct(graph, softmax)];
    if (before === null || after === null) continue;
    const inside = [...before.passed, softmax, ...after.passed];
    for (const name of [before.product, ...inside].flatMap(({ outputs }) => outputs)) {
      held.add(name);
    }
    const turns = inside.filter(({ opType }) => opType === "Transpose");
    for (const node of [softmax, ...turns, ...turnsBeside(graph, before.product, after.product)]) {
      absorbed.add(nodeId(node));
    }
  }
  const found = { held, absorbed };
  FOUND.set(graph, found);
  return found;
}

/** Whether the node multiplies two activations. */
export function isProduct(graph: Graph, node: Node): boolean {
  const isMatrix = opOf(node, graph).kind === "matMul";
  return isMatrix && node.inputs.every((name) => foldedOf(graph, name) === null);
}

interface Way {
  readonly product: Node;
  readonly passed: readonly Node[];
}

/** Scales, masks and views, whose result is as large as what goes in. */
function isPassed(node: Node): boolean {
  const kind = traitsOf(node)?.kind;
  return kind === "elementwise" || kind === "unary" || isTurn(node);
}

function isTurn(node: Node): boolean {
  return node.opType === "Transpose" || node.opType === "Reshape";
}

function backToProduct(graph: Graph, from: Node): Way | null {
  const passed: Node[] = [];
  for (let node = from; ; ) {
    const next = node.inputs
      .flatMap((name) => producerOf(graph).get(name) ?? [])
      .find((one) => isPassed(one) || isProduct(graph, one));
    if (next === undefined || onlyReader(graph, next) === null) return null;
    if (isProduct(graph, next)) return { product: next, passed };
    passed.push(next);
    node = next;
  }
}

function forwardToProduct(graph: Graph, from: Node): Way | null {
  const passed: Node[] = [];
  for (let node = from; ; ) {
    const next = onlyReader(graph, node);
    if (next === null) return null;
    if (isProduct(graph, next)) return { product: next, passed };
    if (!isPassed(next)) return null;
    passed.push(next);
    node = next;
  }
}

/** What reads a node's result where nothing else does; what others see has to be written to memory. */
function onlyReader(graph: Graph, { outputs: [name = ""] }: Node): Node | null {
  const [reader, ...others] = consumersOf(graph).get(name) ?? [];
  const isSeen = graph.outputs.some((output) => output.name === name);
  return reader === undefined || others.length > 0 || isSeen ? null : reader;
}

/** Transposes that queries, keys and values come from and that heads are put together with. */
function turnsBeside(graph: Graph, first: Node, second: Node): Node[] {
  const before = [...first.inputs, ...second.inputs].flatMap(
    (name) => producerOf(graph).get(name) ?? [],
  );
  const after = second.outputs.flatMap((name) => consumersOf(graph).get(name) ?? []);
  return [...before, ...after].filter((node) => node.opType === "Transpose");
}
