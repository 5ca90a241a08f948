import { constantOf } from "../../graph/constants.ts";
import type { Graph, Node } from "../../graph/graph.ts";
import { nodeId, nodeLabel } from "../../graph/graph.ts";
import { opOf } from "../../graph/read-op.ts";
import { elementCount } from "../../graph/tensor.ts";
import { consumersOf, producerOf } from "../../graph/traversal.ts";
import { axisIndex } from "../../structure/propagation.ts";
import { sliceIndices } from "../../structure/rules/move.ts";
import type { AxisUnits, Layer, Structure } from "../../structure/structure.ts";

/** A layer that makes queries, keys or values, and where each of their columns is among its outputs. */
export interface Maker {
  readonly layer: Layer;
  readonly node: Node;
  /** The node that adds the bias and which of its inputs that is; null where there is none. */
  readonly bias: { readonly node: Node; readonly input: number } | null;
  /** Output channels that are read, in order, with their units. */
  readonly channels: readonly number[];
  readonly units: AxisUnits;
}

/** The layer that reads what attention gives. */
export interface Reader {
  readonly layer: Layer;
  readonly node: Node;
  readonly units: AxisUnits;
}

/** Two factors of which only the product matters, or why the columns between them can't be changed. */
export type Pair =
  | { readonly kind: "scores"; readonly node: Node; readonly left: Maker; readonly right: Maker }
  | { readonly kind: "values"; readonly node: Node; readonly left: Maker; readonly right: Reader }
  | { readonly kind: "refused"; readonly node: Node; readonly reason: string };

/** The products of attention: queries with keys, and weights with values up to the layer behind. */
export function findPairs(structure: Structure): readonly Pair[] {
  const products = new Set(structure.contractions.map(({ id }) => id));
  return structure.graph.nodes.flatMap((node): Pair[] => {
    if (!products.has(nodeId(node))) return [];
    const [left = "", right = ""] = node.inputs;
    const rank = (name: string): number => structure.shapes.of(name)?.length ?? 0;
    const pairs: Pair[] = [];
    if (structure.axis(left, rank(left) - 1) !== null) {
      const [q, k] = [makerOf(structure, left, node), makerOf(structure, right, node)];
      if (typeof q === "string") pairs.push({ kind: "refused", node, reason: q });
      else if (typeof k === "string") pairs.push({ kind: "refused", node, reason: k });
      else pairs.push({ kind: "scores", node, left: q, right: k });
    }
    if (structure.axis(right, rank(right) - 1) !== null) {
      const v = makerOf(structure, right, node);
      const out = readerOf(structure, nodeId(node));
      if (typeof v === "string") pairs.push({ kind: "refused", node, reason: v });
      else if (typeof out === "string") pairs.push({ kind: "refused", node, reason: out });
      else pairs.push({ kind: "values", node, left: v, right: out });
    }
    return pairs;
  });
}

/** Ops that move columns as a whole. */
const MOVES: ReadonlySet<string> = new Set([
  "Reshape",
  "Transpose",
  "Squeeze",
  "Unsqueeze",
  "Identity",
  "Expand",
]);

/** Walks up from a product to the layer; the reason as text where something else touches the columns. */
function makerOf(structure: Structure, start: string, product: Node): Maker | string {
  const { graph } = structure;
  const producers = producerOf(graph);
  let name = start;
  let reader = product;
  let cut: { readonly value: string; readonly taken: readonly number[] } | null = null;
  let bias: Maker["bias"] = null;
  for (;;) {
    const node = producers.get(name);
    if (node === undefined) return `${described(reader)} reads an input of the network`;
    const others = (consumersOf(graph).get(name) ?? []).filter(
      (other) => other !== reader && other.opType !== "Shape",
    );
    const isParted = others.every(({ opType }) => opType === "Slice" || opType === "Split");
    const isSliced = reader.opType === "Slice" || reader.opType === "Split";
    if (others.length > 0 && !(isParted && isSliced)) {
      return `${described(others[0] ?? node)} reads the columns too`;
    }
    const layer = structure.layers.find(({ id }) => id === nodeId(node));
    if (layer !== undefined) return made(structure, node, layer, bias, cut);
    const [first = "", second = ""] = node.inputs;
    if (scales(structure, node) || (MOVES.has(node.opType) && cut === null)) {
      name = isConstant(graph, first) ? second : first;
    } else if (node.opType === "Slice" || node.opType === "Split") {
      const taken = takenBy(structure, node, name);
      if (taken === null || cut !== null) return `${described(node)} takes columns apart`;
      cut = { value: name, taken };
      name = first;
    } else if (node.opType === "Add" && bias === null && isBias(structure, node)) {
      const input = isConstant(graph, first) ? 0 : 1;
      bias = { node, input };
      name = input === 0 ? second : first;
    } else return `${described(node)} reads single columns`;
    reader = node;
  }
}

