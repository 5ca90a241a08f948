/**
 * What is changed of a network before its structure is found, so that more of it can be pruned:
 *
 * 1. a weight that is computed in a way that can't be cut along (a weight standardisation, a sum of products) becomes a
 *    constant of its own;
 * 2. a constant that exporters stored once for several unrelated places is copied, one copy per place, so that it doesn't tie
 *    them: vectors, and what only element-by-element ops read. Weights that a network shares on purpose (of convolutions and
 *    matrix products) stay shared.
 *
 * Outputs stay as they are, bit by bit but for rule 1, whose arithmetic is done here instead of in the runtime.
 */
import { constantOf } from "../graph/constants.ts";
import { foldableValues, foldedOf } from "../graph/fold/folded.ts";
import { freshNames } from "../graph/fresh-names.ts";
import { type Graph, type Node, nodeLabel, type Tensor } from "../graph/graph.ts";
import { traitsOf } from "../graph/op-traits.ts";
import { elementCount } from "../graph/tensor.ts";
import { consumersOf, producerOf, removeDeadNodes } from "../graph/traversal.ts";

/** Kinds of ops that surgery cuts along: what a weight may go through and still be written back in the form it came in. */
const CARRIED: ReadonlySet<string> = new Set([
  ...["unary", "cast", "elementwise", "transpose", "reshape", "flatten", "squeeze", "unsqueeze"],
  ...["dequantize", "quantize", "concat", "slice", "gather"],
]);

/** The graph with weights folded that can't be cut in the form they have, and a sentence for each. */
export function foldWeights(graph: Graph): {
  readonly graph: Graph;
  readonly notes: readonly string[];
} {
  const foldable = foldableValues(graph);
  const producers = producerOf(graph);
  const stuck = new Map<string, Node | null>();
  const stuckAt = (name: string): Node | null => {
    const known = stuck.get(name);
    if (known !== undefined) return known;
    const node = foldable.has(name) ? producers.get(name) : undefined;
    if (node === undefined) return null;
    const own = CARRIED.has(traitsOf(node)?.kind ?? "") ? null : node;
    const found = own ?? node.inputs.map(stuckAt).find((at) => at !== null) ?? null;
    stuck.set(name, found);
    return found;
  };
  const consumers = consumersOf(graph);
  const folded = new Map<string, Tensor>();
  const notes: string[] = [];
  for (const name of foldable) {
    const readers = consumers.get(name) ?? [];
    const isTop = readers.some((reader) => !reader.outputs.some((output) => foldable.has(output)));
    const at = isTop ? stuckAt(name) : null;
    const tensor = at === null ? null : foldedOf(graph, name);
    if (at === null || tensor === null || !isWeight(tensor)) continue;
    folded.set(name, tensor);
    notes.push(
      `'${name}' is computed from constants by ${at.opType} '${nodeLabel(at)}', which can't be cut along; it is written as a constant of its own.`,
    );
  }
  if (folded.size === 0) return { graph, notes };
  const nodes = graph.nodes.filter((node) => !folded.has(node.outputs[0] ?? ""));
  const initializers = new Map([...graph.initializers, ...folded]);
  return { graph: removeDeadNodes({ ...graph, nodes, initializers }).graph, notes };
}

function isWeight(tensor: Tensor): boolean {
  return /^b?float/.test(tensor.type) && elementCount(tensor.shape) > 1;
}

/** A place where a constant is read. */
interface Place {
  readonly node: Node;
  readonly input: number;
}

/** Copies of a constant, in the order of the places that read them; the first has the constant's own name. */
export type Copies = ReadonlyMap<string, readonly string[]>;

/**
 * The graph with a copy of each shared constant per place.
 * @param groupOf which copies may stay one: places of one number share it; by default each place has its own
 */
export function copyConstants(
  graph: Graph,
  groupOf: (constant: string, place: number) => number = (_constant, place) => place,
): { readonly graph: Graph; readonly copies: Copies } {
  const places = sharedPlaces(graph);
  const copies = new Map<string, readonly string[]>();
  const renamed = new Map<Node, Map<number, string>>();
  const initializers = new Map(graph.initializers);
  const fresh = freshNames(graph);
  for (const [name, list] of places) {
    const tensor = constantOf(graph, name);
    if (tensor === null) continue;
    const names: string[] = [];
    const byGroup = new Map<number, string>();
    for (const [index, { node, input }] of list.entries()) {
      const group = groupOf(name, index);
      const known = byGroup.get(group);
      const own = known ?? (byGroup.size === 0 ? name : fresh(`${name}_copy${byGroup.size}`));
      byGroup.set(group, own);
      names.push(own);
      if (own === name) continue;
      initializers.set(own, tensor);
      const inputs = renamed.get(node) ?? new Map<number, string>();
      renamed.set(node, inputs.set(input, own));
    }
    if (byGroup.size > 1) copies.set(name, names);
  }
  if (renamed.size === 0) return { graph, copies: new Map() };
  const nodes = graph.nodes.map((node) => {
    const inputs = renamed.get(node);
    if (inputs === undefined) return node;
    return { ...node, inputs: node.inputs.map((name, index) => inputs.get(index) ?? name) };
  });
  return { graph: { ...graph, nodes, initializers }, copies };
}

/** Constants that may be copied, and where they are read: at two places or more, and by no subgraph. */
function sharedPlaces(graph: Graph): ReadonlyMap<string, readonly Place[]> {
  const places = new Map<string, Place[]>();
  const captured = new Set(graph.outputs.map((value) => value.name));
  for (const node of graph.nodes) {
    node.inputs.forEach((name, input) => {
      if (name === "" || constantOf(graph, name) === null) return;
      const list = places.get(name);
      if (list === undefined) places.set(name, [{ node, input }]);
      else list.push({ node, input });
    });
  }
  const consumers = consumersOf(graph);
  for (const [name, readers] of consumers) {
    const direct = readers.every((reader) => reader.inputs.includes(name));
    if (!direct) captured.add(name);
  }
  return new Map(
    [...places].filter(
      ([name, list]) => list.length > 1 && !captured.has(name) && mayCopy(graph, name, list),
    ),
  );
}

function mayCopy(graph: Graph, name: string, places: readonly Place[]): boolean {
  const tensor = constantOf(graph, name);
  if (tensor === null || elementCount(tensor.shape) < 2) return false;
  // An Identity of a constant is read as that constant; only what is stored can be copied.
  if (!graph.initializers.has(name) && producerOf(graph).get(name)?.opType !== "Constant")
    return false;
  const isVector = tensor.shape.filter((extent) => extent !== 1).length === 1;
  const isData = /^b?float/.test(tensor.type);
  const isStep = places.every(({ node }) => /^(Dequantize|Quantize)Linear$/.test(node.opType));
  if (isVector) return isData || isStep;
  return isData && places.every(({ node }) => traitsOf(node)?.kind === "elementwise");
}
