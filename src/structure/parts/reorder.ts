/**
 * Projections may alternate within an axis: `[.., heads, 3, columns]` instead of `[.., 3, heads, columns]`. The layers that make the axis
 * then get its units in another order, part by part: weights and biases are the same numbers in other places, and so is every output.
 */
import { at } from "../../core/at.ts";
import { constantOf } from "../../graph/constants.ts";
import { type Graph, type Node, nodeId } from "../../graph/graph.ts";
import type { NodeWriter } from "../../graph/node-writer.ts";
import { opOf } from "../../graph/read-op.ts";
import type { Shapes } from "../../graph/shapes/infer.ts";
import { sliceTensor } from "../../graph/slice-tensor.ts";
import { consumersOf, producerOf } from "../../graph/traversal.ts";

/** A node whose output gets another order along an axis. */
export interface Reordered {
  readonly node: Node;
  /** Inputs that hold constants, and the axis of each that is reordered. */
  readonly constants: ReadonlyMap<number, number>;
}

/**
 * What has to be reordered so that `value` has another order along an axis, from the layer to what gives the value; null
 * where something stands there that can't be, or where somebody else reads it.
 */
export function reorderable(
  graph: Graph,
  shapes: Shapes,
  value: string,
  axis: number,
): readonly Reordered[] | null {
  const node = producerOf(graph).get(value);
  const readers = consumersOf(graph).get(value) ?? [];
  const rank = shapes.of(value)?.shape.length;
  const isRead = readers.length > 1 || graph.outputs.some(({ name }) => name === value);
  if (node === undefined || isRead || rank === undefined) return null;
  const op = opOf(node, graph, shapes.constant);
  switch (op.kind) {
    case "matMul":
      return axis === rank - 1 ? layer(graph, node, { 1: -1 }) : null;
    case "gemm":
      return axis === 1 ? layer(graph, node, { 1: op.transB ? 0 : 1, 2: -1 }) : null;
    case "conv":
      return axis === 1 && op.group === 1 ? layer(graph, node, { 1: 0, 2: 0 }) : null;
    case "elementwise": {
      const open = node.inputs.filter((name) => constantOf(graph, name) === null);
      const [before] = open;
      if (open.length !== 1 || before === undefined) return null;
      if (shapes.of(before)?.shape.length !== rank) return null;
      const behind = node.inputs.flatMap((name, index) =>
        name === before ? [] : [[index, axis - rank]],
      );
      const own = layer(graph, node, Object.fromEntries(behind));
      const others = reorderable(graph, shapes, before, axis);
      return own === null || others === null ? null : [...others, ...own];
    }
    default:
      return null;
  }
}

/** A node of which these inputs have to be constants, with the axis of each; axes below 0 are counted from the last one. */
function layer(
  graph: Graph,
  node: Node,
  inputs: Readonly<Record<number, number>>,
): readonly Reordered[] | null {
  const constants = new Map<number, number>();
  for (const [key, axis] of Object.entries(inputs)) {
    const index = Number(key);
    const name = node.inputs[index] ?? "";
    if (name === "") continue;
    const tensor = constantOf(graph, name);
    if (tensor === null) return null;
    const place = axis < 0 ? tensor.shape.length + axis : axis;
    // An extent of 1, or an axis that isn't there, is the same for all units.
    if ((tensor.shape[place] ?? 1) > 1) constants.set(index, place);
  }
  return [{ node, constants }];
}

/** Writes these nodes once more, with units in the given order; returns what the last one gives. */
export function writeReordered(
  writer: NodeWriter,
  graph: Graph,
  chain: readonly Reordered[],
  order: readonly number[],
): string {
  const renamed = new Map<string, string>();
  for (const { node, constants } of chain) {
    const { source: _read, ...kept } = node;
    const inputs = node.inputs.map((name, index) => {
      const axis = constants.get(index);
      const tensor = constantOf(graph, name);
      if (axis === undefined || tensor === null) return renamed.get(name) ?? name;
      const selection = tensor.shape.map((_, each) => (each === axis ? order : null));
      return writer.tensor(byPart(name), sliceTensor(tensor, selection));
    });
    const output = writer.fresh(`${nodeId(node)}_by_part`);
    writer.push({ ...kept, inputs, outputs: [output] });
    renamed.set(nodeId(node), output);
  }
  return at([...renamed.values()], renamed.size - 1);
}

/** `attn.qkv.weight` as `attn.qkv_by_part.weight`: layers are named after their weights. */
function byPart(name: string): string {
  const dot = name.lastIndexOf(".");
  return dot < 0 ? `${name}_by_part` : `${name.slice(0, dot)}_by_part${name.slice(dot)}`;
}

/** Which unit of `[before, count, after]` stands where once the parts come first. */
export function orderByPart(before: number, count: number, after: number): readonly number[] {
  return Array.from({ length: before * count * after }, (_, place) => {
    const [part, rest] = [Math.floor(place / (before * after)), place % (before * after)];
    const [outer, inner] = [Math.floor(rest / after), rest % after];
    return (outer * count + part) * after + inner;
  });
}
