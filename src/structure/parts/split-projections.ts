/**
 * One matrix may make several projections (queries, keys and values) in one axis, which a Reshape splits into
 * `[.., 3, heads, columns]` and from which single indices are taken. All of them would share their columns. Here the axis is split
 * first, into one part per index, and what moved the whole moves each part: the same numbers, bit by bit, and each part has
 * columns of its own. The matrix stays one. Where the parts alternate (`[.., heads, 3, columns]`), the matrix gets its columns part by
 * part first (reorder.ts).
 */
import { at } from "../../core/at.ts";
import { constantOf } from "../../graph/constants.ts";
import { type Graph, input, type Node, nodeId, nodeLabel } from "../../graph/graph.ts";
import { opOf } from "../../graph/read-op.ts";
import { type InferOptions, inferShapes, type Shapes } from "../../graph/shapes/infer.ts";
import { consumersOf } from "../../graph/traversal.ts";
import { axisIndex } from "../propagation.ts";
import { sliceIndices } from "../rules/move.ts";
import { alignedGroups } from "../rules/reshape.ts";
import { moveParts } from "./move-parts.ts";
import { type Move, type Projections, squeezedAxes, type Take } from "./projections.ts";
import { orderByPart, reorderable } from "./reorder.ts";

/**
 * The graph with such projections split apart, and a note that says where.
 * @param options extents of open axes, as `findStructure` takes them
 */
export function splitProjections(
  graph: Graph,
  options: InferOptions = {},
): { readonly graph: Graph; readonly notes: readonly string[] } {
  if (!graph.nodes.some(({ opType }) => opType === "Reshape")) return { graph, notes: [] };
  const shapes = inferShapes(graph, options);
  const found = graph.nodes.flatMap((node) => projectionsAt(graph, shapes, node) ?? []);
  const [first] = found;
  if (first === undefined) return { graph, notes: [] };
  const where = found.length === 1 ? "" : ` (and at ${found.length - 1} more)`;
  const note = `${first.node.opType} '${nodeLabel(first.node)}'${where} splits an axis into ${first.count} parts that are read one by one; the axis is split first, so that each part keeps columns of its own.`;
  return { graph: moveParts(graph, shapes, found), notes: [note] };
}

/** What a Reshape splits into parts that are all read one by one; null where it does nothing of the kind. */
function projectionsAt(graph: Graph, shapes: Shapes, node: Node): Projections | null {
  if (node.opType !== "Reshape") return null;
  const [from, to] = [shapes.resolved(input(node, 0)), shapes.resolved(nodeId(node))];
  if (from === null || to === null) return null;
  for (const group of alignedGroups(from, to)) {
    const sources = group.from.filter((axis) => at(from, axis) > 1);
    const places = group.to.filter((axis) => at(to, axis) > 1);
    const [axis] = sources;
    if (axis === undefined || sources.length > 1 || places.length < 2) continue;
    for (const place of places) {
      const found = partsAt(graph, shapes, { node, place }, { axis, places });
      if (found !== null) return found;
    }
  }
  return null;
}

/** The parts that axis `place` counts of the `places` that an axis is split into. */
function partsAt(
  graph: Graph,
  shapes: Shapes,
  { node, place }: Move,
  { axis, places }: { readonly axis: number; readonly places: readonly number[] },
): Projections | null {
  const moves: Move[] = [];
  const takes: Take[] = [];
  if (!follow(graph, shapes, { node, place }, moves, takes)) return null;
  const taken = new Set(takes.flatMap(({ parts }) => parts));
  const target = targetWithout(graph, shapes, node, place);
  if (taken.size < 2 || target === undefined) return null;
  const extents = shapes.resolved(nodeId(node)) ?? [];
  const count = at(extents, place);
  const sizeOf = (some: readonly number[]): number =>
    some.reduce((product, each) => product * at(extents, each), 1);
  const found = { node, place, axis, count, target, moves, takes };
  const before = sizeOf(places.filter((each) => each < place));
  if (before === 1) return { ...found, reordered: null };
  const chain = reorderable(graph, shapes, input(node, 0), axis);
  if (chain === null) return null;
  const after = sizeOf(places.filter((each) => each > place));
  return { ...found, reordered: { chain, order: orderByPart(before, count, after) } };
}

