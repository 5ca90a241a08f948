import { InternalError } from "../core/errors.ts";
import type { Extent, Graph, Node, SourcedAttribute, Tensor } from "../graph/graph.ts";
import { nodeId, nodeLabel } from "../graph/graph.ts";
import type { Shapes } from "../graph/shapes/infer.ts";
import { intTensor, tensorFromBytes } from "../graph/tensor.ts";
import { consumersOf } from "../graph/traversal.ts";
import type { Structure } from "../structure/structure.ts";
import type { KeptAxes } from "./kept-axes.ts";

/** What rewriting one node needs, and where it leaves the constants that it makes. */
export interface Rewriting {
  readonly structure: Structure;
  /** The graph after dropping; its weights are still whole. */
  readonly graph: Graph;
  readonly kept: KeptAxes;
  /** Shapes and constants of the whole network with its batch left open. */
  readonly open: () => Shapes;
  /** What lists of sizes hold in the smaller network if nothing is rewritten. */
  readonly sizes: (name: string) => readonly Extent[] | null;
  /** New and changed constants by name. */
  readonly constants: Map<string, Tensor>;
  /** New nodes, in any order. */
  readonly added: Node[];
}

export function rankOf(structure: Structure, name: string): number {
  return (structure.shapes.of(name) ?? structure.graph.initializers.get(name)?.shape ?? []).length;
}

/** Length of an axis after the cut. */
export function lengthOf({ structure, kept }: Rewriting, name: string, axis: number): number {
  const shape = structure.shapes.of(name) ?? structure.graph.initializers.get(name)?.shape;
  return kept(name, axis)?.length ?? shape?.[axis] ?? 0;
}

/** Whether any axis of a value is cut. */
export function isCut({ structure, kept }: Rewriting, name: string): boolean {
  const rank = rankOf(structure, name);
  for (let axis = 0; axis < rank; axis += 1) if (kept(name, axis) !== null) return true;
  return false;
}

/** A Gather with the node's name and outputs. */
export function gatherNode(
  node: Node,
  input: string,
  axis: number,
  indices: readonly number[],
  rewriting: Rewriting,
): Node {
  const name = newConstant(rewriting, node, "indices", intTensor([indices.length], indices));
  const { source: _read, ...rest } = node;
  return {
    ...rest,
    opType: "Gather",
    inputs: [input, name],
    attributes: new Map([["axis", { kind: "int", value: axis }]]),
  };
}

/** Sets a list of integers: an input from opset `since` on, an attribute before. */
export function withSizes(
  node: Node,
  role: string,
  input: number,
  since: number,
  sizes: readonly number[],
  rewriting: Rewriting,
): Node {
  if ((rewriting.graph.opsets.get("") ?? 0) < since) {
    return withAttribute(node, role, { kind: "ints", value: sizes });
  }
  const name = newConstant(rewriting, node, role, intTensor([sizes.length], sizes), input);
  const inputs = Array.from({ length: Math.max(node.inputs.length, input + 1) }, (_, index) =>
    index === input ? name : (node.inputs[index] ?? ""),
  );
  return { ...node, inputs };
}

/**
 * As `withSizes`, for sizes of which some (null) are only known when the network runs: these stay what the node reads now.
 * Requires that the list is an input.
 */
export function withSomeSizes(
  node: Node,
  role: string,
  input: number,
  sizes: readonly (number | null)[],
  rewriting: Rewriting,
): Node {
  const fixed = sizes.filter((size) => size !== null);
  if (fixed.length === sizes.length) return withSizes(node, role, input, 1, fixed, rewriting);
  const count = sizes.length;
  const numbers = intTensor(
    [count],
    sizes.map((size) => size ?? 0),
  );
  const choice = tensorFromBytes(
    "bool",
    [count],
    Uint8Array.from(sizes, (size) => (size === null ? 0 : 1)),
  );
  const chosen = newConstant(rewriting, node, `${role}_known`, choice);
  const given = newConstant(rewriting, node, `${role}_cut`, numbers);
  const joined = unusedName(rewriting, `${nodeId(node)}_${role}`);
  rewriting.added.push({
    name: joined,
    opType: "Where",
    domain: "",
    inputs: [chosen, given, node.inputs[input] ?? ""],
    outputs: [joined],
    attributes: new Map(),
  });
  return { ...node, inputs: node.inputs.map((name, index) => (index === input ? joined : name)) };
}

export function withAttribute(node: Node, name: string, attribute: SourcedAttribute): Node {
  return { ...node, attributes: new Map([...node.attributes, [name, attribute]]) };
}

/** Adds a constant: under the name of the initializer it replaces where only this node reads that, else under a new name. */
function newConstant(
  rewriting: Rewriting,
  node: Node,
  role: string,
  tensor: Tensor,
  input?: number,
): string {
  const { graph, constants } = rewriting;
  const old = input === undefined ? "" : (node.inputs[input] ?? "");
  const readers = consumersOf(graph).get(old) ?? [];
  const uses = node.inputs.filter((name) => name === old).length;
  const own = graph.initializers.has(old) && readers.length === 1 && uses === 1;
  const name = own ? old : unusedName(rewriting, `${nodeId(node)}_${role}`);
  constants.set(name, tensor);
  return name;
}

function unusedName({ graph, constants, added }: Rewriting, wanted: string): string {
  const taken = (name: string): boolean =>
    constants.has(name) ||
    added.some((node) => node.outputs.includes(name)) ||
    graph.initializers.has(name) ||
    graph.nodes.some((node) => node.outputs.includes(name));
  let name = wanted;
  for (let next = 2; taken(name); next += 1) name = `${wanted}_${next}`;
  return name;
}

export function allNumbers(node: Node, list: readonly Extent[] | null): readonly number[] {
  const numbers = list?.filter((item) => typeof item === "number") ?? [];
  if (list === null || numbers.length !== list.length) {
    throw cantRewrite(node, "its sizes are only known when the network runs");
  }
  return numbers;
}

export function cantRewrite(node: Node, why: string): InternalError {
  return new InternalError({
    code: "subnet/cant-rewrite",
    message: `${node.opType} '${nodeLabel(node)}' lies on a pruned axis and can't be changed: ${why}.`,
    where: `node '${nodeLabel(node)}'`,
    hint: "Protect the dims that it touches, and please report the network.",
  });
}