function made(
  structure: Structure,
  node: Node,
  layer: Layer,
  bias: Maker["bias"],
  cut: { readonly value: string; readonly taken: readonly number[] } | null,
): Maker | string {
  if (node.opType !== "MatMul" && node.opType !== "Gemm")
    return `${described(node)} makes the columns`;
  const tensor = constantOf(structure.graph, layer.weight.name);
  if (tensor === null || tensor.shape.length !== 2 || tensor.type !== "float32") {
    return `the weight of ${described(node)} is no float32 matrix of its own`;
  }
  const output = node.outputs[0] ?? "";
  const axis = channelAxis(structure, output);
  const units = structure.axis(cut?.value ?? output, axis);
  if (units === null) return `the columns of ${described(node)} can't be pruned`;
  const channels = cut?.taken ?? Array.from({ length: units.length }, (_, index) => index);
  const gemmBias = node.opType === "Gemm" && (node.inputs[2] ?? "") !== "";
  return { layer, node, bias: gemmBias ? { node, input: 2 } : bias, channels, units };
}

/** Walks down from the product to the layer that reads it. */
function readerOf(structure: Structure, start: string): Reader | string {
  const { graph } = structure;
  let name = start;
  for (;;) {
    const readers = (consumersOf(graph).get(name) ?? []).filter(({ opType }) => opType !== "Shape");
    const [reader, other] = readers;
    if (reader === undefined) return "nothing reads what attention gives";
    if (other !== undefined) return `${described(other)} reads what attention gives, too`;
    const layer = structure.layers.find(({ id }) => id === nodeId(reader));
    if (layer !== undefined) {
      const units = structure.axis(layer.weight.name, layer.weight.inputAxis);
      const tensor = constantOf(graph, layer.weight.name);
      const isMatrix = tensor?.shape.length === 2 && tensor.type === "float32";
      return units === null || !isMatrix || reader.inputs[0] !== name
        ? `${described(reader)} reads it in another form than a matrix`
        : { layer, node: reader, units };
    }
    if (!MOVES.has(reader.opType)) return `${described(reader)} reads single columns`;
    name = reader.outputs[0] ?? "";
  }
}

/** Indices along the channels that a Slice or one output of a Split takes; null where it cuts another axis. */
function takenBy(structure: Structure, node: Node, output: string): readonly number[] | null {
  const [input = ""] = node.inputs;
  const shape = structure.shapes.of(input) ?? [];
  const axis = channelAxis(structure, input);
  const op = opOf(node, structure.graph, structure.shapes.constant);
  const left = structure.shapes.of(output) ?? [];
  if (!shape.every((extent, index) => index === axis || extent === left[index])) return null;
  if (op.kind === "slice") return sliceIndices(op, axis, shape.length, shape[axis] ?? 0);
  if (op.kind !== "split" || axisIndex(op.axis, shape.length) !== axis) return null;
  let from = 0;
  for (const name of node.outputs) {
    const length = structure.shapes.of(name)?.[axis] ?? 0;
    const start = from;
    if (name === output) return Array.from({ length }, (_, index) => start + index);
    from += length;
  }
  return null;
}

function channelAxis(structure: Structure, name: string): number {
  return (structure.shapes.of(name)?.length ?? 1) - 1;
}

/** Times or divided by a single number. */
function scales(structure: Structure, node: Node): boolean {
  const isSingle = (name: string | undefined): boolean => {
    const shape = structure.shapes.of(name ?? "") ?? constantOf(structure.graph, name ?? "")?.shape;
    return shape !== undefined && shape !== null && elementCount(shape) === 1;
  };
  if (node.opType === "Div") return isSingle(node.inputs[1]);
  return (
    node.opType === "Mul" &&
    node.inputs.some(isSingle) &&
    isConstant(structure.graph, node.inputs[0] ?? "") !==
      isConstant(structure.graph, node.inputs[1] ?? "")
  );
}

function isBias(structure: Structure, node: Node): boolean {
  const [first = "", second = ""] = node.inputs;
  const tensor = constantOf(structure.graph, first) ?? constantOf(structure.graph, second);
  const output = structure.shapes.of(node.outputs[0] ?? "");
  return (
    tensor?.type === "float32" && tensor.shape.length === 1 && tensor.shape[0] === output?.at(-1)
  );
}

function isConstant(graph: Graph, name: string): boolean {
  return constantOf(graph, name) !== null;
}

function described(node: Node): string {
  return `${node.opType} '${nodeLabel(node)}'`;
}