/** Collects what moves and what takes the parts behind a node; false where something else reads them. */
function follow(
  graph: Graph,
  shapes: Shapes,
  { node, place }: Move,
  moves: Move[],
  takes: Take[],
): boolean {
  const value = nodeId(node);
  if (graph.outputs.some(({ name }) => name === value)) return false;
  const readers = consumersOf(graph).get(value) ?? [];
  return readers.every((reader) => {
    if (reader.inputs[0] !== value || reader.inputs.lastIndexOf(value) > 0) return false;
    const after = placeAfter(graph, shapes, reader, place);
    if (after !== null) {
      moves.push({ node: reader, place });
      return follow(graph, shapes, { node: reader, place: after }, moves, takes);
    }
    const take = takeOf(graph, shapes, reader, place);
    if (take === null || take.node.outputs.some((name) => leaves(graph, name))) return false;
    takes.push(take);
    return true;
  });
}

/** Whether a value is an output of the graph or read inside a subgraph: then its name has to stay. */
function leaves(graph: Graph, value: string): boolean {
  const readers = consumersOf(graph).get(value) ?? [];
  return (
    graph.outputs.some(({ name }) => name === value) ||
    readers.some((reader) => !reader.inputs.includes(value))
  );
}

/** Which axis of its output counts the parts, where a node only moves axes; null for any other. */
function placeAfter(graph: Graph, shapes: Shapes, node: Node, place: number): number | null {
  const op = opOf(node, graph, shapes.constant);
  const from = shapes.resolved(input(node, 0));
  const to = shapes.resolved(nodeId(node));
  if (from === null || to === null) return null;
  switch (op.kind) {
    case "unary":
      return op.function === "Identity" ? place : null;
    case "transpose": {
      const perm = op.perm ?? from.map((_, index) => from.length - 1 - index);
      return perm.indexOf(place);
    }
    case "squeeze": {
      const axes = squeezedAxes(op.axes, from);
      return axes === null || axes.includes(place)
        ? null
        : place - axes.filter((axis) => axis < place).length;
    }
    case "unsqueeze": {
      const axes = op.axes?.map((axis) => axisIndex(axis, to.length)) ?? null;
      const left = to.map((_, index) => index).filter((index) => axes?.includes(index) === false);
      return left[place] ?? null;
    }
    default:
      return null;
  }
}

function takeOf(graph: Graph, shapes: Shapes, node: Node, place: number): Take | null {
  const op = opOf(node, graph, shapes.constant);
  const from = shapes.resolved(input(node, 0));
  if (from === null) return null;
  const count = at(from, place);
  if (op.kind === "gather") {
    const rank = constantOf(graph, node.inputs[1] ?? "")?.shape.length;
    const [index, ...others] = op.indices ?? [];
    if (axisIndex(op.axis, from.length) !== place || others.length > 0) return null;
    if (rank === undefined || rank > 1 || typeof index !== "number") return null;
    const part = axisIndex(index, count);
    return part < 0 || part >= count ? null : { node, place, parts: [part], keeps: rank === 1 };
  }
  if (op.kind === "slice") {
    const taken = from.map((extent, axis) => sliceIndices(op, axis, from.length, extent));
    const isWhole = taken.every((list, axis) => axis === place || list?.length === from[axis]);
    const [part, ...others] = taken[place] ?? [];
    if (!isWhole || part === undefined || others.length > 0) return null;
    return { node, place, parts: [part], keeps: true };
  }
  if (op.kind === "split" && axisIndex(op.axis, from.length) === place) {
    const isSingle = node.outputs.every((name) => shapes.resolved(name)?.[place] === 1);
    return isSingle
      ? { node, place, parts: node.outputs.map((_, part) => part), keeps: true }
      : null;
  }
  return null;
}

/** The sizes that a Reshape asks for without those of one axis; null where they are computed, undefined where that can't be said. */
function targetWithout(
  graph: Graph,
  shapes: Shapes,
  node: Node,
  place: number,
): readonly number[] | null | undefined {
  const op = opOf(node, graph, shapes.constant);
  if (op.kind !== "reshape") return undefined;
  if (constantOf(graph, input(node, 1)) === null) return null;
  // A zero copies the extent at its own place of the input, which is another place once an axis before it is gone.
  const numbers = op.target?.filter((size) => typeof size === "number");
  if (numbers === undefined || numbers.length !== op.target?.length) return undefined;
  const isMoved = numbers.some((size, index) => size === 0 && index > place);
  return isMoved ? undefined : numbers.filter((_, index) => index !== place);
}
